/**
 * The end of connections over which something came that is no HTTP: answers that are due still go
 * out whole, then one that says what is wrong, and nothing more is taken from the client.
 */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { writeHead } from "./raw-response.ts";

/** Time in which the client can read the last answer; closing at once would reset it away. */
const LINGER_MS = 500;

const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const condemned = new WeakSet<Socket>();

/**
 * From now on no request of this connection is answered. What Node does after its last answer, to
 * close it at once, would reset that answer away where the client is still sending.
 */
export function condemn(socket: Socket): void {
  condemned.add(socket);
  socket.destroySoon = () => {
    socket.end();
    closeInTime(socket);
  };
}

/** Whether what comes over a connection is to be ignored. */
export function isCondemned(socket: Socket): boolean {
  return condemned.has(socket);
}

/** Node's server keeps the answer that it is sending in a field of the connection. */
interface Connection extends Socket {
  _httpMessage?: ServerResponse | null;
}

/**
 * Ends a connection after its parser has failed. Nothing is written into the middle of an answer:
 * the client could not tell it from the function's own words.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Connection): void {
  endConnection(STATUS[error.code ?? ""] ?? 400, socket);
}

/** Ends a connection with this status after the answers that are due. */
export function endConnection(status: number, socket: Connection): void {
  if (!isCondemned(socket)) {
    condemn(socket);
    endInOrder(status, socket);
  }
}

/** Whether nothing is due on a connection: only then may its protocol change. */
export function isFree(socket: Connection): boolean {
  return (socket._httpMessage ?? undefined) === undefined && !isCondemned(socket);
}

/** Refuses a tunnel after the answers that are due. */
export function refuseTunnel(socket: Connection): void {
  socket.on("error", () => socket.destroy());
  endConnection(405, socket);
}

function endInOrder(status: number, socket: Connection): void {
  const answer = socket._httpMessage ?? undefined;
  if (!socket.writable) {
    socket.destroy();
  } else if (answer === undefined || (!answer.req.complete && !answer.headersSent)) {
    endWith(status, socket, answer?.req.method === "HEAD");
  } else if (answer.req.complete) {
    // Another request's answer, which is on its way: it goes first.
    answer.once("close", () => endInOrder(status, socket));
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
 * Ends a connection that is no HTTP any more, after these last bytes. What still comes is dropped:
 * behind bytes that nobody reads, the client's own end would stay unseen and the socket open.
 */
export function endWithLinger(socket: Duplex, last: string): void {
  socket.end(last);
  socket.resume();
  closeInTime(socket);
}

/** Closes a connection that has been ended, whatever its client does. */
export function closeInTime(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
