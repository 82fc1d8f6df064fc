/** Bodies that are too large for a message: in NATS' object store, written and read in pieces. */
import { Readable } from "node:stream";
import type { JetStreamClient } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { BODY_AGE_NS, type StoredBody, STREAM } from "../../../contract/queue/index.ts";

export class BodyStore {
  readonly #store: ObjectStore;

  private constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Opens the bucket, which is made where it is missing. */
  static async open(client: JetStreamClient): Promise<BodyStore> {
    const ttl = BODY_AGE_NS;
    return new BodyStore(await new Objm(client).create(STREAM.bodies, { ttl }));
  }

  /** Keeps what a stream of bytes gives. Resolves when all of it is on disk. */
  async write(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredBody> {
    const stream = Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>;
    const info = await this.#store.put({ name }, stream);
    return { name, bytes: info.size };
  }

  /** The bytes in their order. Throws where they are gone, and when the last ones do not fit. */
  async *read({ name }: StoredBody): AsyncGenerator<Uint8Array, void> {
    const found = await this.#store.get(name);
    if (found === null) {
      throw new Error("body: it is gone from the object store");
    }
    for await (const chunk of found.data as unknown as AsyncIterable<Uint8Array>) {
      yield chunk;
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
