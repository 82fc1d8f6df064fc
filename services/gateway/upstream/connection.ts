/** One connection to a function: one call at a time, and then the next. */
import type { IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { guard } from "../../lib/faults.ts";
import { writeWatched } from "../http/guard/index.ts";
import { AnswerReader } from "./answer-reader.ts";
import { callError } from "./call-error.ts";
import { type AnswerHandler, Exchange, tell, type UpstreamRequest } from "./exchange.ts";
import { type BodyFraming, toRequestText } from "./request-head.ts";
import { Slab } from "./slabs.ts";

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
        buffer: () => this.#takeMemory(),
        callback: (length, memory) => this.#read(memory, length),
      },
    });
    const end = (): void => this.destroy();
    this.#socket.once(
      "connect",
      guard(() => this.#connected(), end),
    );
    this.#socket.once(
      "end",
      guard(() => this.#ended(), end),
    );
    this.#socket.on(
      "error",
      guard((error: Error) => this.fail(error), end),
    );
    this.#socket.once(
      "close",
      guard(() => this.#closed(), end),
    );
    if (connectMs > 0) {
      const giveUp = guard(() => {
        this.fail(callError("UPSTREAM_CONNECT_TIMEOUT", `no connection in ${connectMs} ms`));
      }, end);
      this.#timer = setTimeout(giveUp, connectMs);
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
    tell(exchange, error);
  }

  /** Ends the call; the connection, too, where anything of it has been sent. */
  breakOff(reason: Error): void {
    if (this.#isBegun || this.#socket.connecting) {
      this.fail(reason);
      return;
    }
    const exchange = this.#leave();
    try {
      this.#options.onFree(this);
    } finally {
      tell(exchange, reason);
    }
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

  #takeMemory(): Buffer {
    try {
      return this.#nextMemory();
    } catch (error) {
      this.fail(error as Error);
      return this.#own;
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

  /** What goes wrong with an answer, here or in its handler, ends the call. */
  #read(memory: Uint8Array, length: number): boolean {
    try {
      this.#reader.read(Buffer.from(memory.buffer, 0, length));
    } catch (error) {
      this.fail(error as Error);
    }
    return true;
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
    try {
      if (mayFollow && isSent && !this.#socket.destroyed) {
        // The last chunk may have been more than the caller's connection takes.
        this.#socket.resume();
        this.#options.onFree(this);
      } else {
        this.destroy();
      }
      exchange?.handler.onResponseEnd();
    } catch (error) {
      this.destroy();
      tell(exchange, error as Error);
    }
  }

  /** Where the answer has no other end, that was it. */
  #ended(): void {
    try {
      this.#reader.close();
    } catch (error) {
      this.fail(error as Error);
    }
    this.#cutOff();
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#slab?.release();
    this.#slab = undefined;
    try {
      this.#options.onClosed(this);
    } finally {
      this.#cutOff();
    }
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
