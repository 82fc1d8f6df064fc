/**
 * Refuses requests that Node's parser accepts and stricter proxies do not, by reading the bytes
 * again. Node's parser stays in charge: it decides where a body begins and how long it is. Bytes
 * that it does not accept as a request are not read here.
 *
 * The bytes are taken from the parser's own buffer, as Node itself does for the bytes after an
 * upgrade. A "data" listener on the connection would get them, too. But then Node's parser would
 * stop reading from the connection directly, which makes each call several times as expensive.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { endByFault } from "../../../lib/faults.ts";
import { releaseMemory } from "./buffer-release.ts";
import { closeConnection, endConnection, isClosing } from "./connection-errors.ts";
import { type BadRequest, RawReader } from "./raw-reader.ts";

/** The parser's callback after each read: `HTTPParser.kOnExecute`. */
const ON_EXECUTE = 5;

type OnExecute = (result: number | Error) => void;

/** The private parts of Node's parser that are used here. */
interface Parser {
  /** A copy of the bytes that are being parsed. */
  getCurrentBuffer(): Buffer;
  /** The request that is being parsed, or was parsed last. */
  incoming: { upgrade: boolean } | null;
  [ON_EXECUTE]: OnExecute | null;
}

const UNREADABLE: BadRequest = {
  status: 400,
  message: "body: expected chunks, got something else",
};

const connections = new WeakMap<Socket, RawConnection>();

/** Requests whose bodies came with their heads and are wrong: they are not passed on. */
const rejected = new WeakMap<IncomingMessage, BadRequest>();

/** Reads everything that a server receives a second time. */
export function watchRawRequests(server: Server): void {
  server.on("connection", (socket: Socket & { parser: Parser }) => {
    try {
      connections.set(socket, new RawConnection(socket, socket.parser));
    } catch (error) {
      endByFault(error, () => socket.destroy());
    }
  });
}

/** What is wrong with the bytes of a request's head. Call it while the head is being handled. */
export function findBadHead(request: IncomingMessage): BadRequest | undefined {
  return connections.get(request.socket)?.readHead(request);
}

/** What is wrong with a body that arrived together with its head. */
export function findBadBody(request: IncomingMessage): BadRequest | undefined {
  return rejected.get(request);
}

class RawConnection {
  readonly #socket: Socket;
  readonly #parser: Parser;
  readonly #reader = new RawReader();
  /** The bytes that are being parsed, fetched when they are needed, and how far they are read. */
  #bytes: Buffer | undefined;
  #at = 0;
  /** The last request whose head is in these bytes. */
  #request: IncomingMessage | undefined;
  #badHead: BadRequest | undefined;
  /** The request whose body is being read. */
  #owner: IncomingMessage | undefined;

  constructor(socket: Socket, parser: Parser) {
    this.#socket = socket;
    this.#parser = parser;
    const onExecute = parser[ON_EXECUTE];
    if (typeof onExecute !== "function") {
      throw new Error("raw requests: expected a parser that says when it has read, got another");
    }
    parser[ON_EXECUTE] = (result) => {
      try {
        this.#executed(result);
      } catch (error) {
        endByFault(error, () => socket.destroy());
      }
      onExecute(result);
    };
  }

  #executed(result: number | Error): void {
    // The bytes after an upgrade or a CONNECT are not HTTP.
    const isHttp = typeof result === "number" && this.#parser.incoming?.upgrade !== true;
    if (isHttp && !isClosing(this.#socket)) {
      this.#finish(result);
    }
    this.#forget();
  }

  #forget(): void {
    if (this.#bytes !== undefined) {
      // The copy is used only here.
      releaseMemory(this.#bytes);
    }
    this.#bytes = undefined;
    this.#request = undefined;
    this.#at = 0;
    if (!this.#reader.isInBody) {
      this.#owner = undefined;
    }
  }

  /** Reads a head. The parser must be at the end of this request's head. */
  readHead(request: IncomingMessage): BadRequest | undefined {
    if (request === this.#request) {
      return this.#badHead;
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
    this.#badHead = end;
    return end;
  }

  /** Uses the framing that the parser has found; ambiguous framing has been refused before. */
  #expectBody(request: IncomingMessage): void {
    const { "transfer-encoding": encoding, "content-length": length, upgrade } = request.headers;
    this.#owner = request;
    const framing = encoding === undefined ? Number(length ?? 0) : "chunked";
    // Node's parser stops after a request with Upgrade, even if the upgrade is refused.
    this.#reader.expect(framing, upgrade !== undefined);
  }

  #readBody(bytes: Buffer): number | BadRequest {
    const end = this.#reader.readBody(bytes, this.#at);
    return typeof end === "number" ? end : this.#rejectBody(end);
  }

  /** Reads the rest after the parser has read `length` bytes: all, or up to an upgrade. */
  #finish(length: number): void {
    if (this.#bytes === undefined && this.#reader.skip(length)) {
      return;
    }
    this.#bytes ??= this.#parser.getCurrentBuffer();
    if (this.#at === this.#bytes.length) {
      return;
    }
    const at = this.#readBody(this.#bytes);
    const badRequest = typeof at === "number" ? this.#reader.keepHead(this.#bytes, at) : undefined;
    if (badRequest !== undefined) {
      endConnection(badRequest.status, this.#socket);
    } else if (this.#owner?.complete === false && length < this.#bytes.length) {
      // In a request with Upgrade, the parser stops at an invalid byte without an error.
      this.#rejectBody(UNREADABLE);
    }
  }

  /**
   * Refuses the request whose body is invalid. If a function may already have received a part, the
   * connection is broken off, and with it the call: the function must not take it as complete.
   */
  #rejectBody(badRequest: BadRequest): BadRequest {
    closeConnection(this.#socket);
    if (this.#request === undefined) {
      this.#owner?.destroy(new Error(badRequest.message));
    } else {
      rejected.set(this.#request, badRequest);
    }
    return badRequest;
  }
}
