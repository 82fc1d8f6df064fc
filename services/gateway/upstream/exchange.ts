/** One call on a connection to a function, and what becomes of it. */
import type { IncomingHttpHeaders } from "node:http";
import type { Writable } from "node:stream";
import type { Slab } from "./slabs.ts";

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
  /** What the others throw comes here, too. */
  onResponseError(control: CallControl, error: Error): void;
  /** Hears of a fault of ours that nothing else hears of; must not throw. */
  fault(error: unknown): void;
}

/** The connection, as the call on it sees it. */
interface Line {
  breakOff(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** A call on a connection. */
export class Exchange implements CallControl {
  readonly request: UpstreamRequest;
  readonly handler: AnswerHandler;
  /** Undefined when the call is over. */
  #line: Line | undefined;

  constructor(request: UpstreamRequest, handler: AnswerHandler, line: Line) {
    this.request = request;
    this.handler = handler;
    this.#line = line;
  }

  get isOver(): boolean {
    return this.#line === undefined;
  }

  get stream(): BodyStream | undefined {
    const { body } = this.request;
    return Buffer.isBuffer(body) ? undefined : body;
  }

  abort(reason: Error): void {
    this.#line?.breakOff(reason);
  }

  pause(): void {
    this.#line?.pause();
  }

  resume(): void {
    this.#line?.resume();
  }

  /** The connection is no longer the call's. */
  leave(): void {
    this.#line = undefined;
    this.stream?.stop();
  }
}

/** Tells the handler of a call that is over, whose connection has other cares by now. */
export function tell(exchange: Exchange | undefined, error: Error): void {
  try {
    exchange?.handler.onResponseError(exchange, error);
  } catch (fault) {
    exchange?.handler.fault(fault);
  }
}
