/**
 * Reads the rest of a request's body after its answer. Closing a connection with unread bytes
 * resets it, which can destroy an answer that the client has not read yet.
 */
import type { IncomingMessage } from "node:http";
import { guard } from "../../lib/faults.ts";
import { hasBody } from "./request-body.ts";

/** At most this much is read and dropped. */
const MAX_BYTES = 1024 * 1024;
const MAX_MS = 2000;

/**
 * Whether the connection must be closed if the request is answered now: too much of the body, or an
 * unknown length, would have to be read before the next request.
 */
export function mustCloseAfter(request: IncomingMessage): boolean {
  const { headers } = request;
  const length = Number(headers["content-length"] ?? Infinity);
  return isUnread(request) && (headers.expect !== undefined || length > MAX_BYTES);
}

/** `complete` alone is not enough: while its head is handled, any request is incomplete. */
function isUnread(request: IncomingMessage): boolean {
  return !request.complete && hasBody(request);
}

/** Reads and drops the rest of a request; if it is too long or too slow, closes the connection. */
export function drainRequest(request: IncomingMessage, done?: () => void): void {
  if (!isUnread(request) || request.destroyed) {
    done?.();
    return;
  }
  let bytes = 0;
  let turn: NodeJS.Immediate | undefined;
  const end = (): void => void request.socket.destroy();
  const count = guard((chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) {
      giveUp();
    }
  }, end);
  const finish = guard(() => {
    clearTimeout(timer);
    clearImmediate(turn);
    request.off("data", count).off("end", finish).off("close", finish);
    done?.();
  }, end);
  const giveUp = guard(() => {
    finish();
    // Whoever has read it, the connection may carry other requests by now.
    if (!request.complete) {
      request.socket.destroySoon();
    }
  }, end);
  // What has come while the process was busy is read before: its sender may be at its next request.
  const timer = setTimeout(() => (turn = setImmediate(giveUp)), MAX_MS).unref();
  request.unpipe();
  request.on("data", count).once("end", finish).once("close", finish);
  request.resume();
}
