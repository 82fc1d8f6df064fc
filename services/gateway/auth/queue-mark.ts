/**
 * A signed mark on queued calls of private functions: the caller was asked for credentials when the
 * call was queued, and they may have expired when it is made. Only gateways can make one, and it is
 * good for the one call that was accepted: whoever can write to the queue can make no other one
 * with it.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { toKey } from "../../../contract/index.ts";
import { type QueuedCall, toCallTarget, toQueuedToken } from "../../../contract/queue/index.ts";

/**
 * Longest time between queueing and the last attempt, milliseconds: a week of delay that the caller
 * may ask for, and a week of attempts.
 */
const VALID_MS = 14 * 24 * 60 * 60_000;

/** `<its end>.<id of its key>.<digest of the body>.<signature>`, base64url but the first. */
const MARK = /^(\d{13})\.([\w-]{8})\.([\w-]{43}|any)\.([\w-]{43})$/;

/** In the place of a digest: of a callback, whose body is an answer that there is not yet. */
export const ANY_BODY = "any";

/** A key, and the name by which marks say that it has signed them. */
export interface MarkKey {
  id: string;
  secret: Buffer;
}

/** What a mark is about, beside the body: what the request shows that a queue-worker sends. */
export interface MarkedCall {
  /** `namespace/name`. */
  functionKey: string;
  method: string;
  /** Path and query behind the function's name. */
  target: string;
  /** Nonce and callback: `X-Plonk-Queued`. */
  token: string;
}

/** What a mark is worth. With one of ours the call may be made with the body of that digest. */
export type MarkReading =
  { kind: "ours"; bodyDigest: string } | { kind: "unknown key" } | { kind: "not ours" };

export function toMarkKey(secret: Buffer): MarkKey {
  const id = createHmac("sha256", secret).update("plonk key id").digest("base64url").slice(0, 8);
  return { id, secret };
}

/** SHA-256 in base64url, as marks have it. */
export function toBodyDigest(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64url");
}

export function toMarkedCall(call: QueuedCall): MarkedCall {
  return {
    functionKey: toKey(call.reference),
    method: call.method,
    target: toCallTarget(call),
    token: toQueuedToken(call),
  };
}

export function makeMark(
  key: MarkKey,
  call: MarkedCall,
  { bodyDigest, now = Date.now() }: { bodyDigest: string; now?: number },
): string {
  const expiresAt = String(now + VALID_MS);
  const signature = sign(key, call, { expiresAt, bodyDigest }).toString("base64url");
  return `${expiresAt}.${key.id}.${bodyDigest}.${signature}`;
}

/** Whether a mark is for this call, made by one of our gateways, and not too old. */
export function readMark(
  keys: readonly MarkKey[],
  call: MarkedCall,
  { mark, now = Date.now() }: { mark: string; now?: number },
): MarkReading {
  const [, expiresAt = "", id, bodyDigest = "", text = ""] = MARK.exec(mark) ?? [];
  if (id === undefined || Number(expiresAt) <= now) {
    return { kind: "not ours" };
  }
  const key = keys.find((each) => each.id === id);
  if (key === undefined) {
    return { kind: "unknown key" };
  }
  const expected = sign(key, call, { expiresAt, bodyDigest }).toString("base64url");
  // As text: of one signature's bytes there are several spellings in base64url.
  return timingSafeEqual(Buffer.from(text), Buffer.from(expected))
    ? { kind: "ours", bodyDigest }
    : { kind: "not ours" };
}

/** A list in JSON, so that nothing can move from one part into the next. */
function sign(
  { secret }: MarkKey,
  { functionKey, method, target, token }: MarkedCall,
  { expiresAt, bodyDigest }: { expiresAt: string; bodyDigest: string },
): Buffer {
  const parts = ["plonk queued call", functionKey, method, target, token, bodyDigest, expiresAt];
  return createHmac("sha256", secret).update(JSON.stringify(parts)).digest();
}
