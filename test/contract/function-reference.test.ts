/** Function names in URLs. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { splitName, toDisplayName, toKey } from "../../contract/index.ts";

describe("splitName", () => {
  test.each([
    ["env", "env", "openfaas-fn"],
    ["env.dev", "env", "dev"],
    ["a.b.c", "a.b", "c"],
    ["env.", "env", ""],
    [".dev", "", "dev"],
  ])("splits %s into %s and %s", (text, name, namespace) => {
    expect(splitName(text, "openfaas-fn")).toEqual({ name, namespace });
  });

  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/);

  test("reads back every display name", () => {
    fc.assert(
      fc.property(label, label, (name, namespace) => {
        const reference = { name, namespace };
        expect(splitName(toDisplayName(reference), "other")).toEqual(reference);
      }),
    );
  });

  test("gives different keys to different functions", () => {
    fc.assert(
      fc.property(fc.tuple(label, label), fc.tuple(label, label), (one, other) => {
        const [left, right] = [one, other].map(([name, namespace]) => toKey({ name, namespace }));
        expect(left === right).toBe(one.join(" ") === other.join(" "));
      }),
    );
  });
});
