/** Dead letters: what no worker tries any more is kept, with the reason, and can be sent again. */
import { toDisplayName } from "../../contract/index.ts";
import {
  type DeadLetter,
  NOBODY,
  STREAM,
  toDeadSubject,
  toLetterFields,
  toReference,
  withoutLetter,
} from "../../contract/queue/index.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import { publish } from "../lib/queue/publish.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import type { Delivery } from "./delivery.ts";
import type { Settlement } from "./lanes.ts";
import type { WorkerMetrics } from "./metrics.ts";

export interface DeadLettersOptions {
  link: QueueLink;
  metrics: WorkerMetrics;
  logger: Logger;
}

export type Cause = Pick<DeadLetter, "kind" | "reason"> & Partial<DeadLetter>;

/** Wait before it is tried again to keep a letter, milliseconds. */
const RETRY_MS = 5000;

export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /**
   * Keeps a message as a dead letter. It is done with when the letter is on disk; until then, as
   * where there is no room for letters, it stays where it is.
   */
  async bury(delivery: Delivery, cause: Cause): Promise<Settlement> {
    const { link, metrics, logger } = this.#options;
    const letter: DeadLetter = {
      id: "",
      attempts: 0,
      status: 0,
      answer: Buffer.alloc(0),
      subject: delivery.subject,
      diedAt: Date.now(),
      ...cause,
      reason: shorten(cause.reason),
    };
    const reference = delivery.stream === STREAM.calls ? toReference(delivery.subject) : NOBODY;
    const about = reference.name === "" ? NOBODY : reference;
    try {
      await publish(link.access, {
        subject: toDeadSubject(about),
        fields: [...withoutLetter(delivery.fields), ...toLetterFields(letter)],
        payload: delivery.payload,
        messageId: `${delivery.stream} ${delivery.sequence} ${delivery.storedAt}`,
      });
    } catch (error) {
      logger.error({ seq: delivery.sequence, reason: messageOf(error) }, "dead letter not kept");
      return { isDone: false, waitMs: RETRY_MS };
    }
    const { kind, id, reason } = letter;
    metrics.buried(toDisplayName(about), kind);
    logger.error({ id, seq: delivery.sequence, kind, reason }, "dead letter");
    return { isDone: true };
  }
}

/** Longest reason: it names fields, and so callers' headers, and must fit a message. */
const REASON_LENGTH = 1000;

function shorten(text: string): string {
  return text.length > REASON_LENGTH ? `${text.slice(0, REASON_LENGTH).trimEnd()}...` : text;
}
