/** Whether NATS takes a message: one that it never takes must not be tried for ever. */
import { HEADER_BYTES, MalformedMessageError, QUEUE } from "../../contract/queue/index.ts";
import { type OutgoingMessage, sizeOf } from "../lib/queue/publish.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";

/** Throws a MalformedMessageError that says how many bytes would do. */
export function checkSize(
  message: Pick<OutgoingMessage, "fields" | "payload">,
  { maxPayload }: Pick<QueueLink, "maxPayload">,
): void {
  const limit = Math.min(maxPayload, QUEUE.maxMessageBytes + HEADER_BYTES);
  const bytes = sizeOf(message);
  if (bytes > limit) {
    const finding = { expected: `at most ${limit} bytes`, got: String(bytes) };
    throw new MalformedMessageError([{ field: "message", ...finding }]);
  }
}
