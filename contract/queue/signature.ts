/** Signatures of callbacks: the receiver sees that one is from here, unchanged, and not old. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** `t=<Unix time, seconds>,v1=<HMAC-SHA256 of "<t>." and the body, hexadecimal>`. */
export const SIGNATURE_HEADER = "X-Plonk-Signature";

/** Least length of a key, bytes: a shorter one could be found by trying (RFC 2104 §3). */
export const MIN_SIGNING_KEY_BYTES = 16;

export interface SignatureParts {
  body: Uint8Array;
  key: Uint8Array;
  /** When it is signed, or checked. */
  now: Date;
}

/** The header's value. */
export function createSignature({ body, key, now }: SignatureParts): string {
  const time = String(Math.floor(now.getTime() / 1000));
  return `t=${time},v1=${digest(time, body, key).toString("hex")}`;
}

export interface ReceivedSignature extends SignatureParts {
  /** As Node gives it; what came several times is no signature. */
  header: string | readonly string[] | undefined;
  /** How far the two clocks, and the way, may be apart: an older callback is a repeated one. */
  toleranceSeconds: number;
}

/** Whether the body was signed with the key. One good `v1` of several is enough. */
export function verifySignature(received: ReceivedSignature): boolean {
  const { header, body, key, now, toleranceSeconds } = received;
  const fields = typeof header === "string" ? header.split(",").map((it) => it.trim()) : [];
  const [time, ...otherTimes] = valuesOf(fields, "t=");
  if (time === undefined || otherTimes.length > 0 || !/^\d{1,12}$/.test(time)) {
    return false;
  }
  const expected = digest(time, body, key);
  const isSigned = valuesOf(fields, "v1=")
    .filter((value) => /^[0-9a-f]{64}$/.test(value))
    .some((value) => timingSafeEqual(Buffer.from(value, "hex"), expected));
  return isSigned && Math.abs(now.getTime() / 1000 - Number(time)) <= toleranceSeconds;
}

function valuesOf(fields: readonly string[], prefix: string): string[] {
  return fields.filter((it) => it.startsWith(prefix)).map((it) => it.slice(prefix.length));
}

function digest(time: string, body: Uint8Array, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update(`${time}.`).update(body).digest();
}
