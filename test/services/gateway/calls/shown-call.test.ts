/** What is shown of a call, and what of a dead letter: never what its caller sent. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CallState,
  encodeCall,
  type Fields,
  type QueuedCall,
  toDeadSubject,
} from "../../../../contract/queue/index.ts";
import { readCall, toShownCall, toTime } from "../../../../services/gateway/calls/shown-call.ts";
import { ownerOf, toDetail, toSummary } from "../../../../services/gateway/calls/shown-letter.ts";
import type { ReadMessage } from "../../../../services/gateway/calls/stream-reader.ts";
import { buryCall, buryCallback, buryOther } from "../../../support/dead-letters.ts";
import { FakeStreams, type KeptMessage } from "../../../support/fake-streams.ts";
import { LEAST_CALL, sendFields } from "../../../support/queued-message.ts";

const reference = { name: "f", namespace: "fn" };
const call = { id: "1-AAAAAAAAAAAAAAAA", reference };

function toMessage(changes: Partial<QueuedCall> = {}, bytes = 5): ReadMessage {
  const { fields, payload } = encodeCall({ ...LEAST_CALL, reference, ...changes });
  const subject = "faas-request.fn.f.faas-request";
  return { sequence: 1, subject, fields: sendFields(fields), payload, bytes };
}

describe("a call", () => {
  test("of which nothing was told waits for its first run", () => {
    expect(toShownCall(call, {})).toEqual({
      id: call.id,
      functionName: "f",
      namespace: "fn",
      state: "queued",
      attempts: 0,
    });
  });

  test("is shown by its message, without headers, query and body", () => {
    const message = toMessage({
      headers: { "X-Call-Id": ["mine"], "X-Secret": ["canary"] },
      path: "/p",
      query: "canary",
      method: "PUT",
      callback: new URL("http://canary.example/"),
      body: Buffer.from("canary"),
      expiresAt: 1_795_906_060_000,
    });
    const shown = toShownCall(call, { message });
    expect(shown).toMatchObject({
      callId: "mine",
      acceptedAt: "2026-11-28T22:46:40.000Z",
      expiresAt: "2026-11-28T22:47:40.000Z",
      method: "PUT",
      path: "/p",
      bytes: 5,
    });
    expect(JSON.stringify(shown)).not.toContain("canary");
  });

  test("has its own id where its caller gave none, and one in any spelling", () => {
    expect(toShownCall(call, { message: toMessage() }).callId).toBe(call.id);
    const message = toMessage({ headers: { "x-CALL-id": ["mine", "other"] } });
    expect(toShownCall(call, { message }).callId).toBe("mine");
  });

  test("has the size of a body that is kept beside its message", () => {
    const message = toMessage({ body: { name: "b", bytes: 3_000_000 } }, 0);
    expect(toShownCall(call, { message }).bytes).toBe(3_000_000);
  });

  test("is due only where that is still to come", () => {
    const soon = Date.now() + 60_000;
    const due = toShownCall(call, { message: toMessage({ notBefore: soon }) });
    expect(due.nextAt).toBe(new Date(soon).toISOString());
    expect(toShownCall(call, { message: toMessage({ notBefore: 1 }) })).not.toHaveProperty(
      "nextAt",
    );
  });

  test.each<[Partial<CallState>, object]>([
    [{}, { state: "retrying", attempts: 1 }],
    [{ status: 0 }, { state: "retrying", attempts: 1 }],
    [{ status: 503 }, { state: "retrying", attempts: 1, status: 503 }],
    [{ reason: "r" }, { state: "retrying", attempts: 1, reason: "r" }],
    [{ nextAt: 1000 }, { state: "retrying", attempts: 1, nextAt: "1970-01-01T00:00:01.000Z" }],
  ])("of which %j was told as well is shown with that", (parts, fields) => {
    const state: CallState = { state: "retrying", attempts: 1, starts: 1, at: 1, ...parts };
    const { id, functionName, namespace, ...told } = toShownCall(call, { state });
    expect([id, functionName, namespace]).toEqual([call.id, "f", "fn"]);
    expect(told).toEqual(fields);
  });

  test.each(["done", "dead", "cancelled", "expired"] as const)(
    "that is %s is shown alike while its message is still there and when it is gone",
    (state) => {
      const told: CallState = { state, attempts: 1, starts: 0, at: 1 };
      const shown = toShownCall(call, { state: told, message: toMessage() });
      expect(shown).toEqual(toShownCall(call, { state: told }));
      expect(shown).not.toHaveProperty("callId");
    },
  );

  test("in a message that is none is not there", () => {
    const message = { ...toMessage(), fields: sendFields([["Plonk-Nonce", "short"]]) };
    expect(readCall(message)).toBeUndefined();
    expect(toShownCall(call, { message })).not.toHaveProperty("bytes");
  });
});

describe("a time", () => {
  test("is shown of every number, whoever has written it", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.maxSafeInteger()), (ms) => {
        expect(Number.isNaN(Date.parse(toTime(ms)))).toBe(false);
      }),
    );
  });

  test.each([
    [0, "1970-01-01T00:00:00.000Z"],
    [1_795_906_000_000.9, "2026-11-28T22:46:40.000Z"],
    [1e300, "+275760-09-13T00:00:00.000Z"],
    [Infinity, "+275760-09-13T00:00:00.000Z"],
    [-1, "1970-01-01T00:00:00.000Z"],
    [-1e300, "1970-01-01T00:00:00.000Z"],
    [NaN, "1970-01-01T00:00:00.000Z"],
  ])("of %d is %s", (ms, text) => {
    expect(toTime(ms)).toBe(text);
  });
});

/** A letter as the reader has it. */
function read({ seq, subject, header, data }: KeptMessage): ReadMessage {
  return { sequence: seq, subject, fields: header, payload: data, bytes: data.length };
}

