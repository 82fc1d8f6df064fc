/** Request targets: cleaning and splitting. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  cleanPath,
  leadsAboveRoot,
  PREFIX,
  splitFunctionPath,
  splitTarget,
} from "../../../../services/gateway/http/paths.ts";
import { runs } from "../../../support/property-runs.ts";

describe("cleanPath", () => {
  test.each([
    ["/function/env", "/function/env"],
    ["/function/env/", "/function/env/"],
    ["//function/env", "/function/env"],
    ["/function//env", "/function/env"],
    ["/function/./env", "/function/env"],
    ["/function/env/.", "/function/env"],
    ["/function/env/../../system/functions", "/system/functions"],
    ["/function/env/%2e%2e/%2E./x", "/x"],
    ["/function/env/..", "/function"],
    ["/../..", "/"],
    ["/function/env/a%2Fb", "/function/env/a%2Fb"],
    ["/function/env/..a/.b/...", "/function/env/..a/.b/..."],
    ["", "/"],
    ["/", "/"],
  ])("turns %s into %s", (path, cleaned) => {
    expect(cleanPath(path)).toBe(cleaned);
  });

  const segment = fc.oneof(
    fc.constantFrom("", ".", "..", "%2e", "%2E%2e", ".%2e", "a", "function", "system", "%2F", ";"),
    fc.string({ maxLength: 4 }),
  );
  const anyPath = fc.array(segment, { maxLength: 8 }).map((segments) => `/${segments.join("/")}`);

  test("changes nothing the second time", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const once = cleanPath(path);
        expect(cleanPath(once)).toBe(once);
      }),
    );
  });

  test("never leaves a segment that a function could climb out with", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const segments = cleanPath(path).slice(1).split("/").slice(0, -1);
        for (const part of segments) {
          expect(part).not.toMatch(/^(?:|(?:\.|%2e){1,2})$/i);
        }
        expect(cleanPath(path)).toMatch(/^\/(?!\/)/);
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe("splitTarget", () => {
  test.each([
    ["/a?b=c", { path: "/a", query: "?b=c" }],
    ["/a?", { path: "/a", query: "?" }],
    ["/a?b?c", { path: "/a", query: "?b?c" }],
    ["http://gateway:8080/a?b", { path: "/a", query: "?b" }],
    ["HTTP://gateway", { path: "/", query: "" }],
    ["http://gateway?x", { path: "/", query: "?x" }],
    ["*", undefined],
    ["gateway:8080", undefined],
    ["", undefined],
  ])("of %s", (target, split) => {
    expect(splitTarget(target)).toEqual(split);
  });
});

describe("splitFunctionPath", () => {
  test.each([
    ["/function/env", { segment: "env", rest: "" }],
    ["/function/env/", { segment: "env", rest: "/" }],
    ["/function/env.ns/a/b", { segment: "env.ns", rest: "/a/b" }],
    ["/function/A_b-1", { segment: "A_b-1", rest: "" }],
    ["/function/", undefined],
    ["/function/a%20b", undefined],
    ["/function/a;b/c", undefined],
  ])("of %s", (path, split) => {
    expect(splitFunctionPath(path, PREFIX.sync)).toEqual(split);
  });
});

describe("leadsAboveRoot", () => {
  test.each(["/..", "/a/../..", "/a/../../a", "/%2e%2E", "/a/..%2f..%2Fb", "//../a", "/./../a"])(
    "is so for %s",
    (path) => expect(leadsAboveRoot(path)).toBe(true),
  );

  test.each([
    "/",
    "/a/..",
    "/a/b/../..",
    "/a%2fb/../..",
    "/...",
    "/a/..b",
    "/%252e%252e",
    "/a/.;/..",
  ])("is not so for %s", (path) => expect(leadsAboveRoot(path)).toBe(false));
});
