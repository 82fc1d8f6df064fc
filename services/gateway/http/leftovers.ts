/**
 * What to do with the rest of a request's body once its answer is there. A connection that is
 * closed while there is something left to read is reset, which can destroy the answer on its way.
 */
import type { IncomingMessage } from "node:http";
import { hasBody } from "./request-body.ts";

/** As much is still read and dropped, so that the caller gets to the answer. */
const MAX_BYTES = 1024 * 1024;
const MAX_MS = 2000;

/**
 * Whether the connection must be closed after an answer that comes now: nobody knows how much body
 * would have to be read before the next request.
 */
export function mustCloseAfter(request: IncomingMessage): boolean {
  const { headers } = request;
  const length = Number(headers["content-length"] ?? Infinity);
  return isUnread(request) && (headers.expect !== undefined || length > MAX_BYTES);
}

/** A request without a body counts as incomplete, too, while its head is being looked at. */
function isUnread(request: IncomingMessage): boolean {
  return !request.complete && hasBody(request);
}

/** Reads and drops what is left of a request; where that is too much, the connection ends. */
export function dropLeftovers(request: IncomingMessage, done?: () => void): void {
  if (!isUnread(request) || request.destroyed) {
    done?.();
    return;
  }
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) {
      giveUp();
    }
  };
  const finish = (): void => {
    clearTimeout(timer);
    request.off("data", count).off("end", finish).off("close", finish);
    done?.();
  };
  const giveUp = (): void => {
    finish();
    request.socket.destroySoon();
  };
  const timer = setTimeout(giveUp, MAX_MS).unref();
  request.unpipe();
  request.on("data", count).once("end", finish).once("close", finish);
  request.resume();
}
