/**
 * Reads the bytes of a connection from request to request, and finds what Node's parser accepts
 * without telling. Heads and chunk lines must be valid for the strictest proxy that we know. At
 * most one incomplete head or chunk line is kept in memory.
 */
import { MAX_HEAD_BYTES } from "./head-limits.ts";

/** What follows a head: a body of this many bytes, or one in chunks. */
export type Framing = number | "chunked";

/** Why a connection must be closed. */
export interface BadRequest {
  status: 400 | 413 | 431;
  /** A sentence: `part: expectation`. */
  message: string;
}

const METHOD = /^[A-Z]/;

const REQUEST_LINE = /^[A-Z-]+ [^ ]+ HTTP\/1\.[01]\r\n/;

/** Without backtracking: the time is linear in the length. */
const TAB_AROUND_VALUE = /\r\n[^\r:]*: *\t|\t *\r\n/;

const CHUNK_LINE = /^([\da-f]{1,15})(?:;.*)?\r\n$/i;

/** haproxy's limit. */
const MAX_CHUNK_BYTES = 2 ** 31 - 1;

/** Longest chunk line and longest trailers: Go's limits, the lowest of all servers. */
const MAX_LINE_BYTES = 4096;
const MAX_TRAILER_BYTES = 4096;

/**
 * As in Go, chunk lines may be longer than their data in total by `MAX_CHUNK_EXCESS`. Per chunk,
 * `FREE_CHUNK_BYTES` and twice the length of its data are not counted. So chunks of one byte are
 * accepted, and long extensions are not.
 */
const FREE_CHUNK_BYTES = 16;
const MAX_CHUNK_EXCESS = 16 * 1024;

const BAD = {
  requestLine: refuse("request line: expected method, target and HTTP/1.1, one space between each"),
  tab: refuse("header: expected no tab before or after its value"),
  size: refuse("head: expected a shorter one", 431),
  chunkLine: refuse("chunk: expected a size below 2 GiB of at most 15 digits"),
  chunkEnd: refuse("chunk: expected a line end after its data"),
  extensions: refuse("chunk: expected shorter extensions", 413),
  trailers: refuse("trailers: expected shorter ones", 431),
  trailerTab: refuse("trailers: expected no tab before or after a value"),
  framing: refuse("request: expected the end of the one before it"),
} as const;

function refuse(message: string, status: BadRequest["status"] = 400): BadRequest {
  return { status, message };
}

/** What the next bytes are. "other" is not HTTP and is not read. */
type Part = "head" | "body" | "chunk line" | "chunk" | "chunk end" | "trailers" | "other";

const CR = 13;
const LF = 10;

/** Up to this length, searching a string is faster than searching a buffer. */
const SHORT_BYTES = 2048;

/** Reads one connection. */
export class RawReader {
  #part: Part = "head";
  /** Missing bytes of a body, of a chunk, or of the line end after it. */
  #left = 0;
  /** The received part of an incomplete head, chunk line or trailer section. */
  #kept = "";
  #excess = 0;
  /** What follows the body. */
  #afterBody: "head" | "other" = "head";

  get isInBody(): boolean {
    return this.#part !== "head";
  }

  /** Whether the next `length` bytes are body data only; if so, they are counted as read. */
  skip(length: number): boolean {
    const isData = this.#part === "body" || this.#part === "chunk";
    if (isData && length <= this.#left) {
      this.#count(length);
      return true;
    }
    return this.#part === "other";
  }

  /**
   * Reads the next head, which is complete.
   * @param offset - the end of the body before it
   * @returns its end, or what is wrong with it
   */
  readHead(bytes: Buffer, offset: number): number | BadRequest {
    const end = this.#part === "head" ? this.#take(bytes, offset, "\r\n\r\n") : undefined;
    const head = this.#kept;
    this.#kept = "";
    return end === undefined ? BAD.framing : (checkHead(head) ?? end);
  }

  /** Sets what follows the head that was read. @param isLast - no other head follows the body */
  expect(framing: Framing, isLast = false): void {
    this.#excess = 0;
    this.#afterBody = isLast ? "other" : "head";
    if (typeof framing === "number") {
      this.#part = framing === 0 ? this.#afterBody : "body";
      this.#left = framing;
    } else {
      this.#part = "chunk line";
    }
  }

