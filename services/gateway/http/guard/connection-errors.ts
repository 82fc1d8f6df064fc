/**
 * How a connection ends after an invalid request: pending answers are sent completely, then one
 * with the error, and further requests are ignored.
 */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { endByFault, guard } from "../../../lib/faults.ts";
import { writeHead } from "./raw-response.ts";

/** Time for the client to read the last answer: closing at once would reset the connection. */
const LINGER_MS = 500;

const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const closing = new WeakSet<Socket>();

/**
 * Closes a connection after the answers that are pending; no further request is answered. Node
 * would close it at once after the last answer. A client that is still sending would get a reset
 * then, and lose that answer.
 */
export function closeConnection(socket: Socket): void {
  closing.add(socket);
  // Node calls it in an event of the answer before.
  socket.destroySoon = guard(
    () => {
      socket.end();
      closeInTime(socket);
    },
    () => socket.destroy(),
  );
}

/** Whether a connection is being closed, and requests on it are ignored. */
export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/** Node's server keeps the current answer in this field of the connection. */
interface Connection extends Socket {
  _httpMessage?: ServerResponse | null;
}

/**
 * Ends a connection after its parser has failed. The error is never written into the middle of
 * another answer: the client would take it for a part of that one.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Connection): void {
  try {
    endConnection(STATUS[error.code ?? ""] ?? 400, socket);
  } catch (fault) {
    endByFault(fault, () => socket.destroy());
  }
}

/** Ends a connection with this status, after the answers that are pending. */
export function endConnection(status: number, socket: Connection): void {
  if (!isClosing(socket)) {
    closeConnection(socket);
    endInOrder(status, socket);
  }
}

/** Whether no answer is pending on a connection: only then may its protocol change. */
export function isFree(socket: Connection): boolean {
  return (socket._httpMessage ?? undefined) === undefined && !isClosing(socket);
}

/** Refuses a tunnel (CONNECT), after the answers that are pending. */
export function refuseTunnel(socket: Connection): void {
  try {
    socket.on("error", () => socket.destroy());
    endConnection(405, socket);
  } catch (fault) {
    endByFault(fault, () => socket.destroy());
  }
}

function endInOrder(status: number, socket: Connection): void {
  const answer = socket._httpMessage ?? undefined;
  if (!socket.writable) {
    socket.destroy();
  } else if (answer === undefined || (!answer.req.complete && !answer.headersSent)) {
    endWith(status, socket, answer?.req.method === "HEAD");
  } else if (answer.req.complete) {
    // The answer to an earlier request is still being sent.
    answer.once(
      "close",
      guard(
        () => endInOrder(status, socket),
        () => socket.destroy(),
      ),
    );
  } else {
    socket.destroy();
  }
}

function endWith(status: number, socket: Socket, isHead: boolean): void {
  const body = `${status} ${STATUS_CODES[status] ?? ""}\n`;
  const head = writeHead(status, [
    ...["Connection", "close"],
    ...["Content-Type", "text/plain; charset=utf-8"],
    ...["Content-Length", String(body.length)],
  ]);
  endWithLinger(socket, isHead ? head : head + body);
}

/**
 * Writes these last bytes and ends the connection. What still arrives is read and dropped: behind
 * unread bytes, the end from the client would not be noticed and the socket would stay open.
 */
export function endWithLinger(socket: Duplex, last: string): void {
  socket.end(last);
  socket.resume();
  closeInTime(socket);
}

/** Closes a connection that has been ended, even if its client does not close it. */
export function closeInTime(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
