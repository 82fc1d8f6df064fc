/**
 * Memory that connections read into, and that is used again as soon as the bytes have been written
 * on. Memory of its own for each read costs more than all that is done with the bytes.
 */
import type { ServerResponse } from "node:http";

/** As much as Node's streams read at once. */
const SLAB_BYTES = 64 * 1024;

/** At most so many wait to be used again: 4 MiB. */
const MAX_FREE = 64;

/** Up to this length a copy costs less than other memory for the next read. */
const MAX_COPIED_BYTES = 4096;

const free: Slab[] = [];

/** One piece of memory. It is used again when all who hold it have let it go. */
export class Slab {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #holders = 0;

  /** Memory that nobody else uses, held once. */
  static take(): Slab {
    const slab = free.pop() ?? new Slab();
    slab.hold();
    return slab;
  }

  /** Whether somebody else than the one who has taken it needs the bytes. */
  get isShared(): boolean {
    return this.#holders > 1;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0 && free.length < MAX_FREE) {
      free.push(this);
    }
  }
}

/**
 * Writes a part of an answer, and holds its memory until the system has taken it. Where the write
 * fails, it is never let go: the system may still be using it.
 *
 * @param slab - whose memory the chunk is; undefined where it is the chunk's own
 */
export function writeChunk(
  response: ServerResponse,
  chunk: Buffer,
  slab: Slab | undefined,
): boolean {
  if (slab === undefined) {
    return response.write(chunk);
  }
  if (chunk.length <= MAX_COPIED_BYTES) {
    return response.write(Buffer.from(chunk));
  }
  slab.hold();
  return response.write(chunk, (error) => {
    if (error === null || error === undefined) {
      slab.release();
    }
  });
}
