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
import { type Fault, RawReader } from "./raw-reader.ts";
import { freeMemory } from "./spent-buffers.ts";

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

const UNREADABLE: Fault = { status: 400, message: "body: expected chunks, got something else" };

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
  /** The request of which the body is being read. */
  #owner: IncomingMessage | undefined;

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
      this.#forget();
      onExecute(result);
    };
  }

  #forget(): void {
    if (this.#bytes !== undefined) {
      // A copy that is only used here.
      freeMemory(this.#bytes);
    }
    this.#bytes = undefined;
    this.#request = undefined;
    this.#at = 0;
    if (!this.#reader.isInBody) {
      this.#owner = undefined;
    }
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
      this.#expectBody(request);
      return undefined;
    }
    this.#fault = end;
    return end;
  }

  /** By the parser's own reading, after all that is open to doubt has been refused. */
  #expectBody(request: IncomingMessage): void {
    const { "transfer-encoding": encoding, "content-length": length, upgrade } = request.headers;
    this.#owner = request;
    const framing = encoding === undefined ? Number(length ?? 0) : "chunked";
    // Node's parser stops after an upgrade, whatever becomes of it.
    this.#reader.expect(framing, upgrade !== undefined);
  }

  #readBody(bytes: Buffer): number | Fault {
    const end = this.#reader.readBody(bytes, this.#at);
    return typeof end === "number" ? end : this.#spoil(end);
  }

  /** After the parser has read so many bytes, which are all unless a protocol ends there. */
  #finish(length: number): void {
    if (this.#bytes === undefined && this.#reader.skip(length)) {
      return;
    }
    this.#bytes ??= this.#parser.getCurrentBuffer();
    if (this.#at === this.#bytes.length) {
      return;
    }
    const at = this.#readBody(this.#bytes);
    const fault = typeof at === "number" ? this.#reader.keepHead(this.#bytes, at) : undefined;
    if (fault !== undefined) {
      endConnection(fault.status, this.#socket);
    } else if (this.#owner?.complete === false && length < this.#bytes.length) {
      // In a request that asks for another protocol, the parser stops at a fault and is silent.
      this.#spoil(UNREADABLE);
    }
  }

  /**
   * Refuses the request of which the body is wrong. Where a function may have heard of it, it must
   * not take it for whole: the connection breaks off, and with it the call.
   */
  #spoil(fault: Fault): Fault {
    condemn(this.#socket);
    if (this.#request === undefined) {
      this.#owner?.destroy(new Error(fault.message));
    } else {
      spoilt.set(this.#request, fault);
    }
    return fault;
  }
}
