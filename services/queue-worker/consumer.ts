/** The loop that takes messages from the queue, as many at once as there are places. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Consumer,
  type ConsumerMessages,
  jetstream,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type ConsumerConfig, QUEUE, toConsumerConfig } from "../../contract/queue/index.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import type { NatsLink } from "../lib/nats.ts";

export interface ConsumerOptions {
  nats: NatsLink;
  logger: Logger;
  ackWaitMs: number;
  maxInFlight: number;
  /** Deals with one message; never rejects. */
  handle: (message: JsMsg) => Promise<void>;
}

/** Wait before the stream is looked for again, milliseconds. */
const RETRY_MS = 1000;

/** JetStream's `consumer already exists`, with other settings. */
const CONSUMER_EXISTS = 10_148;

/** How long one request for messages stands, milliseconds. */
const PULL_EXPIRES_MS = 10_000;

export class QueueConsumer {
  readonly #options: ConsumerOptions;
  readonly #inFlight = new Set<Promise<void>>();
  #batch: ConsumerMessages | undefined;
  #isTaking = false;
  /** Why it takes no messages. */
  #reason = "no stream yet";
  #isStopping = false;
  #running: Promise<void> | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** Begins to take messages; waits for NATS and for the stream as long as it takes. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#isTaking ? undefined : this.#reason;
  }

  /** Takes no more messages and resolves when those in flight are done with. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#batch?.stop();
    await Promise.all(this.#inFlight);
  }

  async #run(): Promise<void> {
    const { nats, logger } = this.#options;
    const connection = await nats.connection().catch(() => undefined);
    while (connection !== undefined && !this.#hasToStop()) {
      try {
        await this.#consume(connection);
      } catch (error) {
        this.#reason = `no stream yet: ${messageOf(error)}`;
        logger.warn({ reason: messageOf(error) }, "queue not ready, trying again");
      }
      this.#isTaking = false;
      await sleep(this.#hasToStop() ? 0 : RETRY_MS, undefined, { ref: false });
    }
  }

  #hasToStop(): boolean {
    return this.#isStopping;
  }

  async #consume(connection: NatsConnection): Promise<void> {
    const { ackWaitMs, maxInFlight, logger } = this.#options;
    const manager = await jetstreamManager(connection);
    await makeConsumer(manager, toConsumerConfig(ackWaitMs));
    const consumer = await jetstream(connection).consumers.get(QUEUE.stream, QUEUE.consumer);
    this.#isTaking = true;
    logger.info({ stream: QUEUE.stream, maxInFlight }, "taking messages");
    while (!this.#hasToStop()) {
      await this.#takeBatch(consumer);
    }
  }

  /**
   * Asks for as many messages as there are free places: one that waited here for its turn would
   * have no heartbeat, and the queue would give it to somebody else as well.
   */
  async #takeBatch(consumer: Consumer): Promise<void> {
    const free = this.#options.maxInFlight - this.#inFlight.size;
    if (free === 0) {
      await Promise.race(this.#inFlight);
      return;
    }
    this.#batch = await consumer.fetch({ max_messages: free, expires: PULL_EXPIRES_MS });
    for await (const message of this.#batch) {
      if (this.#hasToStop()) {
        message.nak();
      } else {
        this.#take(message);
      }
    }
  }

  #take(message: JsMsg): void {
    const work = this.#options.handle(message).finally(() => {
      this.#inFlight.delete(work);
    });
    this.#inFlight.add(work);
  }
}

/** Makes the consumer; one that is there gets its settings, as `ack_wait` may have been another. */
async function makeConsumer(manager: JetStreamManager, config: ConsumerConfig): Promise<void> {
  try {
    await manager.consumers.add(QUEUE.stream, config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) {
      throw error;
    }
    await manager.consumers.update(QUEUE.stream, QUEUE.consumer, config);
  }
}
