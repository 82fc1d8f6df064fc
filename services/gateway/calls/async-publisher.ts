/** The gateway's way to the queue: it publishes asynchronous calls, and says how many there are. */
import { setTimeout as sleep } from "node:timers/promises";
import type { QueueStatus } from "../../../contract/index.ts";
import {
  encodeCall,
  MalformedMessageError,
  QUEUE,
  type QueuedCall,
  readFields,
  type StoredBody,
  STREAM,
  type StreamTerms,
  toCallId,
  toHint,
  toLane,
} from "../../../contract/queue/index.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { Counter, type Registry } from "../../lib/metrics.ts";
import type { NatsConnector } from "../../lib/nats.ts";
import { forgetBody } from "../../lib/queue/body-store.ts";
import { CallStates } from "../../lib/queue/call-states.ts";
import {
  isFull,
  NobodyThereError,
  type OutgoingMessage,
  publish,
  say,
  sizeLimitOf,
  sizeOf,
} from "../../lib/queue/publish.ts";
import { QueueLink, QueueUnavailableError } from "../../lib/queue/queue-link.ts";

/** There is no room for a call. */
export class QueueFullError extends Error {
  override name = "QueueFullError";
}

/** A call that this NATS takes in no message. Its text names the limit. */
export class MessageTooLargeError extends Error {
  override name = "MessageTooLargeError";
}

/** Longest wait for streams that are made anew, milliseconds. */
const CHECK_MS = 3000;

/** What became of a call. */
export interface Acceptance {
  /** Undefined: it is known, and done with already. */
  id: string | undefined;
  /** Whether a call with the same `Idempotency-Key` had been accepted before. */
  isRepeated: boolean;
}

export interface AsyncPublisherOptions {
  nats: NatsConnector;
  logger: Logger;
  registry: Registry;
  /** What is said of all streams. */
  terms?: StreamTerms;
}

export class AsyncPublisher {
  readonly link: QueueLink;
  readonly states: CallStates;
  /** Hears of each call that is queued. */
  onQueued: () => void = () => undefined;

  /** Waits for NATS in the background and makes the streams that are missing. */
  constructor({ nats, logger, registry, terms = {} }: AsyncPublisherOptions) {
    const remade = new Counter({
      name: "gateway_queue_streams_remade_total",
      help: "Streams of the queue that NATS had lost, with what was in them.",
      labelNames: ["stream"],
      registers: [registry],
    });
    this.link = new QueueLink(nats, logger, {
      terms,
      onRemade: (streams) => streams.forEach((stream) => remade.inc({ stream })),
    });
    this.states = new CallStates(this.link);
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.link.problem();
  }

  /** Most bytes of a body within its message: a NATS of somebody else's may take few. */
  get maxInlineBytes(): number {
    return Math.min(QUEUE.maxInlineBytes, Math.floor(this.link.maxPayload / 2));
  }

  /**
   * Stores a call. Resolves when JetStream has it on disk; throws a MalformedMessageError, a
   * QueueFullError or a QueueUnavailableError.
   *
   * @param options its queue, and an id where it is stored only once
   */
  async publish(
    call: QueuedCall,
    { queue, messageId }: { queue: string; messageId?: string | undefined },
  ): Promise<Acceptance> {
    const lane = toLane(call.reference, queue);
    const message = { subject: lane, ...encodeCall(call), ...(messageId && { messageId }) };
    this.#checkSize(message);
    const { seq, isDuplicate } = await this.#guard(() => this.#store(message));
    if (isDuplicate) {
      const nonce = await this.#readNonce(seq);
      const id = nonce === undefined ? undefined : toCallId({ sequence: seq, nonce });
      return { id, isRepeated: true };
    }
    // It is stored, and accepted, whoever hears of it: workers find it by themselves, too.
    say(this.link, toHint(lane));
    this.onQueued();
    return { id: toCallId({ sequence: seq, nonce: call.nonce }), isRepeated: false };
  }

  /** Keeps a body that is too large for a message; throws as `publish` does. */
  async keep(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredBody> {
    return this.#guard(() => this.link.access.bodies.write(name, source));
  }

  /** Forgets a body whose call is not, or no more, in the queue. */
  async forget(body: QueuedCall["body"]): Promise<void> {
    await forgetBody(this.link, body);
  }

  /**
   * How many calls wait and run. Answers within seconds or throws a QueueUnavailableError; without
   * any worker yet, all calls wait.
   */
  async status(): Promise<QueueStatus> {
    return this.#guard(async () => {
      const { manager } = this.link.access;
      const { state } = await manager.streams.info(STREAM.calls);
      const counts = { inFlight: 0, redelivered: 0 };
      for await (const info of manager.consumers.list(STREAM.calls)) {
        counts.inFlight += info.num_ack_pending;
        counts.redelivered += info.num_redelivered;
      }
      const pending = Math.max(0, state.messages - counts.inFlight);
      return { name: QUEUE.name, pending, ...counts };
    });
  }

  close(): void {
    this.link.close();
  }

  #checkSize(message: OutgoingMessage): void {
    const limit = sizeLimitOf(this.link);
    const size = sizeOf(message);
    if (size > limit) {
      throw new MessageTooLargeError(`message: expected at most ${limit} bytes, got ${size}`);
    }
  }

  /** NATS may have come back without its disk: then the streams are made, and it is tried again. */
  async #store(message: OutgoingMessage): ReturnType<typeof publish> {
    try {
      return await publish(this.link.access, message);
    } catch (error) {
      if (!(error instanceof NobodyThereError)) {
        throw error;
      }
      // Where there is no JetStream either, the caller is told so, and the link goes on.
      await Promise.race([this.link.check(), sleep(CHECK_MS, undefined, { ref: false })]);
      return publish(this.link.access, message);
    }
  }

  async #readNonce(seq: number): Promise<string | undefined> {
    const { manager } = this.link.access;
    const message = await manager.streams.getMessage(STREAM.calls, { seq }).catch(() => null);
    return message === null ? undefined : readFields(message.header).head["Plonk-Nonce"];
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isFull(error)) {
        throw new QueueFullError(`queue: ${messageOf(error)}`, { cause: error });
      }
      if (error instanceof MalformedMessageError || error instanceof MessageTooLargeError) {
        throw error;
      }
      throw error instanceof QueueUnavailableError
        ? error
        : new QueueUnavailableError(`queue: ${messageOf(error)}`, { cause: error });
    }
  }
}
