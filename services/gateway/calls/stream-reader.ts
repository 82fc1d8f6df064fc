/**
 * Reads of the queue's streams for who looks at them: each asks for a bounded number of messages,
 * however many there are.
 */
import { randomUUID } from "node:crypto";
import {
  JetStreamApiError,
  type JetStreamManager,
  type JsMsg,
  type StoredMsg,
} from "@nats-io/jetstream";
import type { QueueAccess } from "../../lib/queue/queue-link.ts";

/** What the workers' consumers do not see: one of our own, forgotten when nobody asks it. */
const IDLE_NS = 10e9;

/**
 * After this long it is asked whether the messages that are missing have gone, milliseconds; a NATS
 * of which nothing is heard for as long is not there.
 */
const READ_MS = 3000;

export interface Section {
  stream: string;
  /** Of which the messages are; none of them within another. */
  subjects: string[];
  /** The first place in the stream. */
  from: number;
  /** Whether the payloads are wanted, too. @default false */
  hasPayloads?: boolean;
}

/** A message as it was stored. */
export interface ReadMessage {
  sequence: number;
  subject: string;
  fields: Iterable<[string, string[]]>;
  payload: Uint8Array;
  /** Of the payload, also where it was not read. */
  bytes: number;
}

type Access = Pick<QueueAccess, "client" | "manager">;

/** The message at a place; with a subject the first one from there on. */
export async function findMessage(
  manager: JetStreamManager,
  stream: string,
  query: { seq: number; next_by_subj?: string },
): Promise<ReadMessage | undefined> {
  const message = await manager.streams.getMessage(stream, query);
  return message === null ? undefined : toMessage(message, message.seq);
}

/** JetStream's `message delete failed` and `no message found`. */
const GONE: ReadonlySet<number> = new Set([10_057, 10_037]);

/** Deletes a message; false where there was none any more. */
export async function deleteMessage(
  manager: JetStreamManager,
  stream: string,
  sequence: number,
): Promise<boolean> {
  try {
    // Without writing over it: what was sent before and after it is as secret.
    return await manager.streams.deleteMessage(stream, sequence, false);
  } catch (error) {
    if (error instanceof JetStreamApiError && GONE.has(error.code)) {
      return false;
    }
    throw error;
  }
}

/** How many messages a section has. */
export async function countMessages(access: Access, section: Section): Promise<number> {
  return withConsumer(access, section, (_name, count) => Promise.resolve(count));
}

/** The first messages of a section, the oldest first. */
export async function readMessages(
  access: Access,
  section: Section,
  limit: number,
): Promise<ReadMessage[]> {
  return withConsumer(access, section, async (name, count) => {
    const wanted = Math.min(limit, count);
    const found: ReadMessage[] = [];
    if (wanted === 0) {
      return found;
    }
    const consumer = await access.client.consumers.get(section.stream, name);
    do {
      const missing = wanted - found.length;
      const messages = await consumer.fetch({ max_messages: missing, expires: READ_MS });
      for await (const message of messages) {
        found.push(toMessage(message, message.seq));
        if (found.length === wanted || message.info.pending === 0) {
          return found;
        }
      }
      // A slow machine may have been cut short in the midst of them, too.
    } while ((await consumer.info()).num_pending > 0);
    return found;
  });
}

/**
 * The last messages of a section that are before a place, the oldest first, and at most twice as
 * many as asked for. JetStream reads forwards only: where to begin is found by counting, in steps
 * that double, then halve.
 *
 * @param first the oldest place of the stream
 */
export async function readLast(
  access: Access,
  section: Omit<Section, "from">,
  { first, before, limit }: { first: number; before: number; limit: number },
): Promise<ReadMessage[]> {
  const count = (from: number): Promise<number> => countMessages(access, { ...section, from });
  const beyond = await count(before);
  let [low, high] = [Math.max(first, before - limit), before];
  while (low > first && (await count(low)) - beyond < limit) {
    high = low;
    low = Math.max(first, before - 2 * (before - low));
  }
  let found = (await count(low)) - beyond;
  while (found > 2 * limit && high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const less = (await count(middle)) - beyond;
    [low, high] = less < limit ? [low, middle] : [middle, high];
    found = less < limit ? found : less;
  }
  const read = await readMessages(access, { ...section, from: low }, found);
  return read.filter(({ sequence }) => sequence < before);
}

async function withConsumer<T>(
  { manager }: Access,
  { stream, subjects, from, hasPayloads = false }: Section,
  work: (name: string, count: number) => Promise<T>,
): Promise<T> {
  const name = `plonk-look-${randomUUID()}`;
  const { num_pending: count } = await manager.consumers.add(stream, {
    name,
    ack_policy: "none",
    deliver_policy: "by_start_sequence",
    opt_start_seq: Math.max(1, from),
    filter_subjects: subjects,
    headers_only: !hasPayloads,
    inactive_threshold: IDLE_NS,
    mem_storage: true,
    num_replicas: 1,
  });
  try {
    return await work(name, count);
  } finally {
    // Otherwise JetStream forgets it by itself.
    await manager.consumers.delete(stream, name).catch(() => undefined);
  }
}

/** What JetStream says in place of a payload that was not asked for. */
const SIZE = "Nats-Msg-Size";

function toMessage(message: JsMsg | StoredMsg, sequence: number): ReadMessage {
  const { subject, data } = message;
  const header = "headers" in message ? message.headers : message.header;
  const size = header?.get(SIZE) ?? "";
  return {
    sequence,
    subject,
    fields: header ?? [],
    payload: data,
    bytes: size === "" ? data.length : Number(size),
  };
}