describe("the owner of a letter", () => {
  test("is the function of its subject", () => {
    const letter = read(buryCall(new FakeStreams()));
    expect(ownerOf(letter, "home")).toEqual({ namespace: "fn", functionName: "f" });
  });

  test("is that of the call that a callback is about", () => {
    const letter = read(buryCallback(new FakeStreams()));
    expect(ownerOf(letter, "home")).toEqual({ namespace: "fn", functionName: "f" });
  });

  test.each<[string, Fields]>([
    [
      "that is no callback",
      [
        ["Plonk-Function", "f"],
        ["Plonk-Namespace", "fn"],
      ],
    ],
    ["that says nothing", []],
    [
      "without a namespace",
      [
        ["Plonk-Dead-Kind", "callback"],
        ["Plonk-Function", "f"],
      ],
    ],
    [
      "without a function",
      [
        ["Plonk-Dead-Kind", "callback"],
        ["Plonk-Namespace", "fn"],
      ],
    ],
    [
      "with empty names",
      [
        ["Plonk-Dead-Kind", "callback"],
        ["Plonk-Function", ""],
        ["Plonk-Namespace", ""],
      ],
    ],
  ])("is the platform of a message %s: nobody gets at it by a name in it", (_what, fields) => {
    const letter = read(buryOther(new FakeStreams(), fields));
    expect(ownerOf(letter, "home")).toEqual({ namespace: "home", functionName: undefined });
  });
});

