/**
 * Releases the memory of large buffers as soon as they have been written. V8 would release them at
 * its next garbage collection, and their size makes it collect more often: with large bodies that
 * took half of a call's processor time.
 */
import type { Writable } from "node:stream";
import { isMarkedAsUntransferable } from "node:worker_threads";
import { endByFault } from "../../../lib/faults.ts";

/** Below it, what is saved is less than what it costs. */
const MIN_BYTES = 16 * 1024;

/**
 * Whether a chunk is large and the last one in its memory. Behind any other chunk there are bytes
 * that have not been parsed yet. Node's pool is everybody's: it refuses to be released.
 */
export function isReleasable({ length, byteOffset, buffer }: Buffer): boolean {
  const isLast = length >= MIN_BYTES && byteOffset + length === buffer.byteLength;
  return isLast && !isMarkedAsUntransferable(buffer);
}

/**
 * Releases the memory of bytes that are not read again; does nothing where it is not allowed. Never
 * throws, as it is called back after writes: V8 releases what is left.
 */
export function releaseMemory(bytes: Buffer): void {
  if (isReleasable(bytes)) {
    try {
      (bytes.buffer as ArrayBuffer).transfer(0);
    } catch (error) {
      endByFault(error);
    }
  }
}

/**
 * Writes bytes that are not read again, and releases them once the system has taken them.
 * @param to - a connection, or a response on one
 */
export function writeAndRelease(to: Writable, bytes: Buffer): boolean {
  if (!isReleasable(bytes)) {
    return to.write(bytes);
  }
  return to.write(bytes, (error) => {
    if (!hasFailed(error)) {
      releaseMemory(bytes);
    }
  });
}

/** Bytes to be released after their write. */
const awaitingWrite = new WeakSet<Buffer>();
/** Bytes that were written before it was known that they can be released. */
const written = new WeakSet<Buffer>();

/**
 * Releases bytes once the system has taken them. They must be written exactly once, by
 * `writeWatched`, and not be read again.
 */
export function releaseAfterWrite(bytes: Buffer): void {
  if (written.has(bytes)) {
    releaseMemory(bytes);
  } else if (isReleasable(bytes)) {
    awaitingWrite.add(bytes);
  }
}

/** Writes bytes of which it is not known yet whether they are read again: `releaseAfterWrite`. */
export function writeWatched(to: Writable, bytes: Buffer): boolean {
  return isReleasable(bytes)
    ? to.write(bytes, (error) => noteWritten(bytes, error))
    : to.write(bytes);
}

function noteWritten(bytes: Buffer, error: Error | null | undefined): void {
  if (hasFailed(error)) {
    return;
  }
  if (awaitingWrite.has(bytes)) {
    releaseMemory(bytes);
  } else {
    written.add(bytes);
  }
}

/** Whether a write has failed: the system may still be using the bytes. */
function hasFailed(error: Error | null | undefined): boolean {
  return error !== null && error !== undefined;
}
