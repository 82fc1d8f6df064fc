/** Content codings of the bodies of the gateway's own API (RFC 9110 §8.4). */
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from "node:zlib";
import { errorCodes } from "fastify";
import { failures, HttpError } from "../errors.ts";

type Decode = (
  body: Buffer,
  options: ZlibOptions,
  done: (error: NodeJS.ErrnoException | null, decoded: Buffer) => void,
) => void;

/** One coding at a time is taken, as for functions. */
const DECODERS = new Map<string, Decode>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", inflate],
  ["br", brotliDecompress],
]);

/** What is taken, as Accept-Encoding has it. */
const ACCEPTED = [...DECODERS.keys()].join(", ");

/** A body as it came. */
export interface EncodedBody {
  body: Buffer;
  /** Its Content-Encoding. */
  coding: string | undefined;
  /** Longest that it may be when it is decoded, bytes. */
  limit: number;
}

/**
 * The body as it was before it was encoded. The error is 415 for a coding that is not known, 413
 * where the limit is passed, at which decoding ends, and 400 where the body is not in its coding.
 */
export function decodeBody(
  { body, coding = "", limit }: EncodedBody,
  done: (error: Error | null, decoded?: Buffer) => void,
): void {
  const names = coding.split(",").map((name) => name.trim().toLowerCase());
  const [name, ...more] = names.filter((each) => each !== "" && each !== "identity");
  if (name === undefined || body.length === 0) {
    done(null, body);
    return;
  }
  const decode = DECODERS.get(name);
  if (decode === undefined || more.length > 0) {
    done(new HttpError(failures.codingNotTaken(ACCEPTED)));
    return;
  }
  decode(body, { maxOutputLength: limit }, (error, decoded) => {
    if (error === null) {
      done(null, decoded);
    } else if (error.code === "ERR_BUFFER_TOO_LARGE") {
      done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    } else {
      done(new HttpError(failures.badRequest(`body: expected ${name}, got something else`)));
    }
  });
}
