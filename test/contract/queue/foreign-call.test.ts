/** Calls of other OpenFaaS publishers: what Go has written is read, or refused without secrets. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decodeForeignCall,
  type ForeignCall,
  MalformedMessageError,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";
import { FROM_GO } from "../../support/queued-message.ts";

const encode = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));
const decode = (data: Uint8Array): ForeignCall => decodeForeignCall(data, "openfaas-fn");

const LEAST: ForeignCall = {
  reference: { name: "f", namespace: "openfaas-fn" },
  calledAs: "f",
  method: "POST",
  path: "",
  query: "",
  host: undefined,
  headers: {},
  body: Buffer.alloc(0),
  callback: undefined,
};

/** As a gateway of version 0.1.0 has stored it: it may still be in a stream that is kept. */
const RECORDED =
  '{"Header":{"Content-Type":["text/plain"],"X-Custom":["v"],"X-Call-Id":["call-1"],"X-Start-Time":["1795906000000000000"],"X-Forwarded-For":["127.0.0.1"],"X-Forwarded-Host":["127.0.0.1:8080"],"X-Forwarded-Proto":["http"]},"Host":"127.0.0.1:8080","Body":"aGVsbG8=","Method":"POST","Path":"/sub/path","QueryString":"q=1","Function":"f.openfaas-fn","CallbackUrl":{"Scheme":"http","Host":"127.0.0.1:7777","Path":"/cb","RawQuery":"a=1"}}';

describe("a call of another publisher", () => {
  test("is read", () => {
    expect(decode(encode(FROM_GO))).toEqual({
      reference: { name: "cat", namespace: "dev" },
      calledAs: "cat.dev",
      method: "PUT",
      path: "/sub/path",
      query: "q=1",
      host: "127.0.0.1:8080",
      headers: { "X-Call-Id": ["2749"] },
      body: Buffer.from("hello"),
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
    });
  });

  test("that a gateway of a version before has stored is read", () => {
    expect(decode(Buffer.from(RECORDED))).toMatchObject({
      reference: { name: "f", namespace: "openfaas-fn" },
      method: "POST",
      path: "/sub/path",
      query: "q=1",
      headers: { "X-Call-Id": ["call-1"], "X-Forwarded-Proto": ["http"] },
      body: Buffer.from("hello"),
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
    });
  });

  test("has what older publishers leave out or write as null", () => {
    const nulls = { Header: null, Body: null, CallbackUrl: null, Path: null, Method: null };
    expect(decode(encode({ Function: "f", ...nulls }))).toEqual(LEAST);
    expect(decode(encode({ Function: "f" }))).toEqual(LEAST);
  });

  test.each([
    ["f", { name: "f", namespace: "openfaas-fn" }],
    ["f.dev", { name: "f", namespace: "dev" }],
    ["a.b.dev", { name: "a.b", namespace: "dev" }],
    ["f.", { name: "f", namespace: "" }],
  ])("of the function %s is that of %j", (name, reference) => {
    expect(decode(encode({ Function: name })).reference).toEqual(reference);
  });

  test("keeps headers whatever their names are", () => {
    const data = Buffer.from('{"Function":"f","Header":{"__proto__":["x"],"constructor":["y"]}}');
    expect(Object.entries(decode(data).headers)).toEqual([
      ["__proto__", ["x"]],
      ["constructor", ["y"]],
    ]);
  });

  test("keeps its path and query as they were sent", () => {
    const raw = { Path: '/a/../b\\%5C"{\u00e9', QueryString: "a=%00&..=\u00ff" };
    expect(decode(encode({ Function: "f", ...raw }))).toMatchObject({
      path: raw.Path,
      query: raw.QueryString,
    });
  });

  test.each<[object, string]>([
    [{ Scheme: "http", Host: "a.example" }, "http://a.example/"],
    [{ Scheme: "HTTPS", Host: "a.example:444", Path: "/b c" }, "https://a.example:444/b%20c"],
    [{ Scheme: "http", Host: "a", Path: "/?x#y" }, "http://a/%3Fx%23y"],
    [{ Scheme: "http", Host: "a", RawQuery: "b=c#d" }, "http://a/?b=c%23d"],
    [{ Scheme: "http", Host: "[::1]:80", Fragment: "f" }, "http://[::1]/"],
  ])("is called back, by %j, at %s", (CallbackUrl, href) => {
    expect(decode(encode({ Function: "f", CallbackUrl })).callback?.href).toBe(href);
  });
});

const f = { Function: "f" };
const callback = (Scheme: string, Host: string): Uint8Array =>
  encode({ ...f, CallbackUrl: { Scheme, Host } });
const BAD_CALLBACK =
  "CallbackUrl: expected an http or https URL without credentials in its parts, got another of";
const BAD_BODY = "Body: expected base64 with its padding, got";
const BAD_PATH = "Path: expected an absolute path without blanks, got a string";

const REFUSED: [what: string, data: Uint8Array, message: string][] = [
  ["no JSON", Buffer.from("{canary"), "message: expected JSON, got 7 other bytes"],
  ["nothing", Buffer.alloc(0), "message: expected JSON, got 0 other bytes"],
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
  ["a relative path", encode({ ...f, Path: "canary" }), BAD_PATH],
  ["a path with a line end", encode({ ...f, Path: "/canary\r\nX: 1" }), BAD_PATH],
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
  ["a body that is no text", encode({ ...f, Body: 5 }), `${BAD_BODY} a number`],
  ["a body that is not base64", encode({ ...f, Body: "canary!" }), `${BAD_BODY} a string`],
  ["a body without its end", encode({ ...f, Body: "aGVsbG8" }), `${BAD_BODY} a string`],
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
  ["a callback to a file", callback("file", "canary"), `${BAD_CALLBACK} "file"`],
  ["a callback whose host is a path", callback("http", "a/canary"), `${BAD_CALLBACK} "http"`],
  ["a callback whose host is a query", callback("http", "a?canary"), `${BAD_CALLBACK} "http"`],
  ["a callback with a password", callback("http", "u:canary@a"), `${BAD_CALLBACK} "http"`],
  [
    "a callback whose scheme is more",
    callback("http://canary", "a"),
    BAD_CALLBACK.replace(/ of$/, ""),
  ],
];

describe("a message is refused", () => {
  test.each(REFUSED)("with %s", (_what, data, message) => {
    expect(() => decode(data)).toThrow(MalformedMessageError);
    expect(() => decode(data)).toThrow(new Error(message));
  });

  test("with all its mistakes named", () => {
    expect(() => decode(encode({ Function: "", Method: "" }))).toThrow(
      new Error('Method: expected an HTTP method, got ""; Function: expected a name, got ""'),
    );
  });
});

test("whatever comes, reading ends with a call or with a MalformedMessageError", () => {
  const parts = fc.dictionary(fc.constantFrom(...Object.keys(FROM_GO)), fc.anything());
  const calls = parts.map((message) => encode({ Function: "f", ...message }));
  const anything = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
    parts.map(encode),
    calls,
  );
  const read = (data: Uint8Array): void => {
    try {
      expect(decode(data).reference.name).toMatch(/^[-a-zA-Z0-9_.]*$/);
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedMessageError);
    }
  };
  fc.assert(fc.property(anything, read), { numRuns: runs(200) });
});
