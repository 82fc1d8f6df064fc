/**
 * Memory that connections read into, and that is used again as soon as the bytes have been written
 * on. Memory of its own for each read costs more than all that is done with the bytes.
 */
import type { ServerResponse } from "node:http";
import { writeAndRelease } from "../http/guard/index.ts";

/** Most of a large answer comes with one read. */
const SLAB_BYTES = 128 * 1024;

/** At most so many wait to be used again: 4 MiB. */
const MAX_FREE = 32;

/** Up to this length bytes go as text: together with the head, and without memory of their own. */
const MAX_TEXT_BYTES = 8 * 1024;

/** Up to this length bytes are copied, so that a slow client holds no more than it is owed. */
const MAX_COPIED_BYTES = SLAB_BYTES / 4;

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
 * @param slab - whose memory the chunk is; undefined where it is a connection's own, and short
 */
export function writeChunk(
  response: ServerResponse,
  chunk: Buffer,
  slab: Slab | undefined,
): boolean {
  if (chunk.length <= MAX_TEXT_BYTES) {
    return response.write(chunk.toString("latin1"), "latin1");
  }
  if (slab === undefined || chunk.length <= MAX_COPIED_BYTES) {
    const copy = Buffer.allocUnsafeSlow(chunk.length);
    chunk.copy(copy);
    return writeAndRelease(response, copy);
  }
  slab.hold();
  return response.write(chunk, (error) => {
    if (error === null || error === undefined) {
      slab.release();
    }
  });
}
