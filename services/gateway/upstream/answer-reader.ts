/**
 * Reads the answers on one connection to a function (HTTP/1.1, RFC 9112). Where two readers could
 * differ about what an answer is or where it ends, it is refused. Only one head or chunk line that
 * is not complete is kept; bodies pass on as they come.
 */
import type { IncomingHttpHeaders } from "node:http";
import { ChunkedReader } from "../../lib/chunked-reader.ts";
import { DelimitedText } from "../../lib/delimited-text.ts";
import { rememberByName } from "../http/known-names.ts";
import { callError } from "./call-error.ts";

/** Gets what is read. */
export interface AnswerSink {
  /** The head of an answer; those before it (status 1xx) are passed over. */
  onHead(status: number, headers: IncomingHttpHeaders): void;
  /** A part of the body: the connection's own memory, which is read into again. */
  onData(chunk: Buffer): void;
  /** @param mayFollow - whether the connection can carry another call */
  onEnd(mayFollow: boolean): void;
}

/** Longest head of an answer. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** In one line for one pass: the status line, then fields without line folding. */
const HEAD =
  /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/;

const STATUS_AT = "HTTP/1.1 ".length;
const START = "HTTP/1.";
const MINOR_AT = START.length;

const BARE_LINE_END = /[^\r]\n/;

/** Up to here a number is exact. */
const LENGTH = /^\d{1,15}$/;

/** Faster than objects made by `Object.create(null)`, and `__proto__` is a name like others. */
const Headers = function () {
  // Its fields are set by their names.
} as unknown as new () => Record<string, string | string[]>;
(Headers as { prototype: unknown }).prototype = Object.create(null);

const toLowerCase = rememberByName((name) => name.toLowerCase());

/** What the next bytes are. */
type Part = "nothing" | "head" | "body" | "chunks" | "rest";

export class AnswerReader {
  readonly #sink: AnswerSink;
  readonly #head = new DelimitedText();
  /** Trailers go no further, so nobody can read them in another way. */
  readonly #chunks = new ChunkedReader({ maxTrailerBytes: MAX_HEAD_BYTES, hasAnyTrailers: true });
  #part: Part = "nothing";
  /** Missing bytes of a body with a length. */
  #left = 0;
  #isHead = false;
  #mayFollow = true;
  /** How much of an incomplete head has been looked at. */
  #looked = 0;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Waits for the answer to a request with this method. */
  expect(method: string): void {
    this.#part = "head";
    this.#isHead = method === "HEAD";
    this.#looked = 0;
  }

  /**
   * Reads what has come.
   * @throws when it is no answer, or none was asked for
   */
  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#readPart(bytes, at);
    }
  }

  /** The connection has ended, and with it an answer that has no other end. */
  close(): void {
    if (this.#part === "rest") {
      this.#end(false);
    }
  }

  #readPart(bytes: Buffer, offset: number): number {
    switch (this.#part) {
      case "head":
        return this.#readHead(bytes, offset);
      case "body":
        return this.#readBody(bytes, offset);
      case "chunks":
        return this.#readChunks(bytes, offset);
      case "rest":
        this.#sink.onData(offset === 0 ? bytes : bytes.subarray(offset));
        return bytes.length;
      default:
        throw callError("UPSTREAM_ANSWER", "answer: expected nothing behind its end");
    }
  }

  #readHead(bytes: Buffer, offset: number): number {
    const end = this.#head.take(bytes, offset, "\r\n\r\n");
    const { text } = this.#head;
    if (text.length > MAX_HEAD_BYTES) {
      throw callError("UPSTREAM_HEAD_SIZE", `head: expected at most ${MAX_HEAD_BYTES} bytes`);
    }
    if (end === undefined) {
      this.#look(text);
      return bytes.length;
    }
    this.#head.clear();
    this.#looked = 0;
    if (!HEAD.test(text)) {
      throw callError("UPSTREAM_ANSWER", "head: expected a status line and fields");
    }
    const status = Number(text.slice(STATUS_AT, STATUS_AT + 3));
    if (status === 101) {
      throw callError("UPSTREAM_ANSWER", "status: expected no upgrade, got 101");
    }
    if (status < 200) {
      return end;
    }
    const headers = readFields(text);
    this.#mayFollow = isKept(text.charAt(MINOR_AT), headers);
    const length = this.#readFraming(status, headers);
    this.#sink.onHead(status, headers);
    if (length === 0) {
      this.#end(end === bytes.length);
    }
    return end;
  }

  /** Something else than HTTP is refused at once: its sender may wait, and go on waiting. */
  #look(text: string): void {
    const isOther = !START.startsWith(text.slice(0, START.length));
    if (isOther || BARE_LINE_END.test(text.slice(Math.max(0, this.#looked - 1)))) {
      throw callError("UPSTREAM_ANSWER", "head: expected HTTP/1.1 and lines that end with CR LF");
    }
    this.#looked = text.length;
  }

  /** What follows a head (RFC 9112 §6.3). Returns the length; -1 where it is not known. */
  #readFraming(status: number, headers: IncomingHttpHeaders): number {
    const { "content-length": length, "transfer-encoding": coding } = headers;
    checkFraming(length, coding);
    if (this.#isHead || status === 204 || status === 304) {
      // A body that comes all the same must not be taken for the next answer.
      const isAnnounced = coding !== undefined || Number(length ?? 0) > 0;
      this.#mayFollow &&= !this.#isHead && !isAnnounced;
      return 0;
    }
    return coding === undefined ? this.#beginBody(length) : this.#beginChunks();
  }

  #beginBody(length: string | undefined): number {
    this.#part = length === undefined ? "rest" : "body";
    this.#left = Number(length ?? -1);
    return this.#left;
  }

  #beginChunks(): number {
    this.#part = "chunks";
    this.#chunks.begin();
    return -1;
  }

  #readBody(bytes: Buffer, offset: number): number {
    const end = Math.min(offset + this.#left, bytes.length);
    this.#left -= end - offset;
    this.#sink.onData(bytes.subarray(offset, end));
    if (this.#left === 0) {
      this.#end(end === bytes.length);
    }
    return end;
  }

  #readChunks(bytes: Buffer, offset: number): number {
    // The chunks of one read are moved together, as each one that is passed on has its price.
    let [begin, length] = [0, 0];
    const end = this.#chunks.read(bytes, offset, (from, to) => {
      if (length === 0) {
        begin = from;
      } else {
        bytes.copyWithin(begin + length, from, to);
      }
      length += to - from;
    });
    if (length > 0) {
      this.#sink.onData(bytes.subarray(begin, begin + length));
    }
    if (typeof end !== "number") {
      throw callError("UPSTREAM_ANSWER", end.message);
    }
    if (this.#chunks.isDone) {
      this.#end(end === bytes.length);
    }
    return end;
  }

  /** @param isAll - whether no byte has come behind the answer */
  #end(isAll: boolean): void {
    this.#part = "nothing";
    this.#sink.onEnd(isAll && this.#mayFollow);
  }
}

