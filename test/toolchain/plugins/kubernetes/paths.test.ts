/** Property paths, written and read. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { covers, formatPath, parsePath } from "../../../../toolchain/plugins/kubernetes/paths.ts";

describe("paths", () => {
  it.each([
    [["spec", "ports", 0, "port"], "spec.ports[0].port"],
    [["metadata", "labels", "a.b/c"], 'metadata.labels["a.b/c"]'],
    [["data", 'quote"d'], 'data["quote\\"d"]'],
  ])("of %j are written %s", (path, text) => {
    expect(formatPath(path)).toBe(text);
  });

  it("come back as they were written", () => {
    const segment = fc.oneof(fc.nat(), fc.string({ unit: "grapheme" }));
    const path = fc
      .tuple(fc.string({ minLength: 1 }), fc.array(segment))
      .map(([head, tail]) => [head, ...tail]);
    fc.assert(
      fc.property(path, (segments) => {
        expect(parsePath(formatPath(segments))).toEqual(segments);
      }),
    );
  });

  it("that are none are refused", () => {
    expect(() => parsePath("a[")).toThrow("path: expected a property path, got a[");
  });

  it.each([
    ["spec", "spec.replicas", true],
    ["spec.replicas", "spec.replicas", true],
    ["spec.replicas", "spec", false],
    ["spec.rep", "spec.replicas", false],
    ["spec.ports[*].nodePort", "spec.ports[3].nodePort", true],
    ["spec.ports[1]", "spec.ports[3].nodePort", false],
  ])("%s covers %s: %s", (prefix, path, expected) => {
    expect(covers(parsePath(prefix), parsePath(path))).toBe(expected);
  });
});
