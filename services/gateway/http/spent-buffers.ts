/** Gives the memory of bytes that nobody reads again back at once. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Chunks of Node's pool, which share their memory with others, are far smaller. */
const MIN_BYTES = 16 * 1024;

/** Whether a chunk is large and the last of its buffer: what follows one is not parsed yet. */
export function mayBeFreed({ length, byteOffset, buffer }: Buffer): boolean {
  return length >= MIN_BYTES && byteOffset + length === buffer.byteLength;
}

/** Frees bytes that nobody reads again, if they may be: the garbage collector has less to do. */
export function freeMemory(bytes: Buffer): void {
  if (mayBeFreed(bytes)) {
    (bytes.buffer as ArrayBuffer).transfer(0);
  }
}

/** Bytes that only connections still need, and bytes that have been written to one. */
const spent = new WeakSet<Buffer>();
const written = new WeakSet<Buffer>();

/**
 * Frees bytes as soon as the system has them: they are written to one connection of which the
 * writes are watched, once, and nobody else reads them again.
 */
export function spend(bytes: Buffer): void {
  if (written.has(bytes)) {
    freeMemory(bytes);
  } else if (mayBeFreed(bytes)) {
    spent.add(bytes);
  }
}

/** Has a connection tell when it has written large bytes; see `spend`. */
export function watchWrites(socket: Socket): void {
  const write = socket.write.bind(socket);
  socket.write = (bytes: string | Uint8Array, ...options: unknown[]): boolean => {
    const isWatched = Buffer.isBuffer(bytes) && options.length === 0 && mayBeFreed(bytes);
    return isWatched
      ? write(bytes, (error) => noteWritten(bytes, error))
      : write(bytes, ...(options as []));
  };
}

function noteWritten(bytes: Buffer, error: Error | null | undefined): void {
  if (error !== null && error !== undefined) {
    // The system may still have them in its hands.
    return;
  }
  if (spent.has(bytes)) {
    freeMemory(bytes);
  } else {
    written.add(bytes);
  }
}

/**
 * Each chunk that undici hands on is what is left of a 64 KiB buffer. V8 frees such buffers when it
 * collects garbage, and counts them towards the next collection of everything: with large bodies
 * that is half of a call's processor time. Here their memory goes once it is written.
 */
export class SpentBuffers {
  readonly #response: ServerResponse;
  #chunks: Buffer[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Takes a chunk that was just given to `response.write` and that nobody else reads again. */
  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#chunks.length === 1) {
      // Node writes the first chunk together with the head, after all that goes on now.
      queueMicrotask(() => this.release());
    }
  }

  /** Frees what was added, if the system has all of it; otherwise nothing is done yet. */
  release(): void {
    const { writableLength, writableFinished, destroyed } = this.#response;
    // A connection that is being destroyed may still have a buffer in its hands.
    if (writableFinished || (writableLength === 0 && !destroyed)) {
      this.#chunks.forEach(freeMemory);
      this.#chunks = [];
    }
  }
}
