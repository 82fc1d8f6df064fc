/**
 * A signed mark on queued calls of private functions: the caller was asked for credentials when the
 * call was queued, and they may have expired when it is made. Only gateways can make one; whoever
 * can write to the queue cannot.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Header that carries the mark through the queue; the function does not see it. */
export const ADMITTED = "x-plonk-admitted";

/**
 * Longest time between queueing and the last attempt, milliseconds: a week of delay that the caller
 * may ask for, and a week of attempts.
 */
const VALID_MS = 14 * 24 * 60 * 60_000;

/** Makes a mark for one function, `namespace/name`. */
export function admit(key: Buffer, functionKey: string, now = Date.now()): string {
  const expiresAt = String(now + VALID_MS);
  return `${expiresAt}.${sign(key, functionKey, expiresAt).toString("base64url")}`;
}

/** Whether a mark is for this function, made by one of our gateways, and not too old. */
export function isAdmitted(
  key: Buffer,
  { functionKey, mark, now = Date.now() }: { functionKey: string; mark: string; now?: number },
): boolean {
  const [, expiresAt, text] = /^(\d{13})\.([\w-]{43})$/.exec(mark) ?? [];
  if (expiresAt === undefined || text === undefined || Number(expiresAt) <= now) {
    return false;
  }
  return timingSafeEqual(Buffer.from(text, "base64url"), sign(key, functionKey, expiresAt));
}

function sign(key: Buffer, functionKey: string, expiresAt: string): Buffer {
  return createHmac("sha256", key).update(`${functionKey}\n${expiresAt}`).digest();
}
