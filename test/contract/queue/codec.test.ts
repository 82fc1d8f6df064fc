/** Calls on their way through the queue: what is written is what is read, and what is refused. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decodeCall,
  encodeCall,
  MalformedMessageError,
  MessageTooLargeError,
  QUEUE,
  type QueuedCall,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";
import { FROM_GO, LEAST_CALL } from "../../support/queued-message.ts";

const encode = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));
const recode = (call: QueuedCall): QueuedCall => decodeCall(Buffer.from(encodeCall(call)));

const CALL: QueuedCall = {
  functionName: "cat.dev",
  method: "PUT",
  path: "/sub/path",
  query: "q=1&r",
  host: "127.0.0.1:8080",
  headers: { "Content-Type": ["text/plain"], "X-Custom": ["v", "w"] },
  body: Buffer.from("hello"),
  callback: new URL("https://callback.example:7777/cb?a=1"),
};

/** As a gateway of version 0.1.0 has stored it: it may still be in a stream that is kept. */
const RECORDED =
  '{"Header":{"Content-Type":["text/plain"],"X-Custom":["v"],"X-Call-Id":["call-1"],"X-Start-Time":["1795906000000000000"],"X-Forwarded-For":["127.0.0.1"],"X-Forwarded-Host":["127.0.0.1:8080"],"X-Forwarded-Proto":["http"]},"Host":"127.0.0.1:8080","Body":"aGVsbG8=","Method":"POST","Path":"/sub/path","QueryString":"q=1","Function":"f.openfaas-fn","CallbackUrl":{"Scheme":"http","Host":"127.0.0.1:7777","Path":"/cb","RawQuery":"a=1"}}';

describe("a call", () => {
  test("comes out as it went in", () => {
    expect(recode(CALL)).toEqual(CALL);
    expect(recode(LEAST_CALL)).toEqual(LEAST_CALL);
  });

  test("keeps headers whatever their names are", () => {
    const headers = JSON.parse('{"__proto__":["x"],"constructor":["y"]}') as QueuedCall["headers"];
    expect(Object.entries(recode({ ...CALL, headers }).headers)).toEqual([
      ["__proto__", ["x"]],
      ["constructor", ["y"]],
    ]);
  });

  test("is written without what it does not have", () => {
    expect(JSON.parse(encodeCall(LEAST_CALL))).toEqual({
      Header: {},
      Method: "POST",
      Function: "f",
    });
  });

  test("is written as versions before have written it", () => {
    expect(encodeCall(decodeCall(Buffer.from(RECORDED)))).toBe(RECORDED);
  });

  test("that was stored by a version before is read", () => {
    expect(decodeCall(Buffer.from(RECORDED))).toMatchObject({
      functionName: "f.openfaas-fn",
      method: "POST",
      path: "/sub/path",
      query: "q=1",
      body: Buffer.from("hello"),
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
    });
  });

  test("of another publisher is read", () => {
    expect(decodeCall(encode(FROM_GO))).toEqual({
      functionName: "cat.dev",
      method: "PUT",
      path: "/sub/path",
      query: "q=1",
      host: "127.0.0.1:8080",
      headers: { "X-Call-Id": ["2749"] },
      body: Buffer.from("hello"),
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
    });
  });

  test("has what older publishers leave out or write as null", () => {
    const nulls = { Header: null, Body: null, CallbackUrl: null };
    expect(decodeCall(encode({ Function: "f", ...nulls }))).toEqual(LEAST_CALL);
    expect(decodeCall(encode({ Function: "f" }))).toEqual(LEAST_CALL);
  });

  test("loses its callback's fragment, which is nobody's but the caller's", () => {
    const callback = new URL("http://a.example/b#c");
    expect(recode({ ...LEAST_CALL, callback }).callback?.href).toBe("http://a.example/b");
  });

  test("may fill a message to its last byte, and not beyond", () => {
    const room =
      QUEUE.maxMessageBytes - Buffer.byteLength(encodeCall({ ...LEAST_CALL, path: "/" }));
    const path = `/${"x".repeat(room)}`;
    expect(Buffer.byteLength(encodeCall({ ...LEAST_CALL, path }))).toBe(QUEUE.maxMessageBytes);
    expect(() => encodeCall({ ...LEAST_CALL, path: `${path}x` })).toThrow(
      new MessageTooLargeError(
        "message: expected at most 1048576 bytes (JSON, body in base64), got 1048577",
      ),
    );
  });
});

const f = { Function: "f" };

