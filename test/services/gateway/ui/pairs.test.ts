/** Maps as lines of text: what goes in comes out. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatPairs, parsePairs } from "../../../../services/gateway/ui/src/model/pairs.ts";

test.each([
  ["a", "a"],
  ["a=b", "a=b"],
  ['{"a": 1}', '{"a": 1}'],
  ["one\ntwo", String.raw`"one\ntwo"`],
  [" a ", '" a "'],
  ['"a"', String.raw`"\"a\""`],
  ['"a" and "b"', '"a" and "b"'],
  [String.raw`C:\new`, String.raw`C:\new`],
])("%j is shown as %s", (value, shown) => {
  expect(formatPairs({ NAME: value })).toBe(`NAME=${shown}`);
});

test("any value comes back as it was", () => {
  const part = fc.constantFrom("\n", "\r", " ", '"', "\\", "=", "a", "\u2028", "\t");
  const value = fc.oneof(
    fc.string(),
    fc.array(part).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(value, (text) => {
      expect(parsePairs(formatPairs({ A: text, B: "x" }))).toEqual([
        ["A", text],
        ["B", "x"],
      ]);
    }),
  );
});

test("a header is taken as it is written", () => {
  expect(parsePairs('ETag: "a"', ":")).toEqual([["ETag", '"a"']]);
});
