/**
 * Refuses what Node's parser lets pass and a stricter proxy does not, by a look at the bytes
 * themselves. Node's parser stays the one that reads: it says where a body begins and how long it
 * is, and what it has not read as a request never gets this far.
 *
 * The bytes come from the parser's own buffer, as they do where Node hands over what follows an
 * upgrade. A listener for the connection's data would see them, too, but Node's parser then no
 * longer reads from the connection by itself, which costs each call several times as much.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { condemn, endConnection, isCondemned } from "./client-errors.ts";
import { RawReader, type Fault, type Framing } from "./raw-reader.ts";

/** Name of the parser's callback after each time that it has read: `HTTPParser.kOnExecute`. */
const ON_EXECUTE = 5;

type OnExecute = (result: number | Error) => void;

/** The parts of Node's parser that are used here. */
interface Parser {
  /** A copy of what is being read. */
  getCurrentBuffer(): Buffer;
  /** The request that is being read, or was read last. */
  incoming: { upgrade: boolean } | null;
  [ON_EXECUTE]: OnExecute | null;
}

const connections = new WeakMap<Socket, RawConnection>();

/** Faults of bodies that came together with their heads: nobody has heard of these requests. */
const spoilt = new WeakMap<IncomingMessage, Fault>();

/** Has all that comes to a server read a second time. */
export function watchRawRequests(server: Server): void {
  server.on("connection", (socket: Socket & { parser: Parser }) => {
    connections.set(socket, new RawConnection(socket, socket.parser));
  });
}

/** What is wrong with the bytes of a request's head. To be asked when the head has been read. */
export function findRawFault(request: IncomingMessage): Fault | undefined {
  return connections.get(request.socket)?.readHead(request);
}

/** What is wrong with a body that came together with its head. */
export function findBodyFault(request: IncomingMessage): Fault | undefined {
  return spoilt.get(request);
}

class RawConnection {
  readonly #socket: Socket;
  readonly #parser: Parser;
  readonly #reader = new RawReader();
  /** What the parser is reading, once something of it had to be looked at, and how far that is. */
  #bytes: Buffer | undefined;
  #at = 0;
  /** The last request of which the head is in these bytes. */
  #request: IncomingMessage | undefined;
  #fault: Fault | undefined;

  constructor(socket: Socket, parser: Parser) {
    this.#socket = socket;
    this.#parser = parser;
    const onExecute = parser[ON_EXECUTE];
    if (typeof onExecute !== "function") {
      throw new Error("raw requests: expected a parser that says when it has read, got another");
    }
    parser[ON_EXECUTE] = (result) => {
      // What follows an upgrade or a CONNECT is no HTTP.
      const isHttp = typeof result === "number" && parser.incoming?.upgrade !== true;
      if (isHttp && !isCondemned(socket)) {
        this.#finish(result);
      }
      this.#bytes = undefined;
      this.#request = undefined;
      this.#at = 0;
      onExecute(result);
    };
  }

  /** While the parser is at the end of this request's head. */
  readHead(request: IncomingMessage): Fault | undefined {
    if (request === this.#request) {
      return this.#fault;
    }
    this.#bytes ??= this.#parser.getCurrentBuffer();
    const at = this.#readBody(this.#bytes);
    const end = typeof at === "number" ? this.#reader.readHead(this.#bytes, at) : at;
    this.#request = request;
    if (typeof end === "number") {
      this.#at = end;
      this.#reader.expect(toFraming(request));
      return undefined;
    }
    this.#fault = end;
    return end;
  }

  #readBody(bytes: Buffer): number | Fault {
    const end = this.#reader.readBody(bytes, this.#at);
    if (typeof end !== "number" && this.#request !== undefined) {
      spoilt.set(this.#request, end);
    }
    return end;
  }

  /** After the parser has read all of these bytes. */
  #finish(length: number): void {
    if (this.#bytes === undefined) {
      if (this.#reader.skip(length)) {
        return;
      }
      this.#bytes = this.#parser.getCurrentBuffer();
    } else if (this.#at === this.#bytes.length) {
      return;
    }
    const at = this.#readBody(this.#bytes);
    const fault = typeof at === "number" ? this.#reader.keepHead(this.#bytes, at) : at;
    if (fault === undefined) {
      return;
    }
    if (this.#request !== undefined && spoilt.has(this.#request)) {
      condemn(this.#socket);
    } else {
      endConnection(fault.status, this.#socket);
    }
  }
}

/** By the parser's own reading, after all that is open to doubt has been refused. */
function toFraming({ headers }: IncomingMessage): Framing {
  if (headers.upgrade !== undefined) {
    // Node's parser stops there, whatever becomes of it.
    return "other";
  }
  return headers["transfer-encoding"] === undefined
    ? Number(headers["content-length"] ?? 0)
    : "chunked";
}