describe("a letter", () => {
  test("is shown with what died, why, how often and when", () => {
    const changes = { path: "/p", query: "canary", headers: { "X-Secret": ["canary"] } };
    const shown = toSummary(read(buryCall(new FakeStreams(), changes)), "home");
    expect(shown).toEqual({
      sequence: 1,
      kind: "call",
      id: "7-AAAAAAAAAAAAAAAA",
      functionName: "f",
      namespace: "fn",
      reason: "status 500 after 3 attempts",
      attempts: 3,
      status: 500,
      diedAt: "2026-11-28T22:46:40.000Z",
      callId: "7-AAAAAAAAAAAAAAAA",
      acceptedAt: "2026-11-28T22:46:40.000Z",
      method: "POST",
      path: "/p",
      bytes: 0,
    });
  });

  test("of a callback shows the host and not the path, which may be a secret", () => {
    const shown = toSummary(read(buryCallback(new FakeStreams())), "home");
    expect(shown).toMatchObject({ kind: "callback", callbackHost: "a.example", bytes: 6 });
    expect(JSON.stringify(shown)).not.toMatch(/hook|secret/);
  });

  test("of a callback with a large answer has the size of that", () => {
    const fields: Fields = [
      ["Plonk-Dead-Kind", "callback"],
      ["Plonk-Body", "b"],
      ["Plonk-Body-Bytes", "3000000"],
    ];
    const shown = toSummary(read(buryOther(new FakeStreams(), fields, "")), "home");
    expect(shown).toMatchObject({ bytes: 3_000_000 });
    expect(shown).not.toHaveProperty("callbackHost");
  });

  test.each<[string, Fields]>([
    ["that is none", []],
    ["whose time is none", [["Plonk-Dead-At", "yesterday"]]],
    ["of before time began", [["Plonk-Dead-At", "-1e300"]]],
    ["of no end", [["Plonk-Dead-At", "1e999"]]],
    [
      "whose numbers are none",
      [
        ["Plonk-Dead-Attempts", "many"],
        ["Plonk-Dead-Status", "-1"],
      ],
    ],
    [
      "whose numbers are broken",
      [
        ["Plonk-Dead-Attempts", "1.5"],
        ["Plonk-Dead-Status", "x"],
      ],
    ],
  ])("%s is shown all the same, and so are those beside it", (_what, fields) => {
    const shown = toSummary(read(buryOther(new FakeStreams(), fields)), "home");
    expect(shown).toEqual({
      sequence: 1,
      kind: "malformed",
      namespace: "home",
      reason: "",
      attempts: 0,
      diedAt: "1970-01-01T00:00:00.000Z",
      bytes: 1,
    });
  });

  test("of a call that cannot be read has what the letter says, and nothing of the message", () => {
    const fields: Fields = [
      ["Plonk-Dead-Kind", "call"],
      ["Plonk-Dead-Reason", "r"],
    ];
    const streams = new FakeStreams();
    const message = streams.put("S", toDeadSubject(reference), { fields, data: "canary" });
    const shown = toSummary(read(message), "home");
    expect(shown).toMatchObject({ kind: "call", functionName: "f", reason: "r" });
    expect(shown).not.toHaveProperty("bytes");
  });
});

describe("the beginning of the last answer", () => {
  const detail = (answer: Buffer) =>
    toDetail(read(buryCall(new FakeStreams(), {}, { letter: { answer } })), "home");

  test.each([
    ["plain", "no such luck"],
    ["lines and tabs", "a\r\n\tb\n"],
    ["letters beyond ASCII", "größer 🚀"],
  ])("is text where it is: %s", (_what, text) => {
    expect(detail(Buffer.from(text))).toMatchObject({ answer: text });
    expect(detail(Buffer.from(text))).not.toHaveProperty("answerBase64");
  });

  test("is text, too, where its end is cut in the middle of a letter", () => {
    expect(detail(Buffer.from("groß").subarray(0, 4))).toMatchObject({ answer: "gro" });
  });

  test.each([
    ["a zero", Buffer.from("a\0b")],
    ["an escape", Buffer.from("\u001b[31mred")],
    ["no UTF-8", Buffer.from([0xff, 0xfe, 0x41])],
    ["a broken letter in its middle", Buffer.from([0xc3, 0x28])],
  ])("is base64 with %s in it", (_what, answer) => {
    expect(detail(answer)).toMatchObject({ answerBase64: answer.toString("base64") });
    expect(detail(answer)).not.toHaveProperty("answer");
  });

  test("is not there where there was none", () => {
    const shown = detail(Buffer.alloc(0));
    expect(shown).not.toHaveProperty("answer");
    expect(shown).not.toHaveProperty("answerBase64");
  });
});
