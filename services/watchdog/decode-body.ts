/** Content codings of requests' bodies (RFC 9110 §8.4). */
import type { IncomingMessage } from "node:http";
import { pipeline, type Transform } from "node:stream";
import { ACCEPTED_CODINGS, CONTENT_CODINGS } from "../lib/content-codings.ts";
import { CallError } from "./call.ts";

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
  const known = CONTENT_CODINGS.get(name);
  if (known === undefined) {
    throw new CallError(415, `Content-Encoding: expected one of ${ACCEPTED_CODINGS}`);
  }
  return decodeBy(known.createDecoder(), request, name);
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
