/** What of a dead letter's call is new, and what is as it was. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  encodeCall,
  type QueuedCall,
  toDeadSubject,
  toLetterFields,
} from "../../../../contract/queue/index.ts";
import { toBodyDigest, toMarkedCall } from "../../../../services/gateway/auth/queue-mark.ts";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import { toRedriven } from "../../../../services/gateway/calls/redriven-call.ts";
import type { ReadMessage } from "../../../../services/gateway/calls/stream-reader.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { MarkKeyFolder, markOf } from "../../../support/mark-keys.ts";

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
  keepResultSeconds: 60,
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
  const DAY = 24 * 3_600_000;
  const { logger } = createKeptLog();
  let folder: MarkKeyFolder;
  let marks: QueueMarks;

  beforeAll(() => {
    folder = new MarkKeyFolder();
    marks = new QueueMarks(folder.path, logger);
  });
  afterAll(() => folder.remove());

  const redrive = (changes: Partial<QueuedCall>, mark: string, by = marks): QueuedCall =>
    toRedriven(toLetter({ ...changes, headers: { "x-plonk-ADMITTED": [mark] } }), by);
  const markIn = ({ headers }: QueuedCall): string => headers["x-plonk-ADMITTED"]?.[0] ?? "";

  test("is good again for the new call, though it was too old, and no more for the old one", () => {
    const redriven = redrive({}, markOf(call, "a", Date.now() - 30 * DAY));
    const body = toBodyDigest(Buffer.from("body"));
    expect(marks.read(toMarkedCall(redriven), markIn(redriven))).toEqual({
      kind: "ours",
      bodyDigest: body,
    });
    expect(marks.read(toMarkedCall(call), markIn(redriven))).toEqual({ kind: "not ours" });
  });

  test("is about the body that the caller sent, wherever that is kept", () => {
    const stored = { name: "0123456789abcdef", bytes: 300_000 };
    const redriven = redrive({ body: stored }, markOf(call));
    expect(marks.read(toMarkedCall(redriven), markIn(redriven))).toMatchObject({
      bodyDigest: toBodyDigest(Buffer.from("body")),
    });
  });

  test.each<[string, Partial<QueuedCall>]>([
    ["of another path", { path: "/o" }],
    ["of another query", { query: "q=2" }],
    ["of another method", { method: "POST" }],
    ["of another nonce", { nonce: "0123456789abcdeg" }],
    ["with another callback", { callback: new URL("http://b.example/") }],
    ["without its callback", { callback: undefined }],
  ])("stays as it was on a letter %s", (_case, changes) => {
    const mark = markOf(call);
    expect(markIn(redrive(changes, mark))).toBe(mark);
  });

  test.each([
    ["forged", "forged"],
    ["of another function", markOf({ ...call, reference: { name: "g", namespace: "n" } })],
    ["of another key", markOf(call, "x")],
  ])("stays as it was where it is %s", (_case, mark) => {
    expect(markIn(redrive({}, mark))).toBe(mark);
  });

  test("stays as it was without a key", () => {
    const mark = markOf(call);
    expect(markIn(redrive({}, mark, new QueueMarks(undefined, logger)))).toBe(mark);
  });
});
