/** Content codings of requests' bodies (RFC 9110 §8.4). */
import type { IncomingMessage } from "node:http";
import { pipeline, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { CallError } from "./call.ts";

/** One coding at a time is taken: of several, a little body could keep a machine busy for hours. */
const DECODERS = new Map<string, () => Transform>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

/**
 * The body as it was before it was encoded. Throws a CallError: 415 for a coding that is not known,
 * and 400, while it is read, where the body is not in its coding.
 */
export function decodeBody(request: IncomingMessage): AsyncIterable<Buffer> {
  const { "content-encoding": coding = "identity", "content-length": length } = request.headers;
  const name = coding.trim().toLowerCase();
  const isEmpty = length === "0" || (length ?? request.headers["transfer-encoding"]) === undefined;
  if (name === "identity" || name === "" || isEmpty) {
    return request;
  }
  const create = DECODERS.get(name);
  if (create === undefined) {
    const known = [...DECODERS.keys()].join(", ");
    throw new CallError(415, `Content-Encoding: expected one of ${known}`);
  }
  return decodeBy(create(), request, name);
}

async function* decodeBy(
  decoder: Transform,
  request: IncomingMessage,
  name: string,
): AsyncGenerator<Buffer, void> {
  try {
    // What goes wrong is thrown where the decoder is read.
    yield* pipeline(request, decoder, () => undefined) as AsyncIterable<Buffer>;
  } catch (error) {
    throw isUndecodable(error) ? new CallError(400, `Request body is not valid ${name}`) : error;
  }
}

/** zlib's own errors, those of Brotli among them. */
function isUndecodable(error: unknown): boolean {
  return /^(?:Z_|ERR__)/.test((error as Partial<NodeJS.ErrnoException>).code ?? "");
}
