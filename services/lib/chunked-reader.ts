/**
 * Reads a body in chunked coding (RFC 9112 §7.1), as strictly as the strictest proxy that we know.
 * At most one incomplete chunk line, or the trailers, are kept in memory.
 */
import { DelimitedText } from "./delimited-text.ts";

/** Why bytes are no body in chunks. */
export interface BadChunk {
  /** The answer to a request with such a body. */
  status: 400 | 413 | 431;
  /** A sentence: `part: expectation`. */
  message: string;
}

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
  line: refuse("chunk: expected a size below 2 GiB of at most 15 digits"),
  end: refuse("chunk: expected a line end after its data"),
  extensions: refuse("chunk: expected shorter extensions", 413),
  trailers: refuse("trailers: expected shorter ones", 431),
  trailerTab: refuse("trailers: expected no tab before or after a value"),
} as const;

function refuse(message: string, status: BadChunk["status"] = 400): BadChunk {
  return { status, message };
}

/** Without backtracking: the time is linear in the length. */
const TAB_AROUND_VALUE = /\r\n[^\r:]*: *\t|\t *\r\n/;

/** Whether a line of a head or of trailers has a tab where servers disagree about it. */
export function hasTabAroundValue(lines: string): boolean {
  return lines.includes("\t") && TAB_AROUND_VALUE.test(lines);
}

/** What the next bytes are. */
type Part = "line" | "data" | "data end" | "trailers" | "done";

const CR = 13;
const LF = 10;

export interface ChunkedReaderOptions {
  /** Longest trailers. @default Go's limit, the lowest of all servers */
  maxTrailerBytes?: number;
  /** Whether trailers may be what servers disagree about. @default false */
  hasAnyTrailers?: boolean;
}

export class ChunkedReader {
  readonly #maxTrailerBytes: number;
  readonly #hasAnyTrailers: boolean;
  #part: Part = "done";
  /** Missing bytes of a chunk, or of the line end after it. */
  #left = 0;
  #excess = 0;
  readonly #line = new DelimitedText();

  constructor(options: ChunkedReaderOptions = {}) {
    this.#maxTrailerBytes = options.maxTrailerBytes ?? MAX_TRAILER_BYTES;
    this.#hasAnyTrailers = options.hasAnyTrailers ?? false;
  }

  /** Begins with a body. */
  begin(): void {
    this.#part = "line";
    this.#excess = 0;
    this.#line.clear();
  }

  /** Whether the body has ended. */
  get isDone(): boolean {
    return this.#part === "done";
  }

  /** Whether the next `length` bytes are data only; if so, they are counted as read. */
  skip(length: number): boolean {
    const isData = this.#part === "data" && length <= this.#left;
    if (isData) {
      this.#count(length);
    }
    return isData;
  }

  /**
   * Reads on to the end of the body or of the bytes.
   * @param onData - where data begins and ends in these bytes
   * @returns where it has stopped, or what is wrong
   */
  read(
    bytes: Buffer,
    offset: number,
    onData?: (begin: number, end: number) => void,
  ): number | BadChunk {
    let at = offset;
    while (at < bytes.length && !this.isDone) {
      if (this.#part === "data") {
        const end = Math.min(at + this.#left, bytes.length);
        this.#count(end - at);
        onData?.(at, end);
        at = end;
        continue;
      }
      const end = this.#readBetween(bytes, at);
      if (typeof end !== "number") {
        return end;
      }
      at = end;
    }
    return at;
  }

  #count(length: number): void {
    this.#left -= length;
    if (this.#left === 0) {
      this.#part = "data end";
      this.#left = 2;
    }
  }

  #readBetween(bytes: Buffer, offset: number): number | BadChunk {
    switch (this.#part) {
      case "line":
        return this.#readLine(bytes, offset);
      case "trailers":
        return this.#readTrailers(bytes, offset);
      default:
        return this.#readDataEnd(bytes, offset);
    }
  }

  #readLine(bytes: Buffer, offset: number): number | BadChunk {
    const end = this.#line.take(bytes, offset, "\r\n");
    const { text } = this.#line;
    if (text.length > MAX_LINE_BYTES) {
      return BAD.extensions;
    }
    if (end === undefined) {
      return bytes.length;
    }
    const size = parseInt(CHUNK_LINE.exec(text)?.[1] ?? "", 16);
    if (Number.isNaN(size) || size > MAX_CHUNK_BYTES) {
      return BAD.line;
    }
    const added = text.length + 2 - FREE_CHUNK_BYTES - 2 * size;
    this.#excess = Math.max(0, this.#excess + added);
    if (this.#excess > MAX_CHUNK_EXCESS) {
      return BAD.extensions;
    }
    // The line end of the last chunk is kept, so that trailers end with "\r\n\r\n" like a head.
    this.#line.text = size === 0 ? "\r\n" : "";
    this.#part = size === 0 ? "trailers" : "data";
    this.#left = size;
    return end;
  }

  #readDataEnd(bytes: Buffer, offset: number): number | BadChunk {
    if (bytes[offset] !== (this.#left === 2 ? CR : LF)) {
      return BAD.end;
    }
    this.#left -= 1;
    if (this.#left === 0) {
      this.#part = "line";
    }
    return offset + 1;
  }

  #readTrailers(bytes: Buffer, offset: number): number | BadChunk {
    const end = this.#line.take(bytes, offset, "\r\n\r\n");
    const { text } = this.#line;
    if (text.length > this.#maxTrailerBytes) {
      return BAD.trailers;
    }
    if (end === undefined) {
      return bytes.length;
    }
    this.#line.clear();
    this.#part = "done";
    return !this.#hasAnyTrailers && hasTabAroundValue(text) ? BAD.trailerTab : end;
  }
}