  /** Keeps the beginning of a head that is not complete yet. */
  keepHead(bytes: Buffer, offset: number): BadRequest | undefined {
    if (this.#part !== "head" || offset === bytes.length) {
      return undefined;
    }
    if (this.#take(bytes, offset, "\r\n\r\n") !== undefined) {
      return BAD.framing;
    }
    if (this.#kept.length > MAX_HEAD_BYTES) {
      return BAD.size;
    }
    return METHOD.test(this.#kept) ? undefined : BAD.requestLine;
  }

  /** Reads the rest of a body; returns its end, or what is wrong with it. */
  readBody(bytes: Buffer, offset: number): number | BadRequest {
    let at = offset;
    while (at < bytes.length && this.#part !== "head") {
      const end = this.#readPart(bytes, at);
      if (typeof end !== "number") {
        return end;
      }
      at = end;
    }
    return at;
  }

  #readPart(bytes: Buffer, offset: number): number | BadRequest {
    switch (this.#part) {
      case "chunk line":
        return this.#readChunkLine(bytes, offset);
      case "chunk end":
        return this.#readChunkEnd(bytes, offset);
      case "trailers":
        return this.#readTrailers(bytes, offset);
      case "other":
        return bytes.length;
      default: {
        const length = Math.min(this.#left, bytes.length - offset);
        this.#count(length);
        return offset + length;
      }
    }
  }

  #count(length: number): void {
    this.#left -= length;
    if (this.#left > 0) {
      return;
    }
    if (this.#part === "body") {
      this.#part = this.#afterBody;
    } else {
      this.#part = "chunk end";
      this.#left = 2;
    }
  }

  #readChunkLine(bytes: Buffer, offset: number): number | BadRequest {
    const end = this.#take(bytes, offset, "\r\n");
    if (this.#kept.length > MAX_LINE_BYTES) {
      return BAD.extensions;
    }
    if (end === undefined) {
      return bytes.length;
    }
    const size = parseInt(CHUNK_LINE.exec(this.#kept)?.[1] ?? "", 16);
    if (Number.isNaN(size) || size > MAX_CHUNK_BYTES) {
      return BAD.chunkLine;
    }
    const added = this.#kept.length + 2 - FREE_CHUNK_BYTES - 2 * size;
    this.#excess = Math.max(0, this.#excess + added);
    if (this.#excess > MAX_CHUNK_EXCESS) {
      return BAD.extensions;
    }
    // The line end of the last chunk is kept, so that trailers end with "\r\n\r\n" like a head.
    this.#kept = size === 0 ? "\r\n" : "";
    this.#part = size === 0 ? "trailers" : "chunk";
    this.#left = size;
    return end;
  }

  #readChunkEnd(bytes: Buffer, offset: number): number | BadRequest {
    if (bytes[offset] !== (this.#left === 2 ? CR : LF)) {
      return BAD.chunkEnd;
    }
    this.#left -= 1;
    if (this.#left === 0) {
      this.#part = "chunk line";
    }
    return offset + 1;
  }

  #readTrailers(bytes: Buffer, offset: number): number | BadRequest {
    const end = this.#take(bytes, offset, "\r\n\r\n");
    if (this.#kept.length > MAX_TRAILER_BYTES) {
      return BAD.trailers;
    }
    if (end === undefined) {
      return bytes.length;
    }
    const trailers = this.#kept;
    this.#kept = "";
    this.#part = this.#afterBody;
    return hasTabAroundValue(trailers) ? BAD.trailerTab : end;
  }

  /** Keeps the bytes up to a delimiter; returns its end, or undefined if it has not arrived. */
  #take(bytes: Buffer, offset: number, delimiter: string): number | undefined {
    if (this.#kept === "" && bytes.length - offset <= SHORT_BYTES) {
      const text = bytes.toString("latin1", offset);
      const found = text.indexOf(delimiter);
      const length = found === -1 ? text.length : found + delimiter.length;
      this.#kept = length === text.length ? text : text.slice(0, length);
      return found === -1 ? undefined : offset + length;
    }
    if (this.#kept === "") {
      const found = bytes.indexOf(delimiter, offset, "latin1");
      const end = found === -1 ? undefined : found + delimiter.length;
      this.#kept = bytes.toString("latin1", offset, end);
      return end;
    }
    // The delimiter may have begun in the bytes before.
    const before = this.#kept.slice(1 - delimiter.length);
    const text = before + bytes.toString("latin1", offset);
    const found = text.indexOf(delimiter);
    const length = found === -1 ? text.length : found + delimiter.length;
    this.#kept += text.slice(before.length, length);
    return found === -1 ? undefined : offset + length - before.length;
  }
}

function checkHead(head: string): BadRequest | undefined {
  if (head.length > MAX_HEAD_BYTES) {
    return BAD.size;
  }
  if (!REQUEST_LINE.test(head)) {
    return BAD.requestLine;
  }
  return hasTabAroundValue(head) ? BAD.tab : undefined;
}

function hasTabAroundValue(lines: string): boolean {
  return lines.includes("\t") && TAB_AROUND_VALUE.test(lines);
}
