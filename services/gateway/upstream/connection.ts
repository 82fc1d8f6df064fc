/** One connection to a function: one call at a time, and then the next. */
import type { IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import type { Writable } from "node:stream";
import { writeWatched } from "../http/guard/index.ts";
import { AnswerReader } from "./answer-reader.ts";
import { callError } from "./call-error.ts";
import { type BodyFraming, toRequestText } from "./request-head.ts";
import { Slab } from "./slabs.ts";

/** A body that is passed on while it comes. */
export interface BodyStream {
  /** Its length in bytes; undefined where nobody knows. */
  readonly length: number | undefined;
  /** Whether all of it has been sent. */
  readonly isSent: boolean;
  /** Begins to send it. @param moved - called when bytes move */
  begin(to: Writable, moved: () => void): void;
  /** Ends it before its time. */
  stop(): void;
}

export interface UpstreamRequest {
  method: string;
  /** Path and query. */
  path: string;
  /** Flat: name, value, name, value. */
  headers: readonly string[];
  body: Buffer | BodyStream | undefined;
}

/** What holds a call that is on its way. */
export interface CallControl {
  /** Breaks it off; its handler gets the reason as an error. */
  abort(reason: Error): void;
  /** Reads no more of the answer. What has been read still comes. */
  pause(): void;
  resume(): void;
}

/** What becomes of a call. */
export interface AnswerHandler {
  /** There is a connection, and the request is about to be sent on it. */
  onRequestStart(control: CallControl): void;
  /** A part of a body that is streamed has been sent. */
  onBodySent(): void;
  onResponseStart(control: CallControl, status: number, headers: IncomingHttpHeaders): void;
  /**
   * @param slab - whose memory the chunk is, which is read into again unless it is held; undefined
   * for memory that cannot be held
   */
  onResponseData(control: CallControl, chunk: Buffer, slab?: Slab): void;
  onResponseEnd(): void;
  onResponseError(control: CallControl, error: Error): void;
}

/** Idle time after which TCP probes whether the other end still exists, milliseconds. */
const PROBE_AFTER_MS = 60_000;

/** Enough for a small answer with its head. */
const OWN_BYTES = 8 * 1024;

/** Bodies up to this length are sent in one piece with their heads. */
const MAX_JOINED_BYTES = 4096;

export interface ConnectionOptions {
  hostname: string;
  port: number;
  /** For the request's `Host`. */
  host: string;
  /** Longest time to open it, milliseconds; 0 is no limit. */
  connectMs: number;
  /** It can carry another call. */
  onFree: (connection: Connection) => void;
  onClosed: (connection: Connection) => void;
}

/** A call on a connection. */
class Exchange implements CallControl {
  readonly request: UpstreamRequest;
  readonly handler: AnswerHandler;
  /** Undefined when the call is over. */
  #connection: Connection | undefined;

  constructor(request: UpstreamRequest, handler: AnswerHandler, connection: Connection) {
    this.request = request;
    this.handler = handler;
    this.#connection = connection;
  }

  get isOver(): boolean {
    return this.#connection === undefined;
  }

  get stream(): BodyStream | undefined {
    const { body } = this.request;
    return Buffer.isBuffer(body) ? undefined : body;
  }

  abort(reason: Error): void {
    this.#connection?.breakOff(reason);
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  /** The connection is no longer the call's. */
  leave(): void {
    this.#connection = undefined;
    this.stream?.stop();
  }
}

export class Connection {
  /** Until when it may be used again, by `performance.now()`. */
  usableUntil = Infinity;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #reader: AnswerReader;
  /** What is read into while no answer comes, and so by the many that wait for one. */
  readonly #own = Buffer.allocUnsafeSlow(OWN_BYTES);
  /** What is read into while an answer comes. */
  #slab: Slab | undefined;
  #isAnswering = false;
  /** Whether anything of the call has been sent. */
  #isBegun = false;
  #exchange: Exchange | undefined;
  #timer: NodeJS.Timeout | undefined;
  #keepAlive: string | undefined;

  constructor(options: ConnectionOptions) {
    const { hostname, port, connectMs } = options;
    this.#options = options;
    this.#reader = new AnswerReader({
      onHead: (status, headers) => this.#onHead(status, headers),
      onData: (chunk) => this.#onData(chunk),
      onEnd: (mayFollow) => this.#onEnd(mayFollow),
    });
    this.#socket = connect({
      ...{ host: hostname, port, noDelay: true },
      ...{ keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS },
      onread: {
        buffer: () => this.#nextMemory(),
        callback: (length, memory) => this.#read(Buffer.from(memory.buffer, 0, length)),
      },
    });
    this.#socket.once("connect", () => this.#connected());
    this.#socket.once("end", () => this.#ended());
    this.#socket.on("error", (error) => this.fail(error));
    this.#socket.once("close", () => this.#closed());
    if (connectMs > 0) {
      this.#timer = setTimeout(() => {
        this.fail(callError("UPSTREAM_CONNECT_TIMEOUT", `no connection in ${connectMs} ms`));
      }, connectMs);
    }
  }

  /** What the function has promised about idle connections with its last answer. */
  get keepAlive(): string | undefined {
    return this.#keepAlive;
  }

  /** Sends a call, once there is a connection. */
  send(request: UpstreamRequest, handler: AnswerHandler): void {
    this.#exchange = new Exchange(request, handler, this);
    this.#isBegun = false;
    if (!this.#socket.connecting) {
      this.#begin(this.#exchange);
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection, and the call on it with this error. */
  fail(error: Error): void {
    const exchange = this.#leave();
    this.destroy();
    exchange?.handler.onResponseError(exchange, error);
  }

  /** Ends the call; the connection, too, where anything of it has been sent. */
  breakOff(reason: Error): void {
    if (this.#isBegun || this.#socket.connecting) {
      this.fail(reason);
      return;
    }
    const exchange = this.#leave();
    this.#options.onFree(this);
    exchange?.handler.onResponseError(exchange, reason);
  }

  /** Ends the connection, which carries no call. */
  destroy(): void {
    this.usableUntil = 0;
    this.#socket.destroy();
  }

  #leave(): Exchange | undefined {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.leave();
    return exchange;
  }

  #connected(): void {
    clearTimeout(this.#timer);
    if (this.#exchange !== undefined) {
      this.#begin(this.#exchange);
    }
  }

  #begin(exchange: Exchange): void {
    const { request, handler } = exchange;
    try {
      const text = toRequestText(request, this.#options.host, framingOf(request));
      handler.onRequestStart(exchange);
      if (!exchange.isOver) {
        this.#isBegun = true;
        this.#reader.expect(request.method);
        this.#write(text, exchange);
      }
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #write(head: string, { request: { body }, handler }: Exchange): void {
    const socket = this.#socket;
    if (body === undefined) {
      socket.write(head, "latin1");
    } else if (!Buffer.isBuffer(body)) {
      socket.write(head, "latin1");
      body.begin(socket, () => handler.onBodySent());
    } else if (body.length <= MAX_JOINED_BYTES) {
      socket.write(head + body.toString("latin1"), "latin1");
    } else {
      socket.cork();
      socket.write(head, "latin1");
      writeWatched(socket, body);
      socket.uncork();
    }
  }

  /** Memory for the next read: other one where somebody still needs what has been read. */
  #nextMemory(): Buffer {
    if (this.#slab !== undefined && (!this.#isAnswering || this.#slab.isShared)) {
      this.#slab.release();
      this.#slab = undefined;
    }
    if (!this.#isAnswering) {
      return this.#own;
    }
    this.#slab ??= Slab.take();
    return this.#slab.bytes;
  }

  #read(bytes: Buffer): boolean {
    this.#guard(() => this.#reader.read(bytes));
    return true;
  }

  /** What goes wrong with an answer, here or in its handler, ends the call. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #onHead(status: number, headers: IncomingHttpHeaders): void {
    const exchange = this.#exchange;
    this.#isAnswering = true;
    this.#keepAlive = headers["keep-alive"] as string | undefined;
    exchange?.handler.onResponseStart(exchange, status, headers);
  }

  #onData(chunk: Buffer): void {
    const exchange = this.#exchange;
    exchange?.handler.onResponseData(exchange, chunk, this.#slab);
  }

  #onEnd(mayFollow: boolean): void {
    this.#isAnswering = false;
    // What the function has not taken of the request would be in the way of the next one.
    const isSent = this.#exchange?.stream?.isSent !== false && this.#socket.writableLength === 0;
    const exchange = this.#leave();
    if (mayFollow && isSent && !this.#socket.destroyed) {
      // The last chunk may have been more than the caller's connection takes.
      this.#socket.resume();
      this.#options.onFree(this);
    } else {
      this.destroy();
    }
    exchange?.handler.onResponseEnd();
  }

  /** Where the answer has no other end, that was it. */
  #ended(): void {
    this.#guard(() => this.#reader.close());
    this.#cutOff();
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#slab?.release();
    this.#slab = undefined;
    this.#options.onClosed(this);
    this.#cutOff();
  }

  #cutOff(): void {
    if (this.#exchange === undefined) {
      this.destroy();
    } else {
      this.fail(callError("UPSTREAM_CLOSED", "the connection has ended before the answer"));
    }
  }
}

function framingOf({ body }: UpstreamRequest): BodyFraming {
  return body === undefined || Buffer.isBuffer(body) ? body?.length : (body.length ?? "chunked");
}