/** @throws where two readers could differ about how long the body is */
function checkFraming(length: string | undefined, coding: string | undefined): void {
  if (coding !== undefined && (length !== undefined || coding.toLowerCase() !== "chunked")) {
    const expected = "transfer-encoding: expected chunked, and no content-length beside it";
    throw callError("UPSTREAM_ANSWER", expected);
  }
  if (length !== undefined && !LENGTH.test(length)) {
    throw callError("UPSTREAM_ANSWER", "content-length: expected one number");
  }
}

/** The fields of a head that is valid. Several of one name are a list, with a few exceptions. */
function readFields(head: string): IncomingHttpHeaders {
  const headers = new Headers();
  let begin = head.indexOf("\r\n") + 2;
  for (let end = head.indexOf("\r\n", begin); end > begin; end = head.indexOf("\r\n", begin)) {
    const colon = head.indexOf(":", begin);
    const name = toLowerCase(head.slice(begin, colon));
    const value = sliceTrimmed(head, colon + 1, end);
    const before = headers[name];
    headers[name] = before === undefined ? value : join(name, before, value);
    begin = end + 2;
  }
  return headers;
}

const TAB = 9;
const SPACE = 32;

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** A part without the blanks around it; `trim` would take away bytes of UTF-8, too. */
function sliceTrimmed(text: string, from: number, to: number): string {
  let [begin, end] = [from, to];
  while (begin < end && isBlank(text.charCodeAt(begin))) {
    begin += 1;
  }
  while (end > begin && isBlank(text.charCodeAt(end - 1))) {
    end -= 1;
  }
  return text.slice(begin, end);
}

/** Fields that say how the answer is framed and the connection used are joined (RFC 9110 §5.3). */
const JOINED = new Set(["connection", "content-length", "transfer-encoding", "keep-alive"]);

function join(name: string, before: string | string[], value: string): string | string[] {
  if (name === "content-type") {
    // As Node does.
    return before;
  }
  if (typeof before === "string") {
    return JOINED.has(name) ? `${before}, ${value}` : [before, value];
  }
  before.push(value);
  return before;
}

/** Whether the server keeps the connection (RFC 9112 §9.3). */
function isKept(minor: string, headers: IncomingHttpHeaders): boolean {
  const { connection, "transfer-encoding": coding } = headers;
  // Servers of HTTP/1.0 know no codings (RFC 9112 §6.1).
  const isCurrent = minor === "1";
  if (connection === undefined || (!isCurrent && coding !== undefined)) {
    return isCurrent;
  }
  const words = connection.toLowerCase().split(",");
  const has = (word: string): boolean => words.some((one) => one.trim() === word);
  return !has("close") && (isCurrent || has("keep-alive"));
}
