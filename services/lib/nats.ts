/** A NATS connection that connects in the background and reconnects forever. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type Logger, messageOf } from "./logger.ts";
import { Counter, type Registry } from "./metrics.ts";

export interface NatsOptions {
  host: string;
  port: number;
  /** Shown in NATS' own monitoring. */
  clientName: string;
  logger: Logger;
  registry: Registry;
  /** Name of the counter of reconnections, e.g. `gateway_nats_reconnect_total`. */
  reconnectMetric: string;
}

const RECONNECT_WAIT_MS = 1000;

export class NatsLink {
  readonly #options: NatsOptions;
  readonly #reconnects: Counter;
  readonly #connecting: Promise<NatsConnection>;
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #isClosing = false;

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

  /** For readiness: undefined when connected, else the reason. */
  problem(): string | undefined {
    const { host, port } = this.#options;
    return this.#isConnected ? undefined : `not connected to ${host}:${port}`;
  }

  /** Flushes pending messages, then closes the connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#connection === undefined) {
      return;
    }
    await (this.#isConnected ? this.#connection.drain() : this.#connection.close());
  }

  async #connect(): Promise<NatsConnection> {
    const { host, port, clientName, logger } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        const connection = await connect({
          servers: `${host}:${port}`,
          name: clientName,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RECONNECT_WAIT_MS,
          ignoreAuthErrorAbort: true,
          pingInterval: 10_000,
        });
        this.#connection = connection;
        this.#isConnected = true;
        logger.info({ host, port }, "connected to NATS");
        void this.#follow(connection);
        return connection;
      } catch (error) {
        if (this.#isClosing) {
          throw error;
        }
        // Warned once only, as the readiness check reports it continuously.
        logger[attempt === 0 ? "warn" : "debug"](
          { host, port, reason: messageOf(error) },
          "NATS not reachable, trying until it is",
        );
        await sleep(RECONNECT_WAIT_MS, undefined, { ref: false });
      }
    }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    const { logger } = this.#options;
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#isConnected = false;
        logger.warn("connection to NATS lost");
      } else if (status.type === "reconnect") {
        this.#isConnected = true;
        this.#reconnects.inc();
        logger.info("connected to NATS again");
      }
    }
    this.#isConnected = false;
  }
}
