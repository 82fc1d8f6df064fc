/**
 * Reads the bytes of a connection from request to request, and finds what Node's parser accepts
 * without telling. Heads and chunk lines must be valid for the strictest proxy that we know. At
 * most one incomplete head or chunk line is kept in memory.
 */
import { type BadChunk, ChunkedReader, hasTabAroundValue } from "../../../lib/chunked-reader.ts";
import { DelimitedText } from "../../../lib/delimited-text.ts";
import { MAX_HEAD_BYTES } from "./head-limits.ts";

/** What follows a head: a body of this many bytes, or one in chunks. */
export type Framing = number | "chunked";

/** Why a connection must be closed. */
export type BadRequest = BadChunk;

const METHOD = /^[A-Z]/;

const REQUEST_LINE = /^[A-Z-]+ [^ ]+ HTTP\/1\.[01]\r\n/;

const BAD = {
  requestLine: refuse("request line: expected method, target and HTTP/1.1, one space between each"),
  tab: refuse("header: expected no tab before or after its value"),
  size: refuse("head: expected a shorter one", 431),
  framing: refuse("request: expected the end of the one before it"),
} as const;

function refuse(message: string, status: BadRequest["status"] = 400): BadRequest {
  return { status, message };
}

/** What the next bytes are. "other" is not HTTP and is not read. */
type Part = "head" | "body" | "chunks" | "other";

/** Reads one connection. */
export class RawReader {
  #part: Part = "head";
  /** Missing bytes of a body. */
  #left = 0;
  /** The received part of an incomplete head. */
  readonly #head = new DelimitedText();
  readonly #chunks = new ChunkedReader();
  /** What follows the body. */
  #afterBody: "head" | "other" = "head";

  get isInBody(): boolean {
    return this.#part !== "head";
  }

  /** Whether the next `length` bytes are body data only; if so, they are counted as read. */
  skip(length: number): boolean {
    if (this.#part === "body" && length <= this.#left) {
      this.#count(length);
      return true;
    }
    return this.#part === "chunks" ? this.#chunks.skip(length) : this.#part === "other";
  }

  /**
   * Reads the next head, which is complete.
   * @param offset - the end of the body before it
   * @returns its end, or what is wrong with it
   */
  readHead(bytes: Buffer, offset: number): number | BadRequest {
    const end = this.#part === "head" ? this.#head.take(bytes, offset, "\r\n\r\n") : undefined;
    const head = this.#head.text;
    this.#head.clear();
    return end === undefined ? BAD.framing : (checkHead(head) ?? end);
  }

  /** Sets what follows the head that was read. @param isLast - no other head follows the body */
  expect(framing: Framing, isLast = false): void {
    this.#afterBody = isLast ? "other" : "head";
    if (typeof framing === "number") {
      this.#part = framing === 0 ? this.#afterBody : "body";
      this.#left = framing;
    } else {
      this.#part = "chunks";
      this.#chunks.begin();
    }
  }

  /** Keeps the beginning of a head that is not complete yet. */
  keepHead(bytes: Buffer, offset: number): BadRequest | undefined {
    if (this.#part !== "head" || offset === bytes.length) {
      return undefined;
    }
    if (this.#head.take(bytes, offset, "\r\n\r\n") !== undefined) {
      return BAD.framing;
    }
    if (this.#head.text.length > MAX_HEAD_BYTES) {
      return BAD.size;
    }
    return METHOD.test(this.#head.text) ? undefined : BAD.requestLine;
  }

  /** Reads the rest of a body; returns its end, or what is wrong with it. */
  readBody(bytes: Buffer, offset: number): number | BadRequest {
    if (offset === bytes.length || this.#part === "head") {
      return offset;
    }
    if (this.#part === "body") {
      const length = Math.min(this.#left, bytes.length - offset);
      this.#count(length);
      return this.readBody(bytes, offset + length);
    }
    return this.#part === "chunks" ? this.#readChunks(bytes, offset) : bytes.length;
  }

  #readChunks(bytes: Buffer, offset: number): number | BadRequest {
    const end = this.#chunks.read(bytes, offset);
    if (typeof end !== "number" || !this.#chunks.isDone) {
      return end;
    }
    this.#part = this.#afterBody;
    return this.readBody(bytes, end);
  }

  #count(length: number): void {
    this.#left -= length;
    if (this.#left === 0) {
      this.#part = this.#afterBody;
    }
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
