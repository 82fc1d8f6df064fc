/** Queued messages: what becomes a call, and what is no call. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MalformedMessageError, parseMessage } from "../../../services/queue-worker/message.ts";
import { runs } from "../../support/property-runs.ts";

const encode = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));

/** As OpenFaaS' own publishers write it. */
const CAPTURED = {
  Header: {
    Accept: ["*/*"],
    Connection: ["X-Hop"],
    "Content-Length": ["5"],
    "Content-Type": ["text/plain"],
    "User-Agent": ["curl/7.88.1"],
    "X-Call-Id": ["2749"],
    "X-Custom": ["v", "w"],
    "X-Hop": ["1"],
    "X-Start-Time": ["1795"],
    "Transfer-Encoding": ["chunked"],
  },
  Host: "127.0.0.1:8080",
  Body: "aGVsbG8=",
  Method: "PUT",
  Path: "/sub/path",
  QueryString: "q=1",
  Function: "cat.dev",
  CallbackUrl: {
    Scheme: "http",
    Opaque: "",
    User: null,
    Host: "127.0.0.1:7777",
    Path: "/cb",
    Fragment: "",
    RawQuery: "a=1",
    RawPath: "",
    ForceQuery: false,
  },
};

describe("parseMessage", () => {
  test("makes a call of what OpenFaaS' publishers write", () => {
    const call = parseMessage(encode(CAPTURED));
    expect(call).toMatchObject({
      functionName: "cat.dev",
      method: "PUT",
      target: "/function/cat.dev/sub/path?q=1",
      callId: "2749",
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
    });
    expect(call.body.toString()).toBe("hello");
    expect(call.headers).toEqual({
      Accept: ["*/*"],
      "Content-Type": ["text/plain"],
      "X-Call-Id": ["2749"],
      "X-Custom": ["v", "w"],
      "User-Agent": [expect.stringMatching(/^plonk-queue-worker\//)],
    });
  });

  test("fills in what older publishers leave out or write as null", () => {
    const call = parseMessage(encode({ Function: "f", CallbackUrl: null }));
    expect(call).toMatchObject({
      method: "POST",
      target: "/function/f",
      callId: "",
      callback: undefined,
    });
    expect(call.body).toHaveLength(0);
  });

  test.each([
    ["no JSON", Buffer.from("{canary"), "message: expected JSON"],
    ["no object", encode("x"), "message: expected an object"],
    ["null", encode(null), "message: expected an object"],
    ["no function", encode({}), "Function: expected a name"],
    ["a path for a function", encode({ Function: "../system" }), "Function: expected a name"],
    ["a method of two words", encode({ Function: "f", Method: "GET /x" }), "Method: expected"],
    ["a relative path", encode({ Function: "f", Path: "x" }), "Path: expected an absolute path"],
    ["a path with a line end", encode({ Function: "f", Path: "/\r\nX: 1" }), "Path: expected"],
    [
      "a query with a space",
      encode({ Function: "f", QueryString: "a b" }),
      "QueryString: expected",
    ],
    [
      "headers that are no lists",
      encode({ Function: "f", Header: { A: "b" } }),
      "Header: expected",
    ],
    ["a body that is no text", encode({ Function: "f", Body: 5 }), "Body: expected base64"],
    [
      "a callback to a file",
      encode({ Function: "f", CallbackUrl: { Scheme: "file", Host: "" } }),
      "CallbackUrl: expected an http or https URL",
    ],
    [
      "a callback whose host is a path",
      encode({ Function: "f", CallbackUrl: { Scheme: "http", Host: "a/b" } }),
      "CallbackUrl: expected an http or https URL",
    ],
    [
      "a callback with a password",
      encode({ Function: "f", CallbackUrl: { Scheme: "http", Host: "u:p@a" } }),
      "CallbackUrl: expected an http or https URL",
    ],
  ])("refuses %s without quoting it", (_what, data, message) => {
    expect(() => parseMessage(data)).toThrow(message);
    expect(() => parseMessage(data)).toThrow(MalformedMessageError);
  });

  test("gives a call or a MalformedMessageError for anything", () => {
    const anything = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .record(
          {
            Function: fc.oneof(fc.constant("f"), fc.anything()),
            Method: fc.anything(),
            Path: fc.anything(),
            QueryString: fc.anything(),
            Header: fc.anything(),
            Body: fc.anything(),
            CallbackUrl: fc.anything(),
          },
          { requiredKeys: ["Function"] },
        )
        .map((message) => Buffer.from(JSON.stringify(message))),
    );
    fc.assert(
      fc.property(anything, (data) => {
        try {
          expect(parseMessage(data).target).toMatch(/^\/function\/[-a-zA-Z_0-9.]+/);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
      { numRuns: runs(2000) },
    );
  });
});
