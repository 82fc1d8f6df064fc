/** What of a dead letter's call is new, and what is as it was. */
import { describe, expect, test } from "@jest/globals";
import {
  encodeCall,
  type QueuedCall,
  toDeadSubject,
  toLetterFields,
} from "../../../../contract/queue/index.ts";
import { admit, isAdmitted } from "../../../../services/gateway/auth/queue-mark.ts";
import { toRedriven } from "../../../../services/gateway/calls/redriven-call.ts";
import type { ReadMessage } from "../../../../services/gateway/calls/stream-reader.ts";

const KEY = Buffer.from("k".repeat(32));
const reference = { name: "f", namespace: "n" };
const call: QueuedCall = {
  nonce: "0123456789abcdef",
  reference,
  acceptedAt: 1000,
  method: "PUT",
  path: "/p",
  query: "q=1",
  host: "h",
  headers: { "X-A": ["1", "2"] },
  callback: new URL("http://a.example/"),
  retry: { attempts: 3 },
  body: Buffer.from("body"),
};

function toLetter(changes: Partial<QueuedCall>, subject = toDeadSubject(reference)): ReadMessage {
  const { fields, payload } = encodeCall({ ...call, ...changes });
  const letter = { kind: "call" as const, id: "1-x", subject, reason: "r", attempts: 1 };
  const all = [
    ...fields,
    ...toLetterFields({ ...letter, status: 500, diedAt: 1, answer: Buffer.alloc(0) }),
  ];
  const lists = Map.groupBy(all, ([name]) => name);
  return {
    sequence: 1,
    subject,
    fields: [...lists].map(([name, pairs]) => [name, pairs.map(([, value]) => value)]),
    payload,
    bytes: payload.length,
  };
}

test("a redriven call is accepted now, under a nonce of its own", () => {
  const before = Date.now();
  const redriven = toRedriven(toLetter({}), undefined);
  expect(redriven.acceptedAt).toBeGreaterThanOrEqual(before);
  expect(redriven.nonce).toMatch(/^[\w-]{16}$/);
  expect(redriven.nonce).not.toBe(call.nonce);
  expect({ ...redriven, acceptedAt: 1000, nonce: call.nonce }).toEqual(call);
});

test("times that are over are left out, others stay", () => {
  const later = Date.now() + 3_600_000;
  const past = toRedriven(toLetter({ notBefore: 2000, expiresAt: 3000 }), undefined);
  expect([past.notBefore, past.expiresAt]).toEqual([undefined, undefined]);
  const ahead = toRedriven(toLetter({ notBefore: later, expiresAt: later + 1 }), undefined);
  expect([ahead.notBefore, ahead.expiresAt]).toEqual([later, later + 1]);
});

test("a letter that is filed under another function is refused", () => {
  const letter = toLetter({}, "faas-dead.n.g");
  expect(() => toRedriven(letter, undefined)).toThrow(
    "Plonk-Function: expected the letter's own, got another",
  );
});

describe("the mark of a private function's call", () => {
  const redrive = (mark: string, key: Buffer | undefined): string | undefined =>
    toRedriven(toLetter({ headers: { "X-Plonk-Admitted": [mark] } }), key).headers[
      "X-Plonk-Admitted"
    ]?.[0];

  test("is good again, though it was too old", () => {
    const old = admit(KEY, "n/f", Date.now() - 30 * 24 * 3_600_000);
    expect(isAdmitted(KEY, { functionKey: "n/f", mark: old })).toBe(false);
    const mark = redrive(old, KEY) ?? "";
    expect(isAdmitted(KEY, { functionKey: "n/f", mark })).toBe(true);
  });

  test.each([
    ["forged", "forged"],
    ["of another function", admit(KEY, "n/g")],
    ["of another key", admit(Buffer.from("x".repeat(32)), "n/f")],
  ])("stays as it was where it is %s", (_case, mark) => {
    expect(redrive(mark, KEY)).toBe(mark);
  });

  test("stays as it was without a key", () => {
    const mark = admit(KEY, "n/f");
    expect(redrive(mark, undefined)).toBe(mark);
  });
});
