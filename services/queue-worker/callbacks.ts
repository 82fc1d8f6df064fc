/** Callbacks: from an answer to a message of their own queue, and from there to the caller. */
import { setTimeout as sleep } from "node:timers/promises";
import { CALL_HEADER, toDisplayName } from "../../contract/index.ts";
import {
  type CallbackMessage,
  decodeCallback,
  encodeCallback,
  MalformedMessageError,
  toCallbackLane,
  toHostToken,
  toProofHeaders,
} from "../../contract/queue/index.ts";
import { backoffMs } from "../lib/backoff.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import { BodyLostError, forgetBody } from "../lib/queue/body-store.ts";
import { isOwnFunction } from "../lib/queue/own-functions.ts";
import { type OutgoingMessage, publish } from "../lib/queue/publish.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import { toAnswerHeaders } from "./answer-headers.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { Run } from "./call-function.ts";
import type { CallbackResult, CallbackSender } from "./callback-sender.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Delivery } from "./delivery.ts";
import type { Settlement } from "./lanes.ts";
import { checkSize } from "./message-size.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { type FunctionCall, USER_AGENT } from "./queued-call.ts";
import { parseRetryAfter } from "./settle.ts";

export interface CallbacksOptions {
  link: QueueLink;
  /** To hosts that callers may choose. */
  sender: CallbackSender;
  /** To functions of the platform's own, which are called at the gateway. */
  ownSender: CallbackSender;
  gatewayUrl: string;
  letters: DeadLetters;
  metrics: WorkerMetrics;
  logger: Logger;
  /** For bodies from the object store. */
  budget: ByteBudget;
  /** Hears of the lane of each callback that is queued. */
  onQueued: (lane: string) => void;
  /** How long a receiver is tried that does not answer, milliseconds. */
  maxAgeMs: number;
}

/** What a callback says of the runs before the last one. */
export interface Repetitions {
  count: number;
  max: number;
}

/** Waits between attempts, milliseconds. */
const WAIT = { initialMs: 1000, maxMs: 5 * 60_000 };

/** The same between attempts to queue an answer, for which a place among the runs is held. */
const QUEUE_WAIT = { initialMs: 500, maxMs: 10_000 };

