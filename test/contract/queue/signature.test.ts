/** Signatures of callbacks, as the worker writes them and receivers check them. */
import { describe, expect, test } from "@jest/globals";
import {
  createSignature,
  type ReceivedSignature,
  verifySignature,
} from "../../../contract/queue/index.ts";

const body = Buffer.from('{"ok":true}');
const key = Buffer.from("0123456789abcdef");
const SECONDS = 1_800_000_000;
const at = (seconds: number): Date => new Date(seconds * 1000);

/** By openssl: printf '1800000000.{"ok":true}' | openssl dgst -sha256 -hmac 0123456789abcdef */
const V1 = "d049b7ecdd06dad79ab05b1ed6986513f2313a8408dd1799a19d9eae92303e1c";
const HEADER = `t=${SECONDS},v1=${V1}`;

function verify(other: Partial<ReceivedSignature> = {}): boolean {
  const now = at(SECONDS);
  return verifySignature({ header: HEADER, body, key, now, toleranceSeconds: 300, ...other });
}

test("a signature is the time and the HMAC-SHA256 of time and body", () => {
  expect(createSignature({ body, key, now: at(SECONDS + 0.9) })).toBe(HEADER);
});

describe("a receiver", () => {
  test("takes a signature that is its body's and not old", () => {
    expect(verify()).toBe(true);
    expect(verify({ now: at(SECONDS + 300) })).toBe(true);
    expect(verify({ now: at(SECONDS - 300) })).toBe(true);
  });

  test("takes one of several, while keys change", () => {
    expect(verify({ header: `t=${SECONDS}, v1=${"0".repeat(64)}, v1=${V1}, v2=x` })).toBe(true);
  });

  test.each<[string, Partial<ReceivedSignature>]>([
    ["another body", { body: Buffer.from('{"ok":false}') }],
    ["another key", { key: Buffer.from("0123456789abcdeF") }],
    ["another time", { header: `t=${SECONDS + 1},v1=${V1}` }],
    ["an old one", { now: at(SECONDS + 301) }],
    ["one of the future", { now: at(SECONDS - 301) }],
    ["none", { header: undefined }],
    ["an empty one", { header: "" }],
    ["two headers", { header: [HEADER, HEADER] }],
    ["no time", { header: `v1=${V1}` }],
    ["two times", { header: `t=${SECONDS},${HEADER}` }],
    ["a time that is no number", { header: `t=NaN,v1=${V1}` }],
    ["no digest", { header: `t=${SECONDS}` }],
    ["a digest of another version", { header: `t=${SECONDS},v0=${V1}` }],
    ["half a digest", { header: `t=${SECONDS},v1=${V1.slice(0, 32)}` }],
    ["a longer digest", { header: `t=${SECONDS},v1=${V1}00` }],
    ["capitals", { header: `t=${SECONDS},v1=${V1.toUpperCase()}` }],
  ])("does not take %s", (_what, other) => {
    expect(verify(other)).toBe(false);
  });
});
