import { describe, expect, it } from "@jest/globals";
import { checkNamespace } from "../../components/namespace.ts";

describe("the name of a namespace", () => {
  it.each(["a", "0", "2fa", "x".repeat(63)])("may be %s", (name) => {
    expect(checkNamespace(name)).toBe(name);
  });

  it.each(["", "-a", "a.b", "A", "x".repeat(64)])("must not be %j", (name) => {
    expect(() => checkNamespace(name, "there")).toThrow(/^there: expected 1 to 63 lower-case/);
  });
});
