/** Content codings of the bodies of the gateway's own API (RFC 9110 §8.4). */
import { errorCodes } from "fastify";
import { ACCEPTED_CODINGS, CONTENT_CODINGS } from "../../lib/content-codings.ts";
import { failures, HttpError } from "../errors.ts";

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
  const known = CONTENT_CODINGS.get(name);
  if (known === undefined || more.length > 0) {
    done(new HttpError(failures.codingNotTaken(ACCEPTED_CODINGS)));
    return;
  }
  known.decode(body, { maxOutputLength: limit }, (error, decoded) => {
    if (error === null) {
      done(null, decoded);
    } else if (error.code === "ERR_BUFFER_TOO_LARGE") {
      done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    } else {
      done(new HttpError(failures.badRequest(`body: expected ${name}, got something else`)));
    }
  });
}
