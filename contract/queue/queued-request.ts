/** What a queued call looks like on its way from the queue-worker to the gateway. */
import { createHash } from "node:crypto";
import type { QueuedCall } from "./envelope.ts";

/**
 * Path and query behind the function's name, as the worker sends them: as they were queued; letters
 * beyond ASCII, which other publishers may have, as in a URL.
 */
export function toCallTarget({ path, query }: Pick<QueuedCall, "path" | "query">): string {
  const target = `${path}${query === "" ? "" : `?${query}`}`;
  return target.replaceAll(/[^!-~]/g, encodeURIComponent);
}

/**
 * Value of `X-Plonk-Queued`: what a mark is about and the request does not show otherwise, the
 * call's nonce and a digest of the address that gets its answer.
 */
export function toQueuedToken({ nonce, callback }: Pick<QueuedCall, "nonce" | "callback">): string {
  return callback === undefined
    ? nonce
    : `${nonce}.${createHash("sha256").update(callback.href).digest("base64url")}`;
}
