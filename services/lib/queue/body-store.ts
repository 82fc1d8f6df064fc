/** Bodies that are too large for a message: in NATS' object store, written and read in pieces. */
import { Readable } from "node:stream";
import type { JetStreamClient } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import {
  type StoredBody,
  STREAM,
  type StreamTerms,
  toBodyAge,
} from "../../../contract/queue/index.ts";

/** Of which a body is made, bytes, where the server takes so many. */
const CHUNK_BYTES = 128 * 1024;

export class BodyStore {
  readonly #store: ObjectStore;
  readonly #chunkBytes: number;

  private constructor(store: ObjectStore, chunkBytes: number) {
    this.#store = store;
    this.#chunkBytes = chunkBytes;
  }

  /**
   * Opens the bucket, which is made where it is missing.
   *
   * @param maxPayload most bytes of a message, as the server says
   * @param terms of a bucket that is made
   */
  static async open(
    client: JetStreamClient,
    maxPayload = Infinity,
    terms: StreamTerms = {},
  ): Promise<BodyStore> {
    const { replicas } = terms;
    const store = await new Objm(client).create(STREAM.bodies, {
      ttl: toBodyAge(terms),
      ...(replicas !== undefined && { replicas }),
    });
    return new BodyStore(store, Math.min(CHUNK_BYTES, Math.floor(maxPayload / 2)));
  }

  /** Keeps what a stream of bytes gives. Resolves when all of it is on disk. */
  async write(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredBody> {
    const stream = Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>;
    const options = { max_chunk_size: this.#chunkBytes };
    const info = await this.#store.put({ name, options }, stream);
    return { name, bytes: info.size };
  }

  /** The bytes in their order. Throws where they are gone, and when the last ones do not fit. */
  async *read({ name }: StoredBody): AsyncGenerator<Uint8Array, void> {
    const found = await this.#store.get(name);
    if (found === null) {
      throw new Error("body: it is gone from the object store");
    }
    const reader = found.data.getReader();
    let result = await reader.read();
    try {
      for (; !result.done; result = await reader.read()) {
        yield result.value;
      }
    } finally {
      // The library writes on what was cancelled, and that throws where nobody catches it.
      void drain(reader, result.done);
    }
    const failure = await found.error;
    if (failure instanceof Error) {
      throw failure;
    }
  }

  /** Deletes a body; it is not missed where it is gone already. */
  async delete({ name }: StoredBody): Promise<void> {
    await this.#store.delete(name);
  }
}

/** Where large bodies are, as long as the queue can be reached. */
interface BodyAccess {
  readonly access: { bodies: Pick<BodyStore, "delete"> };
}

/**
 * Deletes the body of what is done with, where it is not in its message. Where that cannot be done
 * it stays for its time: nothing else depends on it. Never rejects.
 */
export async function forgetBody(link: BodyAccess, body: Buffer | StoredBody): Promise<void> {
  try {
    await (Buffer.isBuffer(body) ? undefined : link.access.bodies.delete(body));
  } catch {
    // Not connected, most likely.
  }
}

/** Reads what nobody wants any more. */
async function drain(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  isDone: boolean,
): Promise<void> {
  for (let done = isDone; !done;) {
    ({ done } = await reader.read().catch(() => ({ done: true })));
  }
}
