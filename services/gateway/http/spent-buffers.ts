/**
 * Gives the memory of bytes that nobody reads again back at once. V8 frees such buffers when it
 * collects garbage, and counts them towards the next collection of everything: with large bodies
 * that is half of a call's processor time.
 */
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

/** Writes bytes that nobody reads again, and frees them as soon as the system has them. */
export function writeSpent(response: ServerResponse, bytes: Buffer): boolean {
  if (!mayBeFreed(bytes)) {
    return response.write(bytes);
  }
  return response.write(bytes, (error) => {
    if (!hasFailed(error)) {
      freeMemory(bytes);
    }
  });
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
  if (hasFailed(error)) {
    return;
  }
  if (spent.has(bytes)) {
    freeMemory(bytes);
  } else {
    written.add(bytes);
  }
}

/** Whether bytes were not written: the system may still have them in its hands. */
function hasFailed(error: Error | null | undefined): boolean {
  return error !== null && error !== undefined;
}
