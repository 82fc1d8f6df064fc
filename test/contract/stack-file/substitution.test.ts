/** Variables in a stack file, as faas-cli's own library takes them. */
import { describe, expect, it } from "@jest/globals";
import { Holes } from "../../../contract/stack-file/index.ts";
import { findVariables, toValue } from "../../../contract/stack-file/substitution.ts";

function fill(text: string, variables: Record<string, string> = {}): string {
  const { parts, mistake } = findVariables(text);
  expect(mistake).toBeUndefined();
  return parts
    .map((part) => (typeof part === "string" ? part : (toValue(part, variables) ?? "<none>")))
    .join("");
}

describe("a text", () => {
  it.each([
    ["plain", "plain"],
    ["", ""],
    ["a }b{ $c $", "a }b{ $c $"],
    ["${A}", "1"],
    ["x${A}y${B}z", "x1y<none>z"],
    ["${B:-two}", "two"],
    ["${B:=two}", "two"],
    ["${B=two}", "two"],
    ["${A:-two}", "1"],
    ["${EMPTY:-two}", "two"],
    ["${EMPTY}", ""],
    ["${B:-}", ""],
    ["${B:-a b: {c\n}", "a b: {c\n"],
    ["${B:-${A}}", "1"],
    ["${B:-${C:-three}}", "three"],
    ["${B:-${C}}", "<none>"],
    ["${EMPTY:-${C}}", "<none>"],
    ["$${A}", "${A}"],
    ["$$${A}", "$1"],
    ["$$$${A}", "$${A}"],
    ["a$$b", "a$b"],
    [String.raw`a\\b`, String.raw`a\b`],
    [String.raw`a\/b\n`, String.raw`a/b\n`],
    [String.raw`\${A}`, String.raw`\1`],
    ["${constructor:-own}", "own"],
    ["ä${ä}€", "äumlaut€"],
  ])("%j is %j", (text, filled) => {
    expect(fill(text, { A: "1", EMPTY: "", ä: "umlaut" })).toBe(filled);
  });
});

it.each(["${", "${}", "${A", "${A:-b", "${A:-b${C}}", "${A:-${C}b}", "${A:?b}", "${A:+b}"])(
  "%j is refused, with its line",
  (text) => {
    expect(findVariables(`# 1\n# 2\n${text}`).mistake).toEqual({
      field: "line 3",
      expected: "${NAME} or ${NAME:-default}",
      got: JSON.stringify(text),
    });
  },
);

it.each(["${A^^}", "${A,}", "${#A}", "${A:0:7}", "${A/b/c}", "${A%.*}", "${A-b}"])(
  "%j, which other shells know, is refused",
  (text) => {
    expect(findVariables(text).mistake?.got).toBe(JSON.stringify(text));
  },
);

describe("holes", () => {
  it("stand for variables, and give them back", () => {
    const text = "a\ue000b ${A} c ${B:-d}";
    const holes = new Holes(text);
    const filled = holes.fill(findVariables(text).parts, undefined);
    expect(filled).toMatch(/^a\ue000b \ue0010\ue001 c \ue0011\ue001$/);
    expect(holes.restore(filled)).toBe(text);
    expect(holes.split(filled)).toEqual([
      "a\ue000b ",
      { name: "A", source: "${A}" },
      " c ",
      { name: "B", fallback: "d", source: "${B:-d}" },
    ]);
  });

  it("are left only where there is no value", () => {
    const text = "${A} ${B} ${C:-d}";
    const holes = new Holes(text);
    const filled = holes.fill(findVariables(text).parts, { A: "1" });
    expect(holes.restore(filled)).toBe("1 ${B} d");
    expect(filled).not.toContain("${B}");
  });
});
