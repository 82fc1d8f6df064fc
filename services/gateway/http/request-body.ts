/** The body of a call on its way to a function: kept when small, streamed when not. */
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { releaseAfterWrite, releaseMemory } from "./guard/index.ts";

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
  readonly #request: IncomingMessage;
  readonly stream = new PassThrough();

  constructor(request: IncomingMessage) {
    this.#request = request;
    // Its errors come from the connection that it feeds, which reports them itself.
    this.stream.on("error", () => undefined);
  }

  begin(): void {
    this.#request.on("data", releaseAfterWrite).pipe(this.stream);
  }
}
