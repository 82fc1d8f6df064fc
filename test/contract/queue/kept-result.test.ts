/** Kept results as messages. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decodeResult,
  encodeResult,
  type KeptResult,
  MalformedMessageError,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";
import { sendFields } from "../../support/queued-message.ts";

const RESULT: KeptResult = {
  status: 418,
  headers: { "content-type": ["text/tea"], "x-own": ["1", "2"] },
  expiresAt: 1_795_906_000_000,
  body: Buffer.from("tea"),
};

function recode(result: KeptResult): KeptResult | undefined {
  const { fields, payload } = encodeResult(result);
  const read = decodeResult(sendFields(fields), payload);
  return read && { ...read, headers: { ...read.headers } };
}

const results: fc.Arbitrary<KeptResult> = fc.record({
  status: fc.integer({ min: 100, max: 999 }),
  headers: fc.dictionary(
    fc.oneof(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), fc.constantFrom("nats-ttl", "plonk-id")),
    fc.array(fc.stringMatching(/^([!-~\u0080-\u00ff]([ -~]{0,9}[!-~\u00a0])?)?$/), {
      minLength: 1,
    }),
    { noNullPrototype: true },
  ),
  expiresAt: fc.nat(),
  body: fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.record({
      bytes: fc.nat(),
      pieces: fc.array(fc.integer({ min: 1, max: 9_999_999_999_999_999 }), { minLength: 1 }),
    }),
  ),
});

describe("a result", () => {
  test("is written as its fields and its bytes", () => {
    const { fields, payload } = encodeResult(RESULT);
    expect([fields, payload]).toEqual([
      [
        ["Plonk-Status", "418"],
        ["Plonk-Expires", "1795906000000"],
        ["Http-content-type", "text/tea"],
        ["Http-x-own", "1"],
        ["Http-x-own", "2"],
      ],
      Buffer.from("tea"),
    ]);
  });

  test("in pieces has their places in the place of its bytes", () => {
    const { fields, payload } = encodeResult({ ...RESULT, body: { bytes: 9, pieces: [4, 7] } });
    expect(fields).toContainEqual(["Plonk-Pieces", "4,7"]);
    expect(fields).toContainEqual(["Plonk-Body-Bytes", "9"]);
    expect(payload).toHaveLength(0);
  });

  test("of any kind comes out as it went in", () => {
    fc.assert(
      fc.property(results, (result) => {
        expect(recode(result)).toEqual(result);
      }),
      { numRuns: runs(200) },
    );
  });

  test("speaks to nobody but its reader: each field has a name of ours", () => {
    fc.assert(
      fc.property(results, (result) => {
        for (const [name] of encodeResult(result).fields) {
          expect(name).toMatch(/^(Plonk|Plonk64|Http|Http64)-/);
        }
      }),
    );
  });

  test("has no headers that HTTP does not know", () => {
    const headers = { "x-a": ["1\r\nx: y"] };
    expect(() => encodeResult({ ...RESULT, headers })).toThrow(MalformedMessageError);
  });
});

describe("what is no result", () => {
  test.each<[string, Record<string, string>]>([
    ["nothing", {}],
    ["a mark of JetStream's", { "Nats-Marker-Reason": "MaxAge" }],
    ["an answer without a status", { "Plonk-Expires": "1" }],
    ["a status that is none", { "Plonk-Status": "99", "Plonk-Expires": "1" }],
    ["a status in words", { "Plonk-Status": "ok", "Plonk-Expires": "1" }],
    ["an answer without an end", { "Plonk-Status": "200" }],
    ["no places", { "Plonk-Status": "200", "Plonk-Expires": "1", "Plonk-Pieces": "" }],
    ["a place of none", { "Plonk-Status": "200", "Plonk-Expires": "1", "Plonk-Pieces": "0" }],
    [
      "pieces without a length",
      { "Plonk-Status": "200", "Plonk-Expires": "1", "Plonk-Pieces": "1" },
    ],
  ])("is %s", (_what, fields) => {
    expect(decodeResult(sendFields(Object.entries(fields)), Buffer.alloc(0))).toBeUndefined();
  });
});
