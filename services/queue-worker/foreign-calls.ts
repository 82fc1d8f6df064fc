/** Calls of other OpenFaaS publishers: moved to the lanes of their functions, as calls of ours. */
import {
  decodeForeignCall,
  encodeCall,
  MalformedMessageError,
  QUEUE,
  toHint,
  toLane,
} from "../../contract/queue/index.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import { drawNonce } from "../lib/queue/nonce.ts";
import { publish, say } from "../lib/queue/publish.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Delivery } from "./delivery.ts";
import type { Settlement } from "./lanes.ts";
import { checkSize } from "./message-size.ts";

export interface ForeignCallsOptions {
  link: QueueLink;
  letters: DeadLetters;
  logger: Logger;
  /** Where a function without a namespace in its name is. */
  functionNamespace: string;
}

/** Wait before it is tried again to move a call, milliseconds. */
const RETRY_MS = 5000;

/** Moves one; never rejects. */
export async function moveForeignCall(
  { link, letters, logger, functionNamespace }: ForeignCallsOptions,
  delivery: Delivery,
): Promise<Settlement> {
  try {
    const { headers, ...call } = decodeForeignCall(delivery.payload, functionNamespace);
    const lane = toLane(call.reference, QUEUE.name);
    const message = encodeCall({
      ...call,
      headers: toBytes(headers),
      nonce: drawNonce(),
      acceptedAt: delivery.storedAt,
      retry: {},
    });
    // As our message a call can be larger than it was.
    checkSize(message, link);
    const messageId = `${QUEUE.subject} ${delivery.sequence} ${delivery.storedAt}`;
    await publish(link.access, { subject: lane, ...message, messageId });
    say(link, toHint(lane));
    return { isDone: true };
  } catch (error) {
    if (error instanceof MalformedMessageError) {
      return letters.bury(delivery, { kind: "malformed", reason: error.message });
    }
    logger.warn({ seq: delivery.sequence, reason: messageOf(error) }, "call not moved");
    return { isDone: false, waitMs: RETRY_MS };
  }
}

/** Go writes a value's bytes as UTF-8; a letter stands for a byte only where all of them can. */
function toBytes(headers: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [
      name,
      values.map((value) =>
        /[\u0100-\uffff]/.test(value) ? Buffer.from(value).toString("latin1") : value,
      ),
    ]),
  );
}
