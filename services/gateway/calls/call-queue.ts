/** The queue of asynchronous calls: a JetStream stream with one subject. */
import {
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { QueueStatus } from "../../../contract/index.ts";
import {
  encodeCall,
  ID_BYTES,
  QUEUE,
  type QueuedCall,
  STREAM_CONFIG,
} from "../../../contract/queue/index.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { NatsLink } from "../../lib/nats.ts";

/** Time to wait for JetStream's word that it has stored a call, milliseconds. */
const PUBLISH_TIMEOUT_MS = 5000;

/** Longest wait for the state of the queue, milliseconds. */
const STATUS_TIMEOUT_MS = 1000;

/** Wait between attempts to create the stream, milliseconds. */
const STREAM_RETRY_MS = 1000;

/** JetStream's `consumer not found`. */
const CONSUMER_NOT_FOUND = 10_014;

/** JetStream's `stream name already in use with a different configuration`. */
const STREAM_NAME_IN_USE = 10_058;

class QueueUnavailableError extends Error {
  override name = "QueueUnavailableError";
}

export class CallQueue {
  readonly #nats: NatsLink;
  readonly #logger: Logger;
  #client: JetStreamClient | undefined;
  #manager: JetStreamManager | undefined;
  #isClosing = false;
  /** Why there is no stream. */
  #reason = "no stream yet";

  /** Waits for NATS in the background and creates the stream where it is missing. */
  constructor(nats: NatsLink, logger: Logger) {
    this.#nats = nats;
    this.#logger = logger;
    void this.#prepare();
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#nats.problem() ?? (this.#client === undefined ? this.#reason : undefined);
  }

  /**
   * Stores a call. Resolves when JetStream has it on disk; throws what `encodeCall` throws, or a
   * QueueUnavailableError.
   */
  async publish(call: QueuedCall, callId: string): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#nats.isConnected) {
      throw new QueueUnavailableError("queue: not reachable");
    }
    const data = encodeCall(call, this.#maxBytes());
    try {
      await client.publish(QUEUE.subject, data, { msgID: callId, timeout: PUBLISH_TIMEOUT_MS });
    } catch (error) {
      throw new QueueUnavailableError(`queue: ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * How many calls wait and run. Answers within a second or throws a QueueUnavailableError; without
   * any worker yet, all calls wait.
   */
  async status(): Promise<QueueStatus> {
    const manager = this.#manager;
    if (manager === undefined || !this.#nats.isConnected) {
      throw new QueueUnavailableError("queue: not reachable");
    }
    try {
      const { num_pending, num_ack_pending, num_redelivered } = await manager.consumers.info(
        QUEUE.stream,
        QUEUE.consumer,
      );
      return {
        name: QUEUE.name,
        pending: num_pending,
        inFlight: num_ack_pending,
        redelivered: num_redelivered,
      };
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_NOT_FOUND) {
        throw new QueueUnavailableError(`queue: ${messageOf(error)}`, { cause: error });
      }
      const { state } = await manager.streams.info(QUEUE.stream);
      return { name: QUEUE.name, pending: state.messages, inFlight: 0, redelivered: 0 };
    }
  }

  /** A server of somebody else's may take less than ours; its limit is for headers, too. */
  #maxBytes(): number {
    return (this.#nats.maxPayload ?? Infinity) - ID_BYTES;
  }

  close(): void {
    this.#isClosing = true;
  }

  async #prepare(): Promise<void> {
    const connection = await this.#nats.connection().catch(() => undefined);
    while (connection !== undefined && !this.#isClosing) {
      try {
        const manager = await jetstreamManager(connection);
        await manager.streams.add(STREAM_CONFIG).catch(ignoreExistingStream);
        this.#manager = await jetstreamManager(connection, { timeout: STATUS_TIMEOUT_MS });
        this.#client = jetstream(connection);
        return;
      } catch (error) {
        this.#reason = `no stream yet: ${messageOf(error)}`;
        this.#logger.warn({ reason: messageOf(error) }, "stream not ready, trying again");
        await new Promise((resolve) => setTimeout(resolve, STREAM_RETRY_MS).unref());
      }
    }
  }
}

/** Somebody has made the stream with settings of their own; those hold. */
function ignoreExistingStream(error: unknown): void {
  if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NAME_IN_USE) {
    throw error;
  }
}
