/** Entity tags of what the gateway serves by itself: of the content (RFC 9110 §8.8.3). */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** @param variant - of the same content, e.g. `-gzip`: a strong tag is of one representation */
export function toEntityTag(body: Buffer, variant = ""): string {
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return `"${hash}${variant}"`;
}

/** Whether a caller has just this: 304 is its answer then. */
export function hasTag(headers: IncomingHttpHeaders, etag: string): boolean {
  return headers["if-none-match"]?.includes(etag) === true;
}
