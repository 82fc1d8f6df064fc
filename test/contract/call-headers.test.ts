/** Names of headers as Go writes them. */
import { expect, test } from "@jest/globals";
import { toCanonicalName } from "../../contract/call-headers.ts";

test.each([
  ["x-call-id", "X-Call-Id"],
  ["CONTENT-TYPE", "Content-Type"],
  ["te", "Te"],
  ["x_y-z1", "X_y-Z1"],
])("%s is %s", (name, canonical) => {
  expect(toCanonicalName(name)).toBe(canonical);
});

test("names are the same the second time, however many came between", () => {
  const names = Array.from({ length: 1500 }, (_, index) => `x-name-${index}`);
  const canonical = names.map((_, index) => `X-Name-${index}`);
  expect(names.map(toCanonicalName)).toEqual(canonical);
  expect(names.map(toCanonicalName)).toEqual(canonical);
});
