/** The queue as gateway and queue-worker reach it: a connection, and the streams on it. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { STREAM, type StreamTerms } from "../../../contract/queue/index.ts";
import { type Logger, messageOf } from "../logger.ts";
import type { NatsConnector } from "../nats.ts";
import { BodyStore } from "./body-store.ts";
import { Inbox } from "./inbox.ts";
import { createStore, type Store } from "./publish.ts";
import { ensureStreams, updateBodies } from "./streams.ts";

/** Wait between attempts to make the streams, milliseconds. */
const RETRY_MS = 1000;

/** Longest wait for an answer of JetStream's API, milliseconds. */
const API_TIMEOUT_MS = 3000;

/** What there is once the streams are. */
export interface QueueAccess {
  connection: NatsConnection;
  client: JetStreamClient;
  manager: JetStreamManager;
  store: Store;
  bodies: BodyStore;
  /** When the stream of states was made, an ISO date: NATS has none of what was told before. */
  statesSince: string;
}

/** The queue cannot be used now; the text says why. */
export class QueueUnavailableError extends Error {
  override name = "QueueUnavailableError";
}

export interface QueueLinkOptions {
  /** What is said of all streams. */
  terms?: StreamTerms;
  /** Hears of streams that were there once and had to be made anew. */
  onRemade?: (streams: string[]) => void;
}

export class QueueLink {
  readonly #nats: NatsConnector;
  readonly #logger: Logger;
  readonly #options: QueueLinkOptions;
  readonly #listeners: ((access: QueueAccess) => void)[] = [];
  #access: QueueAccess | undefined;
  #store: Store | undefined;
  #hadStreams = false;
  #isClosing = false;
  #checking: Promise<void> | undefined;
  /** Connections that were made after one was lost. */
  #reconnects = 0;
  /** Why there are no streams. */
  #reason = "no stream yet";

  /**
   * Waits for NATS in the background and makes the streams that are missing, also when NATS comes
   * back without them.
   */
  constructor(nats: NatsConnector, logger: Logger, options: QueueLinkOptions = {}) {
    this.#nats = nats;
    this.#logger = logger;
    this.#options = options;
    nats.onReconnect(() => {
      this.#reconnects += 1;
      void this.check();
    });
    void this.check();
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#nats.problem() ?? (this.#access === undefined ? this.#reason : undefined);
  }

  /** The queue, or a QueueUnavailableError. */
  get access(): QueueAccess {
    const problem = this.problem();
    if (problem !== undefined || this.#access === undefined) {
      throw new QueueUnavailableError(`queue: ${problem ?? this.#reason}`);
    }
    return this.#access;
  }

  /** Most bytes of a message with its headers, as the server says. */
  get maxPayload(): number {
    return this.#nats.maxPayload ?? Infinity;
  }

  /** Hears whenever the queue can be used, or can be used again; at once where it can now. */
  onReady(listener: (access: QueueAccess) => void): void {
    this.#listeners.push(listener);
    if (this.#access !== undefined) {
      listener(this.#access);
    }
  }

  /** Looks whether the streams are there, and makes them; resolves when they are. */
  check(): Promise<void> {
    this.#checking ??= this.#prepare().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  close(): void {
    this.#isClosing = true;
  }

  async #prepare(): Promise<void> {
    const connection = await this.#nats.connection().catch(() => undefined);
    while (connection !== undefined && !this.#isClosing) {
      try {
        const before = this.#reconnects;
        await this.#make(connection);
        // Else what was there may be gone: it was another NATS', or that has lost its disk.
        if (this.#reconnects === before) {
          return;
        }
      } catch (error) {
        this.#access = undefined;
        this.#reason = `no stream yet: ${messageOf(error)}`;
        this.#logger.warn({ reason: messageOf(error) }, "queue not ready, trying again");
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** One for all, as the connection is. */
  #storeOf(connection: NatsConnection): Store {
    if (this.#store === undefined) {
      const inbox = new Inbox(connection, this.#nats.inboxPrefix);
      this.#nats.onReconnect(() => inbox.reset());
      this.#store = createStore(inbox);
    }
    return this.#store;
  }

  async #make(connection: NatsConnection): Promise<void> {
    const manager = await jetstreamManager(connection, { timeout: API_TIMEOUT_MS });
    const { terms = {}, onRemade } = this.#options;
    const made = await ensureStreams(manager, terms);
    const client = jetstream(connection, { timeout: API_TIMEOUT_MS });
    const bodies = await BodyStore.open(client, this.maxPayload, terms);
    await updateBodies(manager, terms);
    const lost = this.#hadStreams ? made.filter((name) => name !== STREAM.states) : [];
    if (lost.length > 0) {
      this.#logger.error({ streams: lost }, "NATS has lost its streams, they are made anew");
      onRemade?.(lost);
    }
    this.#hadStreams = true;
    const { created: statesSince } = await manager.streams.info(STREAM.states);
    const access = {
      ...{ connection, client, manager, bodies, statesSince },
      store: this.#storeOf(connection),
    };
    this.#access = access;
    this.#listeners.forEach((listener) => listener(access));
  }
}
