/** The body of a call on its way to a function: kept when small, streamed when not. */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { guard } from "../../lib/faults.ts";
import { releaseMemory, writeAndRelease } from "./guard/index.ts";

/** Bodies up to this length are held in memory, so that a call can be sent a second time. */
export const REPLAYABLE_BYTES = 128 * 1024;

/** Whether a request has a body, by its headers (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Whether the body is known to be small enough to be held in memory. */
export function isSmall({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return length !== undefined && Number(length) <= REPLAYABLE_BYTES;
}

/** Who gets a body that is read. */
export interface BodyTaker {
  /** Gets undefined when it is longer than it may be. */
  done(body: Buffer | undefined): void;
  /** Hears of a fault of ours, also of one in `done`; must not throw. */
  fault(error: unknown): void;
}

/**
 * Reads a whole body of at most `limit` bytes. A caller that goes away is never answered, so
 * nothing is called then.
 */
export function readBody(request: IncomingMessage, limit: number, taker: BodyTaker): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const onData = (chunk: Buffer): void => {
    length += chunk.length;
    if (length <= limit) {
      chunks.push(chunk);
      return;
    }
    request.off("data", onData);
    request.off("end", onEnd);
    request.pause();
    give(taker, undefined);
  };
  const onEnd = (): void => give(taker, chunks, length);
  request.on("data", onData);
  request.on("end", onEnd);
}

function give(taker: BodyTaker, chunks: readonly Buffer[] | undefined, length = 0): void {
  try {
    taker.done(chunks && join(chunks, length));
  } catch (error) {
    taker.fault(error);
  }
}

function join(chunks: readonly Buffer[], length: number): Buffer {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) {
    return only;
  }
  const body = Buffer.concat(chunks, length);
  chunks.forEach(releaseMemory);
  return body;
}

/**
 * A body that is streamed. Nothing is read from the caller before `begin`: until then the call can
 * still be sent to another pod.
 */
export class StreamedBody {
  /** Length in bytes; undefined where the caller has not said it. */
  readonly length: number | undefined;
  /** Whether all of it has been sent. */
  isSent = false;
  /** Whether the function does not take it for now. */
  isStuck = false;
  readonly #request: IncomingMessage;
  #stop = (): void => undefined;

  constructor(request: IncomingMessage) {
    const length = request.headers["content-length"];
    this.#request = request;
    this.length = length === undefined ? undefined : Number(length);
  }

  /** Passes it on as it comes. @param moved - called when bytes move */
  begin(to: Writable, moved: () => void): void {
    // With the connection to the function its call ends.
    const end = (error: Error): void => void to.destroy(error);
    const onDrain = guard(() => {
      this.isStuck = false;
      moved();
      this.#request.resume();
    }, end);
    const onData = guard((chunk: Buffer) => {
      moved();
      if (!this.#write(to, chunk)) {
        this.isStuck = true;
        this.#request.pause();
        to.once("drain", onDrain);
      }
    }, end);
    const onEnd = guard(() => {
      this.isSent = true;
      if (this.length === undefined) {
        to.write("0\r\n\r\n", "latin1");
      }
    }, end);
    this.#stop = () => {
      this.#request.off("data", onData).off("end", onEnd);
      to.off("drain", onDrain);
    };
    this.#request.on("data", onData).once("end", onEnd);
  }

  /** Passes no more of it on. */
  stop(): void {
    this.#stop();
    this.#stop = () => undefined;
  }

  #write(to: Writable, chunk: Buffer): boolean {
    if (this.length !== undefined) {
      return writeAndRelease(to, chunk);
    }
    to.cork();
    to.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    writeAndRelease(to, chunk);
    const isTaken = to.write("\r\n", "latin1");
    to.uncork();
    return isTaken;
  }
}
