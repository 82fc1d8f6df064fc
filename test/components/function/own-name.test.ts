import { describe, expect, it } from "@jest/globals";
import { ArgumentError } from "../../../components/errors.ts";
import { takeName } from "../../../components/function/own-name.ts";

describe("a name of a function", () => {
  const scope = {};
  const claim = { scope, kind: "function", namespace: "fn", name: "f", logicalName: "a" } as const;

  it("is taken once in a namespace of a cluster", () => {
    expect(takeName(claim)).toBe("f");
    expect(() => takeName({ ...claim, logicalName: "b" })).toThrow(
      new ArgumentError('name: expected another one than the function "a" has, got "f"'),
    );
  });

  it("is the same component's in the next run of its program", () => {
    expect(takeName(claim)).toBe("f");
  });

  it.each([
    ["in another namespace", { namespace: "team-a" }],
    ["on another cluster", { scope: {} }],
    ["for a secret", { kind: "secret" as const }],
  ])("may be that of another one %s", (_where, other) => {
    expect(takeName({ ...claim, ...other })).toBe("f");
  });
});
