/** Stands between a program and a Kubernetes API server: a test says when a write goes on. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Agent, type Dispatcher, request } from "undici";
import { readKubeConfig } from "../../services/lib/kubeconfig.ts";
import { listen } from "../../services/lib/servers.ts";
import { createTlsConnector, HTTP_1 } from "../../services/lib/tls-connector.ts";
import { toListener } from "./network.ts";

/** One that has come, and not gone on yet. */
export interface Write {
  method: string;
  path: string;
  body: string;
  /** HTTP status of the API server's answer; undefined: it never went there. */
  answered: Promise<number | undefined>;
}

/** Whether a write goes on, or is lost on its way. */
export type Fate = "pass" | "lose";

export class WriteGate {
  /** Decides on each write; one that passes does so although its sender may be gone by then. */
  decide: (write: Write) => Fate | Promise<Fate> = () => "pass";
  readonly #target: string;
  readonly #agent: Agent;
  readonly #server = createServer(toListener((...given) => this.#answer(...given)));

  private constructor(target: string, agent: Agent) {
    this.#target = target;
    this.#agent = agent;
  }

  /** With the rights of the kubeconfig's user, whoever comes. */
  static async to(kubeconfigPath: string): Promise<WriteGate> {
    const { server, readTls = () => ({}) } = readKubeConfig(kubeconfigPath);
    const connect = createTlsConnector({ timeout: 5000 }, readTls);
    const gate = new WriteGate(server, new Agent({ ...HTTP_1, connect, bodyTimeout: 0 }));
    // A connection that is closed while it is used again would be a failed request.
    gate.#server.keepAliveTimeout = 0;
    await listen(gate.#server, 0, "127.0.0.1");
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    await this.#agent.destroy();
  }

  async #answer(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = await text(from);
    const isRead = from.method === "GET";
    const passed = isRead
      ? this.#pass(from, { to, body, signal: untilClosed(to) })
      : this.#passWrite(from, { to, body });
    // What cannot be answered is cut.
    await passed.catch(() => to.destroy());
  }

  async #passWrite(from: IncomingMessage, { to, body }: Passing): Promise<void> {
    const { promise: answered, resolve } = Promise.withResolvers<number | undefined>();
    const { method = "", url: path = "" } = from;
    try {
      if ((await this.decide({ method, path, body, answered })) === "pass") {
        resolve(await this.#pass(from, { to, body }));
      }
      to.destroy();
    } finally {
      resolve(undefined);
    }
  }

  async #pass({ method, url, headers }: IncomingMessage, passing: Passing): Promise<number> {
    const { to, body, signal } = passing;
    const { statusCode, ...answer } = await request(`${this.#target}${url ?? ""}`, {
      dispatcher: this.#agent,
      method: method as Dispatcher.HttpMethod,
      headers: pickHeaders(headers, ["accept", "content-type"]),
      ...(body !== "" && { body }),
      ...(signal && { signal }),
    });
    to.writeHead(statusCode, pickHeaders(answer.headers, ["content-type"])).flushHeaders();
    // Its sender may be gone, or the test over.
    await pipeline(answer.body, to).catch(() => undefined);
    return statusCode;
  }
}

interface Passing {
  to: ServerResponse;
  body: string;
  signal?: AbortSignal;
}

function untilClosed(response: ServerResponse): AbortSignal {
  const closed = new AbortController();
  response.on("close", () => closed.abort());
  return closed.signal;
}

function pickHeaders(
  headers: IncomingMessage["headers"],
  names: readonly string[],
): Record<string, string> {
  const entries = names.map((name) => [name, headers[name]]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}
