/** What is kept of an answer: for a callback all of it up to a limit, else its beginning. */
import { QUEUE, type StoredBody } from "../../contract/queue/index.ts";
import type { BodyStore } from "../lib/queue/body-store.ts";

export interface Capture {
  /** In memory where it is small. */
  body: Buffer | StoredBody;
  /** Whether there was more: the answer was too large, or ended before its end. */
  isTruncated: boolean;
}

export interface CaptureOptions {
  bodies: Pick<BodyStore, "read" | "write">;
  /** Whether all of it is wanted; otherwise its beginning, for who looks at a dead letter. */
  isWanted: boolean;
  /** Under which the object store keeps it, where it does. */
  createName: () => string;
}

/** Beginning of an answer that nobody waits for, bytes. */
export const BEGINNING_BYTES = 4096;

/** Reads an answer to its end, which is the end of the function's run. */
export async function captureBody(
  source: AsyncIterable<Buffer>,
  { bodies, isWanted, createName }: CaptureOptions,
): Promise<Capture> {
  const limit = isWanted ? QUEUE.maxBodyBytes : BEGINNING_BYTES;
  const reader = new LimitedReader(source, limit);
  const kept = await reader.take(isWanted ? QUEUE.maxInlineBytes : limit);
  if (reader.isDone || !isWanted) {
    await reader.skip();
    return { body: kept, isTruncated: reader.isTruncated };
  }
  try {
    const body = await bodies.write(createName(), reader.from(kept));
    return { body, isTruncated: reader.isTruncated };
  } catch (error) {
    // What nobody reads would hold up the function.
    await reader.skip();
    throw error;
  }
}

/** Reads a stream piece by piece; what is beyond a limit is read and dropped. */
class LimitedReader {
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #limit: number;
  #length = 0;
  isDone = false;
  isTruncated = false;

  constructor(source: AsyncIterable<Buffer>, limit: number) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#limit = limit;
  }

  /** Everything up to about so many bytes: a piece is not cut, but by the limit. */
  async take(bytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    while (length < bytes) {
      const chunk = await this.#next();
      if (chunk === undefined) {
        break;
      }
      chunks.push(chunk);
      length += chunk.length;
    }
    return Buffer.concat(chunks, length);
  }

  /** What was taken, and the rest. */
  async *from(taken: Buffer): AsyncGenerator<Buffer, void> {
    yield taken;
    for (;;) {
      const chunk = await this.#next();
      if (chunk === undefined) {
        return;
      }
      yield chunk;
    }
  }

  /** Reads to the end. */
  async skip(): Promise<void> {
    for (let chunk = await this.#next(); chunk !== undefined;) {
      chunk = await this.#next();
    }
  }

  /** The next piece within the limit; undefined at the end, where what is too much is dropped. */
  async #next(): Promise<Buffer | undefined> {
    while (!this.isDone) {
      const chunk = await this.#read();
      const room = this.#limit - this.#length;
      if (chunk !== undefined && chunk.length > room) {
        this.isTruncated = true;
      }
      if (chunk !== undefined && room > 0) {
        this.#length += Math.min(room, chunk.length);
        return chunk.subarray(0, room);
      }
    }
    return undefined;
  }

  async #read(): Promise<Buffer | undefined> {
    try {
      const result = await this.#iterator.next();
      this.isDone = result.done === true;
      return result.done === true ? undefined : result.value;
    } catch {
      // It broke off: the status that came with it stands.
      this.isDone = true;
      this.isTruncated = true;
      return undefined;
    }
  }
}
