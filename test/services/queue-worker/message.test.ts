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

  test.each<[string, Record<string, string[]>]>([
    ["name is of two words", { "X Name": ["a"] }],
    ["name is empty", { "": ["a"] }],
    ["name is beyond ASCII", { "X-Ä": ["a"] }],
    ["value is of two lines", { "X-A": ["a", "canary\r\nX-B: 1"] }],
    ["value has a control character", { "X-A": ["canary\0"] }],
  ])("refuses a header that nobody could send, whose %s", (_what, Header) => {
    const parse = () => parseMessage(encode({ Function: "f", Header }));
    expect(parse).toThrow(MalformedMessageError);
    expect(parse).toThrow("Header: expected names and values that HTTP knows, got another");
  });

  test("does not mind such a header where it is not passed on", () => {
    const Header = { Connection: ["X-A"], "X-A": ["\0"], "User-Agent": ["\0"] };
    const { headers } = parseMessage(encode({ Function: "f", Header }));
    expect(Object.keys(headers)).toEqual(["User-Agent"]);
  });

  test("keeps headers as they are, in any case and number, but for those of one hop", () => {
    const own = fc.constantFrom("Accept", "cookie", "X-A", "x-a", "X-Call-Id", "Via", "__proto__");
    const hop = fc.constantFrom("Host", "te", "KEEP-ALIVE", "Content-length", "Upgrade", "Expect");
    const lists = fc.array(fc.stringMatching(/^[ -~]{0,5}$/), { maxLength: 3 });
    const options = fc.subarray(["accept", "VIA", "x-other"]);
    fc.assert(
      fc.property(
        fc.dictionary(own, lists),
        fc.dictionary(hop, lists),
        options,
        (kept, hops, by) => {
          const Header = { ...hops, ...kept, Connection: ["close", by.join(" , ")] };
          const { "User-Agent": agent, ...others } = parseMessage(
            encode({ Function: "f", Header }),
          ).headers;
          const listed = by.map((name) => name.toLowerCase());
          const expected = Object.entries(kept).filter(
            ([name]) => !listed.includes(name.toLowerCase()),
          );
          expect(agent).toHaveLength(1);
          expect(Object.entries(others).sort()).toEqual(expected.sort());
        },
      ),
    );
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
