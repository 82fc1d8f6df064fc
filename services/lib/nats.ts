/** A NATS connection that connects in the background and reconnects forever. */
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Auth,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type TlsOptions,
} from "@nats-io/transport-node";
import { toInboxPrefix } from "../../contract/queue/permissions.ts";
import { type Logger, messageOf } from "./logger.ts";
import { LoginFiles } from "./login-files.ts";
import { Counter, type Registry } from "./metrics.ts";

/** Where NATS is. */
export interface NatsAddress {
  /** `nats://host:port`, or `tls://host:port` where nothing is to be sent without TLS. */
  url: string;
  /** Folder with the files to log in with; undefined: NATS asks for none. */
  secretPath: string | undefined;
}

/** What the environment says of it. */
interface NatsVariables {
  faas_nats_address?: string | undefined;
  faas_nats_port: number;
  nats_url?: string | undefined;
  nats_secret_path?: string | undefined;
}

/** Reads the address; undefined where none is set. */
export function toNatsAddress(raw: NatsVariables & { faas_nats_address: string }): NatsAddress;
export function toNatsAddress(raw: NatsVariables): NatsAddress | undefined;
export function toNatsAddress(raw: NatsVariables): NatsAddress | undefined {
  const host = raw.faas_nats_address;
  const usual = host === undefined ? undefined : `nats://${host}:${raw.faas_nats_port}`;
  const url = raw.nats_url ?? usual;
  return url === undefined ? undefined : { url, secretPath: raw.nats_secret_path };
}

export interface NatsOptions extends NatsAddress {
  /** Shown in NATS' own monitoring. */
  clientName: string;
  logger: Logger;
  registry: Registry;
  /** Name of the counter of reconnections, e.g. `gateway_nats_reconnect_total`. */
  reconnectMetric: string;
}

const RECONNECT_WAIT_MS = 1000;

export class NatsConnector {
  readonly #options: NatsOptions;
  readonly #reconnects: Counter;
  readonly #connecting: Promise<NatsConnection>;
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #isClosing = false;
  readonly #listeners: (() => void)[] = [];
  readonly #aborted = new AbortController();
  /** Why it is not connected, where that is known. */
  #reason = "";

  /** Connects at once and retries until `close`, also after a connection is lost. */
  constructor(options: NatsOptions) {
    this.#options = options;
    this.#reconnects = new Counter({
      name: options.reconnectMetric,
      help: "Connections to NATS made after one was lost.",
      registers: [options.registry],
    });
    this.#connecting = this.#connect();
    this.#connecting.catch(() => undefined);
  }

  /** Resolves when it is connected for the first time. */
  connection(): Promise<NatsConnection> {
    return this.#connecting;
  }

  /** Whether it is connected now. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Most bytes of a message with its headers, as the server says; undefined: not known yet. */
  get maxPayload(): number | undefined {
    return this.#connection?.info?.max_payload;
  }

  /** Where this client's answers come to; a user with least rights subscribes to no other. */
  get inboxPrefix(): string {
    return toInboxPrefix(this.#options.clientName);
  }

  /** For readiness: undefined when connected, else the reason. */
  problem(): string | undefined {
    return this.#isConnected
      ? undefined
      : `not connected to ${this.#options.url}${this.#reason && `: ${this.#reason}`}`;
  }

  /** Calls a listener each time that it is connected again. */
  onReconnect(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Flushes pending messages, then closes the connection, also one that is being made. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#aborted.abort();
    const connection = await this.#connecting.catch(() => undefined);
    if (connection === undefined) {
      return;
    }
    // One that is lost has nothing to flush to, and may be lost while it flushes.
    await (this.#isConnected ? connection.drain() : connection.close()).catch(() =>
      connection.close(),
    );
  }

  async #connect(): Promise<NatsConnection> {
    const { url, clientName, logger } = this.#options;
    for (;;) {
      try {
        const connection = await connect({
          servers: toServer(url),
          name: clientName,
          inboxPrefix: this.inboxPrefix,
          ...toLogin(this.#options),
          maxReconnectAttempts: -1,
          reconnectTimeWait: RECONNECT_WAIT_MS,
          ignoreAuthErrorAbort: true,
          pingInterval: 10_000,
          // Two stack traces for each request, of which no log tells.
          noAsyncTraces: true,
        });
        this.#connection = connection;
        this.#isConnected = true;
        logger.info({ url }, "connected to NATS");
        void this.#follow(connection);
        return connection;
      } catch (error) {
        if (this.#isClosing) {
          throw error;
        }
        const reason = messageOf(error);
        // Warned once only, as the readiness check reports it continuously.
        const isNews = reason !== this.#reason;
        this.#reason = reason;
        logger[isNews ? "warn" : "debug"](
          { url, reason },
          "NATS not reachable, trying until it is",
        );
        const { signal } = this.#aborted;
        await sleep(RECONNECT_WAIT_MS, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    const { logger } = this.#options;
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#isConnected = false;
        this.#reason = "the connection was lost";
        logger.warn("connection to NATS lost");
      } else if (status.type === "reconnect") {
        this.#isConnected = true;
        this.#reconnects.inc();
        logger.info("connected to NATS again");
        this.#listeners.forEach((listener) => listener());
      }
    }
    this.#isConnected = false;
  }
}

/** The library knows the scheme `nats` only; `toLogin` sees to TLS. */
function toServer(url: string): string {
  return url.replace(/^tls:/, "nats:");
}

/** How to log in, by files that are read for each connection. */
function toLogin({ url, secretPath }: NatsAddress): Partial<ConnectionOptions> {
  const files = new LoginFiles(secretPath);
  const tls = toTls(files);
  const hasTls = url.startsWith("tls:") || tls !== undefined;
  return {
    ...(secretPath !== undefined && { authenticator: (nonce) => toAuth(files, nonce) }),
    ...(hasTls && { tls: { ...tls, ...toIdentity(url) } }),
  };
}

/** By the one kind of credentials that there is. */
function toAuth(files: LoginFiles, nonce?: string): Auth {
  const credentials = files.read("credentials");
  if (credentials !== undefined) {
    return credsAuthenticator(credentials)(nonce);
  }
  const seed = files.readText("seed");
  if (seed !== undefined) {
    return nkeyAuthenticator(Buffer.from(seed))(nonce);
  }
  const token = files.readText("token");
  const user = files.readText("user");
  return {
    ...(token !== undefined && { auth_token: token }),
    ...(user !== undefined && { user, pass: files.readText("password") ?? "" }),
  } as Auth;
}

/** For an address that is no name, the library would look for `localhost` in the certificate. */
function toIdentity(url: string): { host?: string } {
  const host = new URL(url).hostname.replaceAll(/[[\]]/g, "");
  return isIP(host) === 0 ? {} : { host };
}

function toTls(files: LoginFiles): TlsOptions | undefined {
  const pick = (name: "ca" | "certificate" | "privateKey"): string | undefined =>
    files.read(name) === undefined ? undefined : files.path(name);
  const [caFile, certFile, keyFile] = [pick("ca"), pick("certificate"), pick("privateKey")];
  return caFile === undefined && certFile === undefined
    ? undefined
    : {
        ...(caFile !== undefined && { caFile }),
        ...(certFile !== undefined && { certFile }),
        ...(keyFile !== undefined && { keyFile }),
      };
}
