/**
 * Follows the bytes of a connection from request to request, for what Node's parser accepts and
 * does not tell: it reads heads and chunk lines as strictly as any proxy that is known to us does.
 * It keeps at most one unfinished head or chunk line.
 */
import { MAX_HEAD_BYTES } from "./head-limits.ts";

/** What follows a head: a body of so many bytes, or one in chunks. */
export type Framing = number | "chunked";

/** Why nothing more may be taken from a connection. */
export interface Fault {
  status: 400 | 413 | 431;
  /** A sentence: `part: expectation`. */
  message: string;
}

const METHOD = /^[A-Z]/;

const REQUEST_LINE = /^[A-Z-]+ [^ ]+ HTTP\/1\.[01]\r\n/;

/** No part can match at more than one place of a run, so that time grows with length alone. */
const TAB_AROUND_VALUE = /\r\n[^\r:]*: *\t|\t *\r\n/;

const CHUNK_LINE = /^([\da-f]{1,15})(?:;.*)?\r\n$/i;

/** haproxy's limit; no program makes chunks as large. */
const MAX_CHUNK_BYTES = 2 ** 31 - 1;

/** Longest chunk line and longest trailers; Go's limits, which are the lowest. */
const MAX_LINE_BYTES = 4096;
const MAX_TRAILER_BYTES = 4096;

/**
 * Bytes around chunks that are free, a chunk; beyond them and twice its data they count. The sum
 * may be this high, as in Go: chunks of one byte pass, pages of extensions do not.
 */
const FREE_CHUNK_BYTES = 16;
const MAX_CHUNK_EXCESS = 16 * 1024;

const FAULT = {
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

function refuse(message: string, status: Fault["status"] = 400): Fault {
  return { status, message };
}

/** What the next bytes are. Nothing is looked at in what is no HTTP. */
type Part = "head" | "body" | "chunk line" | "chunk" | "chunk end" | "trailers" | "other";

const CR = 13;
const LF = 10;

/** So few bytes are searched faster as a text, which most of them become anyway. */
const SHORT_BYTES = 2048;

/** Of one connection. */
export class RawReader {
  #part: Part = "head";
  /** How much of a body, of a chunk or of the line end after it has not come yet. */
  #left = 0;
  /** What has come of a head, a chunk line or trailers that have not ended. */
  #kept = "";
  #excess = 0;
  /** What follows a body. */
  #afterBody: "head" | "other" = "head";

  get isInBody(): boolean {
    return this.#part !== "head";
  }

  /** Whether so many bytes belong to a body and need not be looked at; counts them if they do. */
  skip(length: number): boolean {
    const isData = this.#part === "body" || this.#part === "chunk";
    if (isData && length <= this.#left) {
      this.#count(length);
      return true;
    }
    return this.#part === "other";
  }

  /**
   * Reads the head that ends next.
   * @param offset - where the body before it ends
   * @returns where it ends, or what is wrong with it
   */
  readHead(bytes: Buffer, offset: number): number | Fault {
    const end = this.#part === "head" ? this.#take(bytes, offset, "\r\n\r\n") : undefined;
    const head = this.#kept;
    this.#kept = "";
    return end === undefined ? FAULT.framing : (findHeadFault(head) ?? end);
  }

  /** Says what follows the head that was read. @param isLast - no other head follows the body */
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

  /** Keeps the beginning of a head, which does not end in these bytes. */
  keepHead(bytes: Buffer, offset: number): Fault | undefined {
    if (this.#part !== "head" || offset === bytes.length) {
      return undefined;
    }
    if (this.#take(bytes, offset, "\r\n\r\n") !== undefined) {
      return FAULT.framing;
    }
    if (this.#kept.length > MAX_HEAD_BYTES) {
      return FAULT.size;
    }
    return METHOD.test(this.#kept) ? undefined : FAULT.requestLine;
  }

  /** Reads what is left of a body; returns where it ends, or what is wrong with it. */
  readBody(bytes: Buffer, offset: number): number | Fault {
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

  #readPart(bytes: Buffer, offset: number): number | Fault {
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

  #readChunkLine(bytes: Buffer, offset: number): number | Fault {
    const end = this.#take(bytes, offset, "\r\n");
    if (this.#kept.length > MAX_LINE_BYTES) {
      return FAULT.extensions;
    }
    if (end === undefined) {
      return bytes.length;
    }
    const size = parseInt(CHUNK_LINE.exec(this.#kept)?.[1] ?? "", 16);
    if (Number.isNaN(size) || size > MAX_CHUNK_BYTES) {
      return FAULT.chunkLine;
    }
    const added = this.#kept.length + 2 - FREE_CHUNK_BYTES - 2 * size;
    this.#excess = Math.max(0, this.#excess + added);
    if (this.#excess > MAX_CHUNK_EXCESS) {
      return FAULT.extensions;
    }
    // The line end of the last chunk is kept: with it, trailers end as a head does.
    this.#kept = size === 0 ? "\r\n" : "";
    this.#part = size === 0 ? "trailers" : "chunk";
    this.#left = size;
    return end;
  }

  #readChunkEnd(bytes: Buffer, offset: number): number | Fault {
    if (bytes[offset] !== (this.#left === 2 ? CR : LF)) {
      return FAULT.chunkEnd;
    }
    this.#left -= 1;
    if (this.#left === 0) {
      this.#part = "chunk line";
    }
    return offset + 1;
  }

  #readTrailers(bytes: Buffer, offset: number): number | Fault {
    const end = this.#take(bytes, offset, "\r\n\r\n");
    if (this.#kept.length > MAX_TRAILER_BYTES) {
      return FAULT.trailers;
    }
    if (end === undefined) {
      return bytes.length;
    }
    const trailers = this.#kept;
    this.#kept = "";
    this.#part = this.#afterBody;
    return hasTabAroundValue(trailers) ? FAULT.trailerTab : end;
  }

  /** Keeps what comes up to a delimiter; returns its end, undefined when it has not come. */
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
    // It may have begun before.
    const before = this.#kept.slice(1 - delimiter.length);
    const text = before + bytes.toString("latin1", offset);
    const found = text.indexOf(delimiter);
    const length = found === -1 ? text.length : found + delimiter.length;
    this.#kept += text.slice(before.length, length);
    return found === -1 ? undefined : offset + length - before.length;
  }
}

function findHeadFault(head: string): Fault | undefined {
  if (head.length > MAX_HEAD_BYTES) {
    return FAULT.size;
  }
  if (!REQUEST_LINE.test(head)) {
    return FAULT.requestLine;
  }
  return hasTabAroundValue(head) ? FAULT.tab : undefined;
}

function hasTabAroundValue(lines: string): boolean {
  return lines.includes("\t") && TAB_AROUND_VALUE.test(lines);
}
