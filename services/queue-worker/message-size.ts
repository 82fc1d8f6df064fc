/** Whether NATS takes a message: one that it never takes must not be tried for ever. */
import { MalformedMessageError } from "../../contract/queue/index.ts";
import { type OutgoingMessage, sizeLimitOf, sizeOf } from "../lib/queue/publish.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";

/** Throws a MalformedMessageError that says how many bytes would do. */
export function checkSize(
  message: Pick<OutgoingMessage, "fields" | "payload">,
  link: Pick<QueueLink, "maxPayload">,
): void {
  const limit = sizeLimitOf(link);
  const bytes = sizeOf(message);
  if (bytes > limit) {
    const finding = { expected: `at most ${limit} bytes`, got: String(bytes) };
    throw new MalformedMessageError([{ field: "message", ...finding }]);
  }
}
