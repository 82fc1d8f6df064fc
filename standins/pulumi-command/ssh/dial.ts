/** Connects to a host over SSH as the official plugin does: repeatedly, and through a proxy. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientChannel } from "ssh2";
import type { Connection, Endpoint } from "../connection.ts";
import { throwIfStopped } from "../output.ts";
import { type Login, prepareLogin } from "./login.ts";

/** Pause after the first failure, milliseconds; half as much again after each further one. */
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5000;

export interface DialOptions {
  /** Aborts the attempts. */
  signal: AbortSignal;
  /** Called with a line for each failed attempt. */
  onLine: (line: string) => void;
}

/**
 * Logs in. Closing the returned login also closes the connection to the proxy.
 * @throws Error that names the host and the port when the limit of errors is passed
 */
export async function dial(connection: Connection, options: DialOptions): Promise<Login> {
  const { proxy } = connection;
  const attempt = prepareLogin(connection);
  if (proxy === undefined) {
    return await repeat({ ...options, what: "Dial", endpoint: connection }, () =>
      attempt(options.signal),
    );
  }
  const hop = await dialProxy(proxy, options);
  try {
    const goal = { ...options, what: "Dial from proxy", endpoint: connection };
    const target = await repeat(goal, async () =>
      attempt(options.signal, await openForward(hop, connection)),
    );
    target.client.once("close", () => hop.close());
    return target;
  } catch (error) {
    hop.close();
    throw error;
  }
}

async function dialProxy(proxy: Endpoint, options: DialOptions): Promise<Login> {
  try {
    const attempt = prepareLogin(proxy);
    return await repeat({ ...options, what: "Dial proxy", endpoint: proxy }, () =>
      attempt(options.signal),
    );
  } catch (error) {
    throw new Error(`proxy: ${(error as Error).message}`, { cause: error });
  }
}

/** A TCP connection from the proxy to the endpoint. */
function openForward(hop: Login, endpoint: Endpoint): Promise<ClientChannel> {
  const { host, port } = endpoint;
  return new Promise((resolve, reject) => {
    hop.client.forwardOut("127.0.0.1", 0, host, port, (error, channel) =>
      error ? reject(error) : resolve(channel),
    );
  });
}

interface Goal extends DialOptions {
  /** Prefix of the lines about failures. */
  what: string;
  endpoint: Endpoint;
}

async function repeat(goal: Goal, attempt: () => Promise<Login>): Promise<Login> {
  const { signal, endpoint } = goal;
  const { dialErrorLimit: limit } = endpoint;
  let pause = PAUSE_FIRST_MS;
  for (let failures = 1; ; failures += 1) {
    throwIfStopped(signal);
    try {
      return await attempt();
    } catch (error) {
      throwIfStopped(signal);
      const reason = `${toAddress(endpoint)}: ${(error as Error).message}`;
      if (limit >= 0 && failures > limit) {
        const attempts = failures === 1 ? "attempt" : "attempts";
        throw new Error(`after ${failures} failed ${attempts}: dial ${reason}`, { cause: error });
      }
      goal.onLine(
        `${goal.what} ${failures}/${limit < 0 ? "inf" : limit} failed: retrying (${reason})`,
      );
    }
    await sleep(pause, undefined, { signal }).catch(() => throwIfStopped(signal));
    pause = Math.min(pause * 1.5, PAUSE_MAX_MS);
  }
}

function toAddress({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
