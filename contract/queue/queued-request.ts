/** What a queued call looks like on its way from the queue-worker to the gateway. */
import { createHash } from "node:crypto";
import { CALL_HEADER } from "../call-headers.ts";
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

/**
 * What lets a callback call a private function of the platform's own: a gateway's mark, and the
 * nonce of the call that it was made for. It is about the function, path and query, and about no
 * body, as nobody knows the answer yet.
 */
export interface CallbackProof {
  nonce: string;
  mark: string;
}

/** As a message's field has it. */
export const CALLBACK_PROOF = "^[A-Za-z0-9_-]{16}[.][A-Za-z0-9_.-]{1,160}$";

export function writeCallbackProof({ nonce, mark }: CallbackProof): string {
  return `${nonce}.${mark}`;
}

/** Value of `X-Plonk-Queued` of a callback: no call's own has a dot at this place. */
export function toCallbackToken(nonce: string): string {
  return `callback.${nonce}`;
}

/** The headers of a callback with a proof. */
export function toProofHeaders(proof: string): Record<string, string[]> {
  const [nonce = "", ...mark] = proof.split(".");
  return {
    [CALL_HEADER.admitted]: [mark.join(".")],
    [CALL_HEADER.queued]: [toCallbackToken(nonce)],
  };
}
