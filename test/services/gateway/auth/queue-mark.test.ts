/** Marks on queued calls of private functions: good for the call that was accepted alone. */
import "../../../support/property-runs.ts";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { QueuedCall } from "../../../../contract/queue/index.ts";
import {
  makeMark,
  type MarkedCall,
  readMark,
  toBodyDigest,
  toMarkedCall,
  toMarkKey,
} from "../../../../services/gateway/auth/queue-mark.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

const key = toMarkKey(Buffer.from("k".repeat(32)));
const other = toMarkKey(Buffer.from("o".repeat(32)));
const now = 1_800_000_000_000;
const DAY = 24 * 3600_000;
const OURS = { kind: "ours", bodyDigest: toBodyDigest(Buffer.from("body")) };

const call: MarkedCall = {
  functionKey: "openfaas-fn/f",
  method: "POST",
  target: "/p?q=1",
  token: "0123456789abcdef",
};
const bodyDigest = toBodyDigest(Buffer.from("body"));
const mark = makeMark(key, call, { bodyDigest, now });

describe("a mark", () => {
  test("is good for fourteen days", () => {
    expect(readMark([key], call, { mark, now })).toEqual(OURS);
    expect(readMark([key], call, { mark, now: now + 14 * DAY - 1 })).toEqual(OURS);
    expect(readMark([key], call, { mark, now: now + 14 * DAY })).toEqual({ kind: "not ours" });
  });

  test("is read by any of the keys, and says so when its own is not among them", () => {
    expect(readMark([other, key], call, { mark, now })).toEqual(OURS);
    expect(readMark([other], call, { mark, now })).toEqual({ kind: "unknown key" });
    expect(readMark([], call, { mark, now })).toEqual({ kind: "unknown key" });
  });

  test("is not good by a key of the same name", () => {
    const same = { ...other, id: key.id };
    expect(readMark([same], call, { mark, now })).toEqual({ kind: "not ours" });
  });

  test("shows nothing of its key", () => {
    expect(key.id).toMatch(/^[\w-]{8}$/);
    expect(mark).not.toContain("kkk");
  });

  test.each([
    ["another function", { functionKey: "openfaas-fn/g" }],
    ["a function of that name elsewhere", { functionKey: "other/f" }],
    ["another method", { method: "PUT" }],
    ["another path", { target: "/o?q=1" }],
    ["another query", { target: "/p?q=2" }],
    ["no query", { target: "/p" }],
    ["another call of the same content", { token: "0123456789abcdeg" }],
    ["another receiver of the answer", { token: `0123456789abcdef.${"A".repeat(43)}` }],
  ])("is worth nothing for %s", (_what, changes) => {
    expect(readMark([key], { ...call, ...changes }, { mark, now })).toEqual({ kind: "not ours" });
  });

  test.each([
    ["a later end", mark.replace(/^\d{13}/, String(now + 30 * DAY))],
    ["no end", mark.replace(/^\d+/, "")],
    ["the digest of another body", mark.replace(bodyDigest, toBodyDigest(Buffer.from("b")))],
    ["no signature", mark.replace(/\.[^.]*$/, ".")],
    ["a short signature", mark.slice(0, -1)],
    ["something behind it", `${mark}A`],
    ["a line end behind it", `${mark}\n`],
    ["nothing", ""],
    ["the form of earlier versions", `${now + DAY}.${"A".repeat(43)}`],
  ])("is worth nothing with %s", (_what, text) => {
    expect(readMark([key], call, { mark: text, now })).toEqual({ kind: "not ours" });
  });
});

test("the bytes of a body make its digest, in the form that the object store has for it, too", () => {
  expect(toBodyDigest(Buffer.alloc(0))).toBe("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
});

/** Any text that a request can have there, as it is seen at both ends. */
const text = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
});
const anyCall: fc.Arbitrary<MarkedCall> = fc.record({
  functionKey: text,
  method: text,
  target: text,
  token: text,
});

describe("properties of marks", () => {
  test("of two calls that differ anywhere, neither can be made with the mark of the other", () => {
    fc.assert(
      fc.property(anyCall, anyCall, fc.uint8Array(), (one, two, body) => {
        const made = makeMark(key, one, { bodyDigest: toBodyDigest(body), now });
        const isSame = JSON.stringify(one) === JSON.stringify(two);
        expect(readMark([key], one, { mark: made, now })).toMatchObject({ kind: "ours" });
        expect(readMark([key], two, { mark: made, now }).kind).toBe(isSame ? "ours" : "not ours");
      }),
    );
  });

  test("nothing can move from one part of a call into the next", () => {
    fc.assert(
      fc.property(anyCall, fc.nat(50), (one, at) => {
        const joined = one.method + one.target;
        const cut = Math.min(at, joined.length);
        const moved = { ...one, method: joined.slice(0, cut), target: joined.slice(cut) };
        fc.pre(moved.method !== one.method);
        const made = makeMark(key, one, { bodyDigest, now });
        expect(readMark([key], moved, { mark: made, now })).toEqual({ kind: "not ours" });
      }),
    );
  });

  test("any changed character of a mark makes it worthless", () => {
    fc.assert(
      fc.property(
        fc.nat(mark.length - 1),
        fc.string({ minLength: 1, maxLength: 1 }),
        (at, char) => {
          fc.pre(mark[at] !== char);
          const changed = mark.slice(0, at) + char + mark.slice(at + 1);
          expect(readMark([key], call, { mark: changed, now }).kind).not.toBe("ours");
        },
      ),
    );
  });

  test("any changed byte of a body has another digest", () => {
    const changed = fc
      .uint8Array({ minLength: 1 })
      .chain((body) =>
        fc.tuple(fc.constant(body), fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 })),
      );
    fc.assert(
      fc.property(changed, ([body, at, bits]) => {
        const after = body.map((byte, index) => (index === at ? byte ^ bits : byte));
        expect(toBodyDigest(after)).not.toBe(toBodyDigest(body));
      }),
    );
  });
});

describe("what of a queued call is marked", () => {
  const queued: QueuedCall = {
    ...LEAST_CALL,
    nonce: "0123456789abcdef",
    reference: { name: "f", namespace: "n" },
    acceptedAt: 1,
    path: "/\u00e9",
    query: "q=1",
  };

  test("is what its worker's request shows", () => {
    expect(toMarkedCall(queued)).toEqual({
      functionKey: "n/f",
      method: LEAST_CALL.method,
      target: "/%C3%A9?q=1",
      token: "0123456789abcdef",
    });
  });

  test("has the address of its callback in it", () => {
    const tokens = ["http://a.example/1", "http://a.example/2"].map(
      (href) => toMarkedCall({ ...queued, callback: new URL(href) }).token,
    );
    expect(tokens).toEqual([
      expect.stringMatching(/^0123456789abcdef\.[\w-]{43}$/),
      expect.stringMatching(/^0123456789abcdef\.[\w-]{43}$/),
    ]);
    expect(tokens[0]).not.toBe(tokens[1]);
  });
});