export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #closed = new AbortController();

  constructor(options: CallbacksOptions) {
    this.#options = options;
  }

  /**
   * Queues an answer for its caller; resolves when it is on disk. Until then it is tried again: the
   * answer is nowhere else, and another run of the function would be another call. Throws a
   * MalformedMessageError where NATS takes no message of its size, and any other after `close`.
   */
  async queue(
    call: FunctionCall,
    url: URL,
    run: Run & { repetitions: Repetitions },
  ): Promise<void> {
    const message: CallbackMessage = {
      id: call.id,
      reference: call.reference,
      url,
      ...(call.queued.callbackProof !== undefined && { proof: call.queued.callbackProof }),
      headers: toCallbackHeaders(call, run),
      body: run.capture.body,
    };
    const lane = toCallbackLane(toHostToken(url));
    const outgoing = { subject: lane, ...encodeCallback(message), messageId: call.id };
    checkSize(outgoing, this.#options.link);
    await this.#publish(outgoing);
    this.#options.onQueued(lane);
  }

  /** Ends all attempts to queue an answer. */
  close(): void {
    this.#closed.abort();
  }

  async #publish(message: OutgoingMessage): Promise<void> {
    const { link, logger } = this.#options;
    const { signal } = this.#closed;
    for (let round = 0; ; round += 1) {
      try {
        await publish(link.access, message);
        return;
      } catch (error) {
        signal.throwIfAborted();
        const facts = { id: message.messageId, reason: messageOf(error) };
        logger.warn(facts, "callback not queued, trying again");
        await sleep(backoffMs(round, QUEUE_WAIT), undefined, { ref: false, signal });
      }
    }
  }

  /** Sends one; never rejects. */
  async handle(delivery: Delivery): Promise<Settlement> {
    const { logger, letters } = this.#options;
    try {
      const message = decodeCallback(delivery.fields, delivery.payload);
      return await this.#send(delivery, message);
    } catch (error) {
      if (error instanceof MalformedMessageError) {
        return letters.bury(delivery, { kind: "malformed", reason: error.message });
      }
      logger.warn({ seq: delivery.sequence, reason: messageOf(error) }, "callback failed");
      return { isDone: false, waitMs: WAIT.initialMs };
    }
  }

  async #send(delivery: Delivery, message: CallbackMessage): Promise<Settlement> {
    const { metrics, logger, letters } = this.#options;
    const { url } = message;
    const result = await delivery.limited(this.#post(message)).catch(toLost);
    const status = "status" in result ? result.status : 0;
    const facts = { id: message.id, host: url.host, status, attempt: delivery.deliveryCount };
    metrics.calledBack(toDisplayName(message.reference), status);
    if (status >= 200 && status < 300) {
      logger.info(facts, "callback sent");
      await forgetBody(this.#options.link, message.body);
      return { isDone: true };
    }
    const reason = toReason(result);
    const isFinal = "refused" in result || (status !== 0 && status < 500 && status !== 429);
    const waitMs = toWaitMs(result, delivery.deliveryCount);
    const ageMs = Date.now() - delivery.storedAt;
    if (isFinal || ageMs + waitMs > this.#options.maxAgeMs) {
      logger.warn({ ...facts, reason }, "callback given up");
      const letter = { kind: "callback" as const, id: message.id, status, reason };
      return letters.bury(delivery, { ...letter, attempts: delivery.deliveryCount });
    }
    logger.warn({ ...facts, reason, waitMs }, "callback not taken, trying again later");
    return { isDone: false, waitMs };
  }

  async #post(message: CallbackMessage): Promise<CallbackResult> {
    const { sender, ownSender, gatewayUrl, budget } = this.#options;
    const { url, headers, proof } = message;
    const own = new URL(gatewayUrl);
    const bytes = Buffer.isBuffer(message.body) ? 0 : message.body.bytes;
    const isOwn = isOwnFunction(url, ["gateway", own.hostname]);
    // A proof is for the gateway's eyes alone.
    const to = isOwn
      ? {
          url: new URL(`${url.pathname}${url.search}`, own),
          headers: { ...headers, ...(proof !== undefined && toProofHeaders(proof)) },
        }
      : { url, headers };
    return budget.use(bytes, async () =>
      (isOwn ? ownSender : sender).send({ ...to, body: await this.#readBody(message) }),
    );
  }

  async #readBody({ body }: CallbackMessage): Promise<Buffer> {
    if (Buffer.isBuffer(body)) {
      return body;
    }
    // In its place at once: pieces beside the whole would take twice the memory.
    const whole = Buffer.allocUnsafe(body.bytes);
    let length = 0;
    for await (const chunk of this.#options.link.access.bodies.read(body)) {
      length += chunk.length;
      if (length <= body.bytes) {
        whole.set(chunk, length - chunk.length);
      }
    }
    if (length !== body.bytes) {
      throw new BodyLostError(`its body: expected ${body.bytes} bytes, got ${length}`);
    }
    return whole;
  }
}

/** A callback whose body is lost is never sent. */
function toLost(error: unknown): CallbackResult {
  if (error instanceof BodyLostError) {
    return { refused: error.message };
  }
  throw error;
}

function toReason(result: CallbackResult): string {
  if ("refused" in result) {
    return result.refused;
  }
  return "failed" in result ? result.failed : `status ${result.status}`;
}

function toWaitMs(result: CallbackResult, deliveryCount: number): number {
  const asked = "status" in result ? parseRetryAfter(result.retryAfter) : undefined;
  // Not at once, whatever it asks for: it would be asked again and again for a day.
  const least = Math.max(asked ?? 0, WAIT.initialMs);
  return Math.min(asked === undefined ? backoffMs(deliveryCount - 1, WAIT) : least, WAIT.maxMs);
}

function toCallbackHeaders(
  call: FunctionCall,
  { repetitions, ...run }: Run & { repetitions: Repetitions },
): Record<string, string[]> {
  return {
    ...toAnswerHeaders(call, run),
    "user-agent": [USER_AGENT],
    [CALL_HEADER.retry]: [String(repetitions.count)],
    [CALL_HEADER.retryMax]: [String(repetitions.max)],
  };
}
