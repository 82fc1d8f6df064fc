/** What Kubernetes makes of an environment variable's value. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { toLiteral } from "../../contract/environment/index.ts";
import { SEED } from "../support/property-runs.ts";

/**
 * Kubernetes' rule, from the API reference of EnvVar.value: `$(NAME)` is the value of a variable
 * that is defined before, and stays as it is otherwise; `$$` is one `$`.
 */
function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (found, name?: string) =>
    name === undefined ? "$" : (variables[name] ?? found),
  );
}

const VARIABLES = { A: "replaced", OPENFAAS_NAME: "f", "": "nameless" };

test.each(["", "$", "a$$b", "$(OPENFAAS_NAME)", "x$$(A)y", "$(", "$()", "$\u00fc", "$&$1$`$'"])(
  "%j arrives as it is",
  (text) => {
    expect(expand(toLiteral(text), VARIABLES)).toBe(text);
  },
);

test("any text arrives as it is", () => {
  const parts = fc.constantFrom("$", "$", "(", ")", "A", "OPENFAAS_NAME", "b", "\u00fc", "\n");
  const texts = fc.oneof(
    fc.array(parts).map((list) => list.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect(expand(toLiteral(text), VARIABLES)).toBe(text);
    }),
    { seed: SEED },
  );
});

test("the rule is that of Kubernetes: unescaped values do not arrive", () => {
  expect(expand("a$$b $(A) $(NONE) $$(A)", VARIABLES)).toBe("a$b replaced $(NONE) $(A)");
});
