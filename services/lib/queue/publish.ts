/** Stores a message in a stream; resolves when it is on disk. */
import { JetStreamApiError, type PubAck } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { type Fields, HEADER_BYTES, QUEUE } from "../../../contract/queue/index.ts";
import type { QueueAccess } from "./queue-link.ts";

/** Longest wait for JetStream's word that it has stored a message, milliseconds. */
const PUBLISH_TIMEOUT_MS = 5000;

export interface OutgoingMessage {
  subject: string;
  fields: Fields;
  payload: Uint8Array;
  /** One with the same id is not stored a second time, within the stream's window. */
  messageId?: string;
  /** How long it is kept, in a stream that has such messages; else as long as any in its stream. */
  seconds?: number;
}

/** JetStream's words for it: storage, memory, messages, bytes, of an account, of the server. */
const FULL: ReadonlySet<number> = new Set([10_047, 10_028, 10_077, 10_054, 10_002, 10_023]);

/** Whether something could not be stored as there is no room for it. */
export function isFull(error: unknown): boolean {
  return error instanceof JetStreamApiError && FULL.has(error.code);
}

/** Bytes of a message with its headers, or somewhat more. */
export function sizeOf({ fields, payload }: Pick<OutgoingMessage, "fields" | "payload">): number {
  const head = fields.reduce((sum, [name, value]) => sum + name.length + 2 * value.length + 4, 64);
  return head + payload.length;
}

/** Most bytes of a message that NATS takes, by `sizeOf`: its own limit, or that of the streams. */
export function sizeLimitOf({ maxPayload }: { maxPayload: number }): number {
  return Math.min(maxPayload, QUEUE.maxMessageBytes + HEADER_BYTES);
}

export function publish(
  { client }: QueueAccess,
  { subject, fields, payload, messageId, seconds }: OutgoingMessage,
): Promise<PubAck> {
  const head = headers();
  if (messageId !== undefined) {
    // The first: some servers find it within the name of another one, such as `Http-Nats-Msg-Id`.
    head.set("Nats-Msg-Id", messageId);
  }
  if (seconds !== undefined) {
    head.set("Nats-TTL", `${seconds}s`);
  }
  for (const [name, value] of fields) {
    head.append(name, value);
  }
  return client.publish(subject, payload, {
    headers: head,
    timeout: PUBLISH_TIMEOUT_MS,
    ...(messageId !== undefined && { msgID: messageId }),
  });
}
