/** One attempt to log in to an SSH server. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import type { Duplex } from "node:stream";
import ssh2, {
  type AuthenticationType,
  type Client,
  type ConnectConfig,
  type ServerHostKeyAlgorithm,
} from "ssh2";
import type { Endpoint } from "../connection.ts";
import { type HostKey, toHostKey, toPrivateKey } from "../keys.ts";

/** Interval of keepalive messages, milliseconds. */
const KEEPALIVE_MS = 15_000;

export interface Login {
  client: Client;
  /** Resolves when the connection has ended, on either side. */
  ended: Promise<void>;
  close(): void;
}

/** Logs in once; over `channel` instead of a direct TCP connection if it is given. */
export type Attempt = (signal: AbortSignal, channel?: Duplex) => Promise<Login>;

/**
 * Reads keys and settings once, before the attempts.
 * @throws Error about an invalid key or setting
 */
export function prepareLogin(endpoint: Endpoint): Attempt {
  const config = toConfig(endpoint);
  const expected = endpoint.hostKey === undefined ? undefined : toHostKey(endpoint.hostKey);
  return (signal, channel) => {
    const guard = new HostGuard(expected);
    const settings = { ...config, ...guard.settings, ...(channel && { sock: channel }) };
    return connect(settings, signal).catch((error: unknown) => {
      throw new Error(guard.complaint ?? explain(error as Error, config), { cause: error });
    });
  };
}

/** The result of `work`; fails when the connection ends first, as ssh2 may then never call back. */
export function whileConnected<T>(login: Login, work: Promise<T>): Promise<T> {
  const lost = login.ended.then((): never => {
    throw new Error("the connection was lost");
  });
  return Promise.race([work, lost]);
}

function connect(config: ConnectConfig, signal: AbortSignal): Promise<Login> {
  const client = new ssh2.Client();
  const ended = new Promise<void>((resolve) => client.once("close", () => resolve()));
  return new Promise<Login>((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener("abort", stop);
      client.destroy();
      reject(error);
    };
    const stop = (): void => fail(new Error("stopped"));
    signal.addEventListener("abort", stop, { once: true });
    // Not `once`: an unhandled error event would end the plugin.
    client.on("error", fail);
    client.on("close", () => fail(new Error("the connection was closed")));
    client.on("keyboard-interactive", (...[, , , prompts, answer]) =>
      answer(prompts.map(() => config.password ?? "")),
    );
    client.once("ready", () => {
      signal.removeEventListener("abort", stop);
      resolve({ client, ended, close: () => void client.end() });
    });
    client.connect(config);
  });
}

function toConfig(endpoint: Endpoint): ConnectConfig {
  const { host, port, user, password, privateKey, privateKeyPassword } = endpoint;
  const agent = privateKey === undefined ? findAgent(endpoint) : undefined;
  return {
    host,
    port,
    username: user,
    readyTimeout: endpoint.perDialTimeout * 1000,
    keepaliveInterval: KEEPALIVE_MS,
    tryKeyboard: true,
    authHandler: toMethods(endpoint, agent),
    ...(password !== undefined && { password }),
    ...(privateKey !== undefined && {
      privateKey: toPrivateKey(privateKey, privateKeyPassword),
      ...(privateKeyPassword !== undefined && { passphrase: privateKeyPassword }),
    }),
    ...(agent !== undefined && { agent }),
  };
}

/** The official plugin's order. It does not use the agent if there is a private key. */
function toMethods(endpoint: Endpoint, agent: string | undefined): AuthenticationType[] {
  return [
    "none",
    ...(endpoint.privateKey === undefined ? [] : (["publickey"] as const)),
    ...(endpoint.password === undefined ? [] : (["password", "keyboard-interactive"] as const)),
    ...(agent === undefined ? [] : (["agent"] as const)),
  ];
}

function findAgent(endpoint: Endpoint): string | undefined {
  const path = endpoint.agentSocketPath;
  if (path === undefined) {
    const fromEngine = process.env["SSH_AUTH_SOCK"];
    return fromEngine === "" ? undefined : fromEngine;
  }
  if (statSync(path, { throwIfNoEntry: false })?.isSocket()) {
    return path;
  }
  throw new Error(`connection.agentSocketPath: expected the socket of an agent, got "${path}"`);
}

/** Verifies the host key. Without one any key is accepted, as in the official plugin. */
class HostGuard {
  /** Why the host's key was refused. */
  complaint: string | undefined;
  readonly #expected: HostKey | undefined;

  constructor(expected: HostKey | undefined) {
    this.#expected = expected;
  }

  get settings(): Pick<ConnectConfig, "hostVerifier" | "algorithms"> {
    const expected = this.#expected;
    if (expected === undefined) {
      return {};
    }
    return {
      algorithms: { serverHostKey: toAlgorithms(expected) },
      hostVerifier: (key: Buffer) => {
        if (key.equals(expected.blob)) {
          return true;
        }
        this.complaint = `hostKey: expected ${fingerprint(key)}, which the host has, got ${fingerprint(expected.blob)}`;
        return false;
      },
    };
  }
}

/** Negotiates the type of the expected key; RSA keys have several algorithms (RFC 8332). */
function toAlgorithms({ type }: HostKey): ServerHostKeyAlgorithm[] {
  if (type === "ssh-rsa") {
    return ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];
  }
  return [type as ServerHostKeyAlgorithm];
}

/** As `ssh-keygen -l` prints it. */
function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function explain(error: Error & { level?: string }, config: ConnectConfig): string {
  if (error.level === "client-authentication") {
    const methods = (config.authHandler as AuthenticationType[]).filter((name) => name !== "none");
    return `user "${config.username}": expected the server to let it in, got a refusal (tried: ${methods.join(", ") || "nothing"})`;
  }
  return error.message.replace(/\s*\n\s*/g, " ");
}
