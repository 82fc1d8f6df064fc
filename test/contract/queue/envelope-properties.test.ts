/** Any call at all, on its way through the queue. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decodeCall,
  encodeCall,
  MalformedMessageError,
  type QueuedCall,
  readFields,
  toOwnFields,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";
import { recodeCall, sendFields } from "../../support/queued-message.ts";

const toText = (codes: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  fc.string({ unit: codes.map((code) => String.fromCharCode(code)) });

const visible = toText(fc.integer({ min: 0x21, max: 0xff }));
const odd = fc.constantFrom("\\", "{", '"', "%5C", "..", "\u0080", "\u00a0", "\u00ff", "%0d%0a");
const rest = fc.array(fc.oneof(odd, visible)).map((parts) => parts.join(""));

/** As Node gives them: HTTP has no blank or tab at the ends of a value. */
const values = toText(
  fc.oneof(
    fc.constantFrom(0x09, 0x20, 0x85, 0xa0, 0xff),
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xff }),
  ),
).map((value) => value.replace(/^[\t ]+|[\t ]+$/g, ""));

const names = fc.oneof(
  fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/),
  fc.constantFrom("__proto__", "Nats-Rollup", "Nats-TTL", "plonk-nonce", "Http-A", "64-a"),
);

const times = fc.option(fc.nat({ max: 999_999_999_999_999 }), { nil: undefined });
const labels = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const urls = fc.webUrl({ validSchemes: ["http", "https"], withQueryParameters: true });

const calls: fc.Arbitrary<QueuedCall> = fc
  .record({
    nonce: fc.stringMatching(/^[A-Za-z0-9_-]{16}$/),
    reference: fc.record({ name: labels, namespace: labels }),
    acceptedAt: fc.nat(),
    notBefore: times,
    expiresAt: times,
    keepResultSeconds: fc.option(fc.nat({ max: 604_800 }), { nil: undefined }),
    isUnlimited: fc.boolean(),
    method: fc.constantFrom("GET", "POST", "M-SEARCH", "x"),
    path: fc.oneof(
      fc.constant(""),
      rest.map((text) => `/${text}`),
    ),
    query: rest,
    host: fc.option(fc.oneof(fc.domain(), values), { nil: undefined }),
    headers: fc.dictionary(names, fc.array(values, { minLength: 1, maxLength: 4 })),
    callback: fc.option(
      urls.map((url) => new URL(url)),
      { nil: undefined },
    ),
    callbackProof: fc.option(fc.stringMatching(/^[\w-]{16}\.[\w.-]{1,160}$/), {
      nil: undefined,
    }),
    retry: fc.constantFrom({}, { attempts: 3 }, { codes: [] }),
    body: fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.record({ name: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), bytes: fc.nat() }),
    ),
  })
  .map(({ notBefore, expiresAt, callbackProof, keepResultSeconds, isUnlimited, ...call }) => ({
    ...call,
    ...(isUnlimited && { isUnlimited: true as const }),
    ...(callbackProof !== undefined && { callbackProof }),
    ...(keepResultSeconds !== undefined && { keepResultSeconds }),
    ...(notBefore !== undefined && { notBefore }),
    ...(expiresAt !== undefined && { expiresAt }),
  }));

describe("for any call", () => {
  test("what is read is what was written", () => {
    fc.assert(
      fc.property(calls, (call) => {
        const { headers, ...others } = recodeCall(call);
        const { headers: written, ...expected } = call;
        expect(others).toEqual(expected);
        expect(Object.entries(headers).sort()).toEqual(Object.entries(written).sort());
      }),
      { numRuns: runs(100) },
    );
  });

  test("no field has a name that is not the platform's own", () => {
    fc.assert(
      fc.property(calls, (call) => {
        for (const [name] of encodeCall(call).fields) {
          expect(name).toMatch(/^(Plonk|Plonk64|Http|Http64)-/);
        }
      }),
    );
  });
});

test("for any text of ours, blanks at its ends and letters of any script are kept", () => {
  const texts = fc.string({ unit: fc.constantFrom(" ", "\t", "\u00a0", "a", "\u00e9", "\u65e5") });
  fc.assert(
    fc.property(texts, (value) => {
      const { head } = readFields(sendFields(toOwnFields({ "Plonk-X": value })));
      expect(head).toEqual({ "Plonk-X": value });
    }),
  );
});

test("whatever fields come, they are a call or a MalformedMessageError", () => {
  const own = ["Nonce", "Function", "Namespace", "Accepted", "Method", "Callback", "Retry"];
  const fields = fc.array(
    fc.tuple(
      fc.oneof(fc.constantFrom(...own.map((name) => `Plonk-${name}`)), names),
      fc.array(fc.oneof(values, fc.constantFrom("f", "1", "AAAAAAAAAAAAAAAA"))),
    ),
  );
  const decode = (given: [string, string[]][], payload: Uint8Array): void => {
    try {
      // What was read can be written again.
      encodeCall(decodeCall(given, payload));
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedMessageError);
    }
  };
  fc.assert(fc.property(fields, fc.uint8Array(), decode), { numRuns: runs(200) });
});
