/** Calls as messages of our own: what is written, and what is refused. */
import { describe, expect, test } from "@jest/globals";
import {
  decodeCall,
  encodeCall,
  type Fields,
  MalformedMessageError,
  type QueuedCall,
  toHttpFields,
} from "../../../contract/queue/index.ts";
import { LEAST_CALL, recodeCall, sendFields } from "../../support/queued-message.ts";

const CALL: QueuedCall = {
  nonce: "abcdefgh_-ABCD12",
  reference: { name: "cat", namespace: "dev" },
  acceptedAt: 1_795_906_000_000,
  notBefore: 1_795_906_060_000,
  expiresAt: 1_795_906_120_000,
  keepResultSeconds: 604_800,
  isUnlimited: true,
  method: "PUT",
  path: "/sub/path",
  query: "q=1&r",
  host: "127.0.0.1:8080",
  headers: { "Content-Type": ["text/plain"], "X-Custom": ["v", "w"] },
  body: Buffer.from("hello"),
  callback: new URL("https://callback.example:7777/cb?a=1"),
  retry: { attempts: 3, codes: [503, 429], minWaitMs: 1000, maxWaitMs: 60_000 },
};

const FIELDS: Fields = [
  ["Plonk-Nonce", "abcdefgh_-ABCD12"],
  ["Plonk-Function", "cat"],
  ["Plonk-Namespace", "dev"],
  ["Plonk-Accepted", "1795906000000"],
  ["Plonk-Method", "PUT"],
  ["Plonk-Path", "/sub/path"],
  ["Plonk-Query", "q=1&r"],
  ["Plonk-Host", "127.0.0.1:8080"],
  ["Plonk-Callback", "https://callback.example:7777/cb?a=1"],
  ["Plonk-Not-Before", "1795906060000"],
  ["Plonk-Expires", "1795906120000"],
  ["Plonk-Keep-Result", "604800"],
  ["Plonk-Unlimited", "true"],
  ["Plonk-Retry", "3;503,429;1000;60000"],
  ["Http-Content-Type", "text/plain"],
  ["Http-X-Custom", "v"],
  ["Http-X-Custom", "w"],
];

describe("a call", () => {
  test("is written as its fields and its bytes", () => {
    const { fields, payload } = encodeCall(CALL);
    expect([fields.toSorted(), payload]).toEqual([FIELDS.toSorted(), Buffer.from("hello")]);
  });

  test("is written without what it does not have", () => {
    expect(encodeCall(LEAST_CALL)).toEqual({
      fields: [
        ["Plonk-Nonce", "AAAAAAAAAAAAAAAA"],
        ["Plonk-Function", "f"],
        ["Plonk-Namespace", "openfaas-fn"],
        ["Plonk-Accepted", "1795906000000"],
        ["Plonk-Method", "POST"],
      ],
      payload: Buffer.alloc(0),
    });
  });

  test.each<[string, QueuedCall]>([
    ["everything", CALL],
    ["nothing that it need not have", LEAST_CALL],
  ])("with %s comes out as it went in", (_what, call) => {
    const { headers, ...others } = recodeCall(call);
    expect({ ...others, headers: { ...headers } }).toEqual(call);
  });

  test("keeps how its function was called, for its callback", () => {
    expect(recodeCall({ ...LEAST_CALL, calledAs: "f" }).calledAs).toBe("f");
  });

  test("with a body in the object store has its name and length in place of its bytes", () => {
    const call = { ...LEAST_CALL, body: { name: "AAAAAAAAAAAAAAAA", bytes: 300_000 } };
    const { fields, payload } = encodeCall(call);
    expect(fields.slice(-2)).toEqual([
      ["Plonk-Body", "AAAAAAAAAAAAAAAA"],
      ["Plonk-Body-Bytes", "300000"],
    ]);
    expect(payload).toHaveLength(0);
    expect(recodeCall(call).body).toEqual({ name: "AAAAAAAAAAAAAAAA", bytes: 300_000 });
  });

  test("has the payload's bytes, and only these of the memory that they lie in", () => {
    const memory = new Uint8Array(Buffer.from("before|body|after"));
    const { fields } = encodeCall(LEAST_CALL);
    const { body } = decodeCall(sendFields(fields), memory.subarray(7, 11));
    expect(body).toEqual(Buffer.from("body"));
  });
});

describe("headers", () => {
  const recode = (headers: QueuedCall["headers"]): [string, string[]][] =>
    Object.entries(recodeCall({ ...CALL, headers }).headers);

  test("keep their names, whatever these mean elsewhere", () => {
    const headers = JSON.parse(
      '{"__proto__":["x"],"constructor":["y"],"a":["1"],"A":["2"],"Plonk-Nonce":["z"]}',
    ) as QueuedCall["headers"];
    expect(recode(headers)).toEqual(Object.entries(headers));
  });

  test.each(["Nats-Rollup", "Nats-Msg-Id", "Nats-Expected-Stream", "Status", "plonk-function"])(
    "named %s are a caller's, and never one of NATS' own or of ours",
    (name) => {
      expect(toHttpFields({ [name]: ["all"] })).toEqual([[`Http-${name}`, "all"]]);
      expect(toHttpFields({ [name]: ["\u00a0"] })).toEqual([[`Http64-${name}`, "wqA="]]);
      expect(recode({ [name]: ["all"] })).toEqual([[name, ["all"]]]);
    },
  );

  test("keep the blanks of Latin-1 at their ends, which NATS' reader takes away", () => {
    expect(toHttpFields({ "X-A": ["\u00a0a\u00a0"] })).toEqual([["Http64-X-A", "wqBhwqA="]]);
    expect(recode({ "X-A": ["\u00a0a\u00a0"], "X-B": ["", "\u00e9"] })).toEqual([
      ["X-A", ["\u00a0a\u00a0"]],
      ["X-B", ["", "\u00e9"]],
    ]);
  });

  test("of one name keep their order, also where some cannot be written as they are", () => {
    const values = ["first", "\u00a0second", "third"];
    expect(recode({ Via: values })).toEqual([["Via", values]]);
  });

  test.each<[string, string, string]>([
    ["name is of two words", "X Name", "a"],
    ["name is empty", "", "a"],
    ["name is beyond ASCII", "X-\u00c4", "a"],
    ["name is two fields", "X:y", "a"],
    ["value is of two lines", "X-A", "canary\r\nX-B: 1"],
    ["value has a control character", "X-A", "canary\0"],
    ["value is beyond Latin-1", "X-A", "canary\u0100"],
  ])("whose %s are no headers", (_what, name, value) => {
    const encode = () => encodeCall({ ...CALL, headers: { "X-B": ["b"], [name]: ["a", value] } });
    expect(encode).toThrow(MalformedMessageError);
    expect(encode).toThrow(
      new Error("Header: expected names and values that HTTP knows, got another"),
    );
  });
});