describe("a message is refused", () => {
  test.each<[string, Uint8Array, string]>([
    ["no JSON", Buffer.from("{canary"), "message: expected JSON, got 7 other bytes"],
    ["a text", encode("canary"), "message: expected an object, got a string"],
    ["null", encode(null), "message: expected an object, got null"],
    ["a list", encode([]), "message: expected an object, got an array"],
    ["no function", encode({}), "Function: expected a name, got none"],
    ["a null function", encode({ Function: null }), "Function: expected a name, got none"],
    ["a path as name", encode({ Function: "../x" }), 'Function: expected a name, got "../x"'],
    ["a number as name", encode({ Function: 5 }), "Function: expected a name, got 5"],
    [
      "a method of two words",
      encode({ ...f, Method: "GET /x" }),
      'Method: expected an HTTP method, got "GET /x"',
    ],
    [
      "a relative path",
      encode({ ...f, Path: "canary" }),
      "Path: expected an absolute path without blanks, got a string",
    ],
    [
      "a path with a line end",
      encode({ ...f, Path: "/canary\r\nX: 1" }),
      "Path: expected an absolute path without blanks, got a string",
    ],
    [
      "a query with a space",
      encode({ ...f, QueryString: "canary b" }),
      "QueryString: expected a query without blanks, got a string",
    ],
    [
      "headers that are a list",
      encode({ ...f, Header: ["canary"] }),
      "Header: expected lists of strings by name, got an array",
    ],
    [
      "a header that is no list",
      encode({ ...f, Header: { "X-A": "canary" } }),
      'Header["X-A"]: expected a list of strings, got a string',
    ],
    [
      "a header that is no list of strings",
      encode({ ...f, Header: { A: ["canary", 5] } }),
      "Header.A[1]: expected a string, got a number",
    ],
    [
      "a body that is no text",
      encode({ ...f, Body: 5 }),
      "Body: expected base64 with its padding, got a number",
    ],
    [
      "a body that is not base64",
      encode({ ...f, Body: "canary!" }),
      "Body: expected base64 with its padding, got a string",
    ],
    [
      "a body without its end",
      encode({ ...f, Body: "aGVsbG8" }),
      "Body: expected base64 with its padding, got a string",
    ],
    [
      "a callback that is a text",
      encode({ ...f, CallbackUrl: "http://canary" }),
      "CallbackUrl: expected the parts of a URL, got a string",
    ],
    [
      "a callback without a host",
      encode({ ...f, CallbackUrl: { Scheme: "http" } }),
      "CallbackUrl.Host: expected a string, got none",
    ],
    [
      "a callback to a file",
      encode({ ...f, CallbackUrl: { Scheme: "file", Host: "canary" } }),
      'CallbackUrl: expected an http or https URL without credentials in its parts, got another of "file"',
    ],
    [
      "a callback whose host is a path",
      encode({ ...f, CallbackUrl: { Scheme: "http", Host: "a/canary" } }),
      "CallbackUrl: expected an http or https URL",
    ],
    [
      "a callback whose host is a query",
      encode({ ...f, CallbackUrl: { Scheme: "http", Host: "a?canary" } }),
      "CallbackUrl: expected an http or https URL",
    ],
    [
      "a callback with a password",
      encode({ ...f, CallbackUrl: { Scheme: "http", Host: "u:canary@a" } }),
      "CallbackUrl: expected an http or https URL",
    ],
  ])("with %s", (_what, data, message) => {
    expect(() => decodeCall(data)).toThrow(message);
    expect(() => decodeCall(data)).toThrow(MalformedMessageError);
    expect(() => decodeCall(data)).not.toThrow("canary");
  });

  test("with all its mistakes named", () => {
    expect(() => decodeCall(encode({ Function: "", Method: "" }))).toThrow(
      'Method: expected an HTTP method, got ""; Function: expected a name, got ""',
    );
  });

  test.each<[string, Partial<QueuedCall>, string]>([
    ["name", { functionName: "a/b" }, "Function: expected a name"],
    ["method", { method: "" }, "Method: expected an HTTP method"],
    ["path", { path: "x" }, "Path: expected an absolute path"],
    ["callback", { callback: new URL("ftp://a.example") }, "CallbackUrl: expected an http"],
  ])("before it is written, for a %s that nobody could read", (_what, change, message) => {
    expect(() => encodeCall({ ...CALL, ...change })).toThrow(message);
  });
});

const visible = fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map(toCharacter) });

function toCharacter(code: number): string {
  return String.fromCharCode(code);
}

const calls: fc.Arbitrary<QueuedCall> = fc.record({
  functionName: fc.stringMatching(/^[-a-zA-Z0-9_.]{1,80}$/),
  method: fc.constantFrom("GET", "POST", "PUT", "M-SEARCH"),
  path: fc.oneof(
    fc.constant(""),
    visible.map((rest) => `/${rest}`),
  ),
  query: visible,
  host: fc.option(fc.domain(), { nil: undefined }),
  headers: fc.dictionary(fc.string(), fc.array(fc.string())),
  body: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  callback: fc.option(
    fc.webUrl({ validSchemes: ["http", "https"], withQueryParameters: true }).map(toUsualUrl),
    { nil: undefined },
  ),
});

/** An empty query and no query are one to Go. */
function toUsualUrl(text: string): URL {
  const url = new URL(text);
  url.search = url.search.slice(1);
  return url;
}

describe("for any call", () => {
  test("what is read is what was written", () => {
    fc.assert(
      fc.property(calls, (call) => {
        expect(recode(call)).toEqual({ ...call, headers: { ...call.headers } });
      }),
      { numRuns: runs(500) },
    );
  });

  test("reading ends with a call or with a MalformedMessageError, whatever comes", () => {
    const anything = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      fc.dictionary(fc.constantFrom(...Object.keys(FROM_GO)), fc.anything()).map(encode),
    );
    fc.assert(
      fc.property(anything, (data) => {
        try {
          // What was read can be written again.
          expect(encodeCall(decodeCall(data))).toMatch(/"Function":"[-a-zA-Z0-9_.]+"/);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
      { numRuns: runs(1000) },
    );
  });
});
