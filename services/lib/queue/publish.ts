/** Stores a message in a stream; resolves when it is on disk. */
import { type ApiError, JetStreamApiError } from "@nats-io/jetstream";
import { type MsgHdrs, MsgHdrsImpl } from "@nats-io/transport-node";
import { type Fields, HEADER_BYTES, QUEUE } from "../../../contract/queue/index.ts";
import type { Inbox } from "./inbox.ts";
import type { QueueAccess } from "./queue-link.ts";

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

/** Stores a message; rejects where that cannot be said. */
export type Store = (subject: string, payload: Uint8Array, headers: MsgHdrs) => Promise<Stored>;

export interface Stored {
  /** Its place in the stream. */
  seq: number;
  /** Whether it was there already, by its id. */
  isDuplicate: boolean;
}

/** JetStream's answer (its API's `PubAck`). */
interface Acknowledgement {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: ApiError;
}

/** No stream listens to the subject, or there is no JetStream. */
export class NobodyThereError extends Error {
  override name = "NobodyThereError";
}

export function createStore(inbox: Inbox): Store {
  return async (subject, payload, head) => {
    const answer = await inbox.ask({ subject, payload, headers: head });
    if (answer.headers?.code === 503) {
      throw new NobodyThereError("JetStream: nobody stores it");
    }
    const { error, stream, seq, duplicate = false } = answer.json<Acknowledgement>();
    if (error !== undefined) {
      throw new JetStreamApiError(error);
    }
    if (stream === undefined || seq === undefined) {
      throw new Error("JetStream: expected the place of a stored message, got another answer");
    }
    return { seq, isDuplicate: duplicate };
  };
}

/** Stores a message in the stream of its subject. */
export async function publish(
  { store }: Pick<QueueAccess, "store">,
  { subject, fields, payload, messageId, seconds }: OutgoingMessage,
): Promise<Stored> {
  // Others than us have chosen some of the names.
  const head = Object.create(null) as Record<string, string[]>;
  if (messageId !== undefined) {
    // The first: some servers find it within the name of another one, such as `Http-Nats-Msg-Id`.
    head["Nats-Msg-Id"] = [messageId];
  }
  if (seconds !== undefined) {
    head["Nats-TTL"] = [`${seconds}s`];
  }
  for (const [name, value] of fields) {
    // The library's own way to add one goes through all that there are.
    (head[name] ??= []).push(toLine(value));
  }
  return store(subject, payload, MsgHdrsImpl.fromRecord(head));
}

/** Says something to whoever listens; nobody waits for it, so that it may be lost. */
export function say(
  link: { readonly access: Pick<QueueAccess, "connection"> },
  subject: string,
  text?: string,
): void {
  try {
    link.access.connection.publish(subject, text);
  } catch {
    // Not connected: nobody could hear it.
  }
}

/** @throws Error for what would be more than a header's value. */
function toLine(value: string): string {
  if (/[\r\n]/.test(value)) {
    throw new Error("message: expected values of headers without line ends, got one with");
  }
  return value;
}
