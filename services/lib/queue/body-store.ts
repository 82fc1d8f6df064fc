/** Bodies that are too large for a message: in NATS' object store, written and read in pieces. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { JetStreamClient, JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { type ObjectInfo, type ObjectStore, Objm } from "@nats-io/obj";
import {
  BODIES,
  type StoredBody,
  STREAM,
  type StreamTerms,
  toBodyAge,
} from "../../../contract/queue/index.ts";

/** Of which a body is made, bytes, where the server takes so many. */
const CHUNK_BYTES = 128 * 1024;

/** A body that is not there any more, or not all of it: asking again is of no use. */
export class BodyLostError extends Error {
  override name = "BodyLostError";
}

type Piece = Pick<StoredMsg, "seq" | "data">;

export class BodyStore {
  readonly #store: ObjectStore;
  readonly #manager: JetStreamManager;
  readonly #chunkBytes: number;

  private constructor(store: ObjectStore, manager: JetStreamManager, chunkBytes: number) {
    this.#store = store;
    this.#manager = manager;
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
    const chunkBytes = Math.min(CHUNK_BYTES, Math.floor(maxPayload / 2));
    return new BodyStore(store, await client.jetstreamManager(), chunkBytes);
  }

  /** Keeps what a stream of bytes gives. Resolves when all of it is on disk. */
  async write(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredBody> {
    const stream = Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>;
    const options = { max_chunk_size: this.#chunkBytes };
    const info = await this.#store.put({ name, options }, stream);
    return { name, bytes: info.size };
  }

  /**
   * The bytes in their order, one question for each piece: every one has the time limit of the
   * connection, where a consumer of the library's waits a minute for a NATS that was started anew.
   * Throws a BodyLostError where the body is gone; the last piece comes when all of it fits.
   */
  async *read({ name }: StoredBody): AsyncGenerator<Uint8Array, void> {
    const info = await this.#store.info(name);
    if (info === null || info.deleted) {
      throw new BodyLostError("its body is gone from the object store");
    }
    const hash = createHash("sha256");
    let seq = 0;
    for (let piece = 1; piece <= info.chunks; piece += 1) {
      const found = await this.#findPiece(info, seq + 1);
      ({ seq } = found);
      hash.update(found.data);
      if (piece === info.chunks && hash.digest("base64url") !== toDigest(info)) {
        throw new BodyLostError("its body is not what was put into the object store");
      }
      yield found.data;
    }
  }

  async #findPiece({ nuid }: ObjectInfo, seq: number): Promise<Piece> {
    const query = { seq, next_by_subj: `${BODIES.subject}.C.${nuid}` };
    const { direct, streams } = this.#manager;
    // A replica that is asked directly may not have yet what the leader has; and one answer that is
    // lost, or late as this process was stopped, does not end the call that the body is of.
    const near = await direct.getMessage(BODIES.stream, query).catch(() => null);
    const found = near ?? (await streams.getMessage(BODIES.stream, query));
    if (found === null) {
      throw new BodyLostError("a part of its body is gone from the object store");
    }
    return found;
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

/** SHA-256 as Node writes it: without what fills up the last group of base64. */
function toDigest({ digest }: ObjectInfo): string {
  return digest.replace(/^SHA-256=/, "").replace(/=+$/, "");
}
