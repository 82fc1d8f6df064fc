/** Dead letters and callbacks, as messages of their own. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CallbackMessage,
  type DeadLetter,
  decodeCall,
  decodeCallback,
  encodeCall,
  encodeCallback,
  type Fields,
  MalformedMessageError,
  readLetter,
  toLetterFields,
  withoutLetter,
} from "../../../contract/queue/index.ts";
import { LEAST_CALL, sendFields } from "../../support/queued-message.ts";

const LETTER: DeadLetter = {
  kind: "call",
  id: "12-AAAAAAAAAAAAAAAA",
  subject: "faas-request.openfaas-fn.f",
  reason: "status 500 after 3 attempts",
  attempts: 3,
  status: 500,
  diedAt: 1_795_906_000_000,
  answer: Buffer.from([0, 10, 13, 255]),
};

describe("a dead letter", () => {
  test("has its cause in fields beside those of its message", () => {
    expect(toLetterFields(LETTER)).toEqual([
      ["Plonk-Dead-Kind", "call"],
      ["Plonk-Dead-Id", "12-AAAAAAAAAAAAAAAA"],
      ["Plonk-Dead-Subject", "faas-request.openfaas-fn.f"],
      ["Plonk-Dead-Reason", "status 500 after 3 attempts"],
      ["Plonk-Dead-Attempts", "3"],
      ["Plonk-Dead-Status", "500"],
      ["Plonk-Dead-At", "1795906000000"],
      ["Plonk-Dead-Answer", "AAoN/w=="],
    ]);
  });

  test.each<[string, Partial<DeadLetter>]>([
    ["of a call", {}],
    ["of a callback", { kind: "callback", reason: "status 404" }],
    ["of what was neither", { kind: "malformed", id: "", reason: 'Function: got "\u65e5 "' }],
    ["without an answer", { status: 0, answer: Buffer.alloc(0) }],
  ])("%s is read as it was written", (_what, change) => {
    const letter = { ...LETTER, ...change };
    expect(readLetter(sendFields(toLetterFields(letter)))).toEqual(letter);
  });

  test("is still the message that it was, and can be sent again as that", () => {
    const call = { ...LEAST_CALL, headers: { "X-A": ["1", "2"], "Nats-Msg-Id": ["3"] } };
    const { fields, payload } = encodeCall(call);
    const kept = sendFields([...fields, ...toLetterFields(LETTER), ["Nats-Msg-Id", "x"]]);
    expect(withoutLetter(kept)).toEqual(fields);
    const { headers, ...others } = decodeCall(kept, payload);
    expect({ ...others, headers: { ...headers } }).toEqual(call);
  });

  test("of a message that is none is a malformed one", () => {
    expect(readLetter([])).toEqual({
      ...LETTER,
      kind: "malformed",
      id: "",
      subject: "",
      reason: "",
      attempts: 0,
      status: 0,
      diedAt: 0,
      answer: Buffer.alloc(0),
    });
  });
});

const CALLBACK: CallbackMessage = {
  id: "12-AAAAAAAAAAAAAAAA",
  reference: { name: "f", namespace: "dev" },
  url: new URL("https://a.example:444/b?c=d"),
  headers: { "content-type": ["text/plain"], via: ["a", "\u00a0b"] },
  body: Buffer.from("answer"),
};

describe("a callback", () => {
  const recode = (callback: CallbackMessage): CallbackMessage => {
    const { fields, payload } = encodeCallback(callback);
    const { headers, ...others } = decodeCallback(sendFields(fields), payload);
    return { ...others, headers: { ...headers } };
  };

  test("is written as its fields and its bytes", () => {
    expect(encodeCallback({ ...CALLBACK, headers: { "content-type": ["text/plain"] } })).toEqual({
      fields: [
        ["Plonk-Id", "12-AAAAAAAAAAAAAAAA"],
        ["Plonk-Function", "f"],
        ["Plonk-Namespace", "dev"],
        ["Plonk-Url", "https://a.example:444/b?c=d"],
        ["Http-content-type", "text/plain"],
      ],
      payload: Buffer.from("answer"),
    });
  });

  test("comes out as it went in", () => {
    expect(recode(CALLBACK)).toEqual(CALLBACK);
    const stored = { ...CALLBACK, body: { name: "AAAAAAAAAAAAAAAA-answer", bytes: 9 } };
    expect(recode(stored)).toEqual(stored);
    expect(encodeCallback(stored).payload).toHaveLength(0);
  });

  test("comes out as it went in, for any answer of bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const callback = { ...CALLBACK, body: Buffer.from(bytes) };
        expect(recode(callback)).toEqual(callback);
      }),
    );
  });

  test.each<[string, Fields]>([
    ["no address", []],
    ["an address that is none", [["Plonk-Url", "canary"]]],
    ["a file", [["Plonk-Url", "file:///canary"]]],
    ["a password", [["Plonk-Url", "http://u:canary@a.example"]]],
  ])("with %s is malformed", (_what, fields) => {
    const decode = () => decodeCallback(sendFields(fields), new Uint8Array());
    const expected = "an http or https URL without credentials";
    expect(decode).toThrow(MalformedMessageError);
    expect(decode).toThrow(new Error(`Plonk-Url: expected ${expected}, got another`));
  });
});
