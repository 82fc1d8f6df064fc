/** Queued messages: what becomes a call, and what is no call. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MalformedMessageError } from "../../../contract/queue/index.ts";
import { parseMessage } from "../../../services/queue-worker/message.ts";
import { runs } from "../../support/property-runs.ts";
import { FROM_GO } from "../../support/queued-message.ts";

const encode = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));

/** As OpenFaaS' own publishers write it. */
const CAPTURED = {
  ...FROM_GO,
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

  test("refuses what the codec refuses", () => {
    expect(() => parseMessage(encode({}))).toThrow(MalformedMessageError);
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
