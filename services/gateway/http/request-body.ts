/** The body of a call on its way to a function: kept when small, streamed when not. */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
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

/**
 * Reads a whole body of at most `limit` bytes. The callback gets undefined when it is longer;
 * a caller that goes away is never answered, so there is no callback then.
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  done: (body: Buffer | undefined) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const onData = (chunk: Buffer): void => {
    length += chunk.length;
    if (length > limit) {
      request.off("data", onData);
      request.off("end", onEnd);
      request.pause();
      done(undefined);
      return;
    }
    chunks.push(chunk);
  };
  const onEnd = (): void => {
    const [only] = chunks;
    if (chunks.length === 1) {
      done(only);
      return;
    }
    const body = Buffer.concat(chunks, length);
    chunks.forEach(releaseMemory);
    done(body);
  };
  request.on("data", onData);
  request.on("end", onEnd);
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
    const onDrain = (): void => {
      this.isStuck = false;
      moved();
      this.#request.resume();
    };
    const onData = (chunk: Buffer): void => {
      moved();
      if (!this.#write(to, chunk)) {
        this.isStuck = true;
        this.#request.pause();
        to.once("drain", onDrain);
      }
    };
    const onEnd = (): void => {
      this.isSent = true;
      if (this.length === undefined) {
        to.write("0\r\n\r\n", "latin1");
      }
    };
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