const WRONG: [what: string, change: Partial<QueuedCall>, message: string][] = [
  ["nonce", { nonce: "canary" }, "Plonk-Nonce: expected 16 characters, got a string"],
  [
    "name",
    { reference: { name: "../x", namespace: "dev" } },
    'Plonk-Function: expected a name, got "../x"',
  ],
  [
    "namespace",
    { reference: { name: "f", namespace: "a.b" } },
    'Plonk-Namespace: expected a namespace, got "a.b"',
  ],
  ["time", { acceptedAt: -1 }, "Plonk-Accepted: expected Unix milliseconds, got a string"],
  ["delay", { notBefore: NaN }, "Plonk-Not-Before: expected Unix milliseconds, got a string"],
  ["end", { expiresAt: 0.5 }, "Plonk-Expires: expected Unix milliseconds, got a string"],
  ["method", { method: "" }, 'Plonk-Method: expected an HTTP method, got ""'],
  [
    "method of two words",
    { method: "GET /x" },
    'Plonk-Method: expected an HTTP method, got "GET /x"',
  ],
  [
    "relative path",
    { path: "canary" },
    "Plonk-Path: expected an absolute path without blanks, got a string",
  ],
  [
    "path of two lines",
    { path: "/canary\r\nX: 1" },
    "Plonk-Path: expected an absolute path without blanks, got a string",
  ],
  [
    "query with a space",
    { query: "canary b" },
    "Plonk-Query: expected a query without blanks, got a string",
  ],
  [
    "host of two lines",
    { host: "canary\r\nX: 1" },
    "Plonk-Host: expected a value that HTTP knows, got a string",
  ],
  [
    "name of a body",
    { body: { name: "../canary", bytes: 1 } },
    "Plonk-Body: expected a name in the object store, got a string",
  ],
  [
    "length of a body",
    { body: { name: "a", bytes: -1 } },
    "Plonk-Body-Bytes: expected bytes, got a string",
  ],
  [
    "callback to a file",
    { callback: new URL("file:///canary") },
    "Plonk-Callback: expected an http or https URL without credentials, got another",
  ],
  [
    "callback with a password",
    { callback: new URL("http://u:canary@a.example") },
    "Plonk-Callback: expected an http or https URL without credentials, got another",
  ],
];

describe("a call is not written", () => {
  test.each(WRONG)("with a %s that nobody could read", (_what, change, message) => {
    const encode = () => encodeCall({ ...CALL, ...change });
    expect(encode).toThrow(MalformedMessageError);
    expect(encode).toThrow(new Error(message));
  });
});

describe("a message is refused", () => {
  const decode = (fields: Fields): QueuedCall => decodeCall(sendFields(fields), new Uint8Array());
  const without = (name: string): Fields => FIELDS.filter(([field]) => field !== name);

  test.each<[string, Fields, string]>([
    ["no nonce", without("Plonk-Nonce"), "Plonk-Nonce: expected 16 characters, got none"],
    ["no function", without("Plonk-Function"), "Plonk-Function: expected a name, got none"],
    [
      "a callback that is no URL",
      [...without("Plonk-Callback"), ["Plonk-Callback", "canary"]],
      "Plonk-Callback: expected an http or https URL without credentials, got another",
    ],
    [
      "a path in base64 that has a blank",
      [...without("Plonk-Path"), ["Plonk64-Path", Buffer.from(" /canary").toString("base64")]],
      "Plonk-Path: expected an absolute path without blanks, got a string",
    ],
    [
      "a time that is none",
      [...without("Plonk-Accepted"), ["Plonk-Accepted", "canary"]],
      "Plonk-Accepted: expected Unix milliseconds, got a string",
    ],
  ])("with %s", (_what, fields, message) => {
    expect(() => decode(fields)).toThrow(MalformedMessageError);
    expect(() => decode(fields)).toThrow(new Error(message));
  });

  test("with all its mistakes named", () => {
    const message = [
      "Plonk-Nonce: expected 16 characters, got none",
      "Plonk-Function: expected a name, got none",
      "Plonk-Namespace: expected a namespace, got none",
      "Plonk-Accepted: expected Unix milliseconds, got none",
      "Plonk-Method: expected an HTTP method, got none",
    ].join("; ");
    expect(() => decode([["Http-X-A", "canary"]])).toThrow(new Error(message));
    expect(() => decodeCall([], Buffer.from("canary"))).toThrow(new Error(message));
  });
});
