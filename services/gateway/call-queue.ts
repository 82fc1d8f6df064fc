/** The queue of asynchronous calls: a JetStream stream with one subject. */
import {
  jetstream,
  jetstreamManager,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
} from "@nats-io/jetstream";
import { QUEUE, type QueueMessage } from "../contract/index.ts";
import { messageOf, type Logger } from "../lib/logger.ts";
import type { NatsLink } from "../lib/nats.ts";

/** Time to wait for JetStream's word that it has stored a call, milliseconds. */
const PUBLISH_TIMEOUT_MS = 5000;

/** Wait between attempts to create the stream, milliseconds. */
const STREAM_RETRY_MS = 1000;

/** JetStream's `stream name already in use with a different configuration`. */
const STREAM_NAME_IN_USE = 10_058;

class QueueUnavailableError extends Error {
  override name = "QueueUnavailableError";
}

export class MessageTooLargeError extends Error {
  override name = "MessageTooLargeError";
}

export class CallQueue {
  readonly #nats: NatsLink;
  readonly #logger: Logger;
  #client: JetStreamClient | undefined;
  #isClosing = false;

  /** Waits for NATS in the background and creates the stream where it is missing. */
  constructor(nats: NatsLink, logger: Logger) {
    this.#nats = nats;
    this.#logger = logger;
    void this.#prepare();
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#nats.problem() ?? (this.#client === undefined ? "no stream yet" : undefined);
  }

  /**
   * Stores a call. Resolves when JetStream has it on disk; throws a MessageTooLargeError that names
   * the limit, or a QueueUnavailableError.
   */
  async publish(message: QueueMessage, callId: string): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#nats.isConnected) {
      throw new QueueUnavailableError("queue: not reachable");
    }
    const data = JSON.stringify(message);
    const size = Buffer.byteLength(data);
    if (size > QUEUE.maxMessageBytes) {
      throw new MessageTooLargeError(
        `message: must not exceed ${QUEUE.maxMessageBytes} bytes (JSON, body in base64), got ${size}`,
      );
    }
    try {
      await client.publish(QUEUE.subject, data, { msgID: callId, timeout: PUBLISH_TIMEOUT_MS });
    } catch (error) {
      throw new QueueUnavailableError(`queue: ${messageOf(error)}`, { cause: error });
    }
  }

  close(): void {
    this.#isClosing = true;
  }

  async #prepare(): Promise<void> {
    const connection = await this.#nats.connection().catch(() => undefined);
    while (connection !== undefined && !this.#isClosing) {
      try {
        const manager = await jetstreamManager(connection);
        await manager.streams
          .add({
            name: QUEUE.stream,
            subjects: [QUEUE.subject],
            retention: RetentionPolicy.Workqueue,
            storage: StorageType.File,
            max_msg_size: QUEUE.maxMessageBytes + HEADER_BYTES,
          })
          .catch(ignoreExistingStream);
        this.#client = jetstream(connection);
        return;
      } catch (error) {
        this.#logger.warn({ reason: messageOf(error) }, "stream not ready, trying again");
        await new Promise((resolve) => setTimeout(resolve, STREAM_RETRY_MS).unref());
      }
    }
  }
}

/** Room for what JetStream keeps beside a message (its id). */
const HEADER_BYTES = 4096;

/** Somebody has made the stream with settings of their own; those hold. */
function ignoreExistingStream(error: unknown): void {
  if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NAME_IN_USE) {
    throw error;
  }
}
