/** What a handler returns, as the body of an answer. */
import { Readable } from "node:stream";
import { types } from "node:util";
import { writeJson } from "./write-json.ts";

export interface Encoded {
  body: string | Uint8Array | Readable;
  /** Where the handler names no other; of an empty body it says nothing. */
  contentType: string;
}

const BYTES = "application/octet-stream";

/**
 * Bytes and streams as they are, a string as text, any other value as JSON; nothing is an empty
 * body. Throws a TypeError for what would arrive as something else than it is, or not at all.
 */
export function encode(value: unknown): Encoded {
  if (value === undefined || value === null) {
    return { body: "", contentType: "" };
  }
  if (typeof value === "string") {
    return { body: value, contentType: "text/plain; charset=utf-8" };
  }
  return encodeBytes(value) ?? encodeStream(value) ?? encodeJson(value);
}

function encodeBytes(value: unknown): Encoded | undefined {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return { body: Buffer.from(buffer, byteOffset, byteLength), contentType: BYTES };
  }
  return types.isAnyArrayBuffer(value)
    ? { body: Buffer.from(value), contentType: BYTES }
    : undefined;
}

function encodeStream(value: unknown): Encoded | undefined {
  if (value instanceof Blob) {
    const contentType = value.type === "" ? BYTES : value.type;
    return { body: Readable.fromWeb(value.stream()), contentType };
  }
  if (value instanceof Readable) {
    return { body: value, contentType: BYTES };
  }
  if (value instanceof globalThis.ReadableStream) {
    return { body: Readable.fromWeb(value), contentType: BYTES };
  }
  // Also streams of other libraries, and what an async generator gives.
  return isAsyncIterable(value)
    ? { body: Readable.from(value, { objectMode: false }), contentType: BYTES }
    : undefined;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function encodeJson(value: unknown): Encoded {
  if (value instanceof Error) {
    throw value;
  }
  const contentType = typeof value === "object" ? "application/json" : "text/plain; charset=utf-8";
  return { body: writeJson(value), contentType };
}
