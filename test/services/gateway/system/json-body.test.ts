/** What is said of a body that is no JSON. */
import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { describeJsonError } from "../../../../services/gateway/system/json-body.ts";

const at = (line: number, column: number): string =>
  `body: expected JSON, got something else at line ${line} column ${column}`;

describe("describeJsonError", () => {
  test.each([
    ["{", at(1, 2)],
    ["nonsense", at(1, 2)],
    ["hello", at(1, 1)],
    ['{"a" 1}', at(1, 6)],
    ["[1,]", at(1, 4)],
    ['{"a": 1,\n "b": oops}', at(2, 7)],
    ['{"a": "x\ny"}', at(1, 9)],
    ['{"a": 1} x', at(1, 10)],
    ["{'a': 1}", at(1, 2)],
    ["-", at(1, 2)],
    ['"\\q"', at(1, 3)],
    ["\ufeff{}", at(1, 1)],
  ])("names the place in %j", (text, message) => {
    expect(describeJsonError(text)).toBe(message);
  });

  test("tells JSON that is refused for its keys", () => {
    expect(describeJsonError('{"__proto__": {}}')).toBe(
      "body: expected JSON without the keys __proto__ and constructor.prototype",
    );
  });

  test("finds the place of a foreign character wherever it is, and shows nothing of the body", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, seed) => {
        const outside = json.replaceAll(/"(?:[^"\\]|\\.)*"/g, (text) => '"'.repeat(text.length));
        const places = Array.from(outside.matchAll(/[[\]{},:]/g), ({ index }) => index);
        const place = places[seed % Math.max(places.length, 1)] ?? 0;
        const message = describeJsonError(`${json.slice(0, place)}~${json.slice(place)}`);
        const before = json.slice(0, place).split("\n");
        expect(message).toBe(at(before.length, (before.at(-1)?.length ?? 0) + 1));
      }),
    );
  });

  test("does not search a very long text for long", () => {
    const text = `[${"1,".repeat(700_000)}]`;
    const parse = jest.spyOn(JSON, "parse");
    try {
      expect(describeJsonError(text)).toBe("body: expected JSON, got something else");
      // Once to see that it is wrong, and once for V8's own word on where; no search by halves.
      expect(parse.mock.calls.map(([parsed]) => parsed.length)).toEqual([text.length, text.length]);
    } finally {
      parse.mockRestore();
    }
  });
});
