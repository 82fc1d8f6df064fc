/** The page's list, routes, lines of pairs and editor keys. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { functionPath } from "../../../../services/gateway/ui/src/api/invoke.ts";
import type {
  FunctionDescription,
  FunctionStats,
} from "../../../../services/gateway/ui/src/api/types.ts";
import { breakLine, indent } from "../../../../services/gateway/ui/src/model/edit-text.ts";
import { formatPairs, parsePairs } from "../../../../services/gateway/ui/src/model/pairs.ts";
import { parseRoute, TABS, toHash } from "../../../../services/gateway/ui/src/model/route.ts";
import {
  type Column,
  HISTORY_LENGTH,
  selectRows,
  toRows,
  toTotals,
} from "../../../../services/gateway/ui/src/model/rows.ts";

const describeFunction = (name: string, replicas = 1) => ({
  name,
  namespace: "fn",
  image: `registry/${name}:1`,
  replicas,
  availableReplicas: 1,
  createdAt: "2026-11-21T12:00:00Z",
});

const stats = (name: string, calls: number, errors = 0): FunctionStats => ({
  name,
  namespace: "fn",
  callsPerSecond: calls,
  errorsPerSecond: errors,
  p95Seconds: calls / 100,
});

describe("the list", () => {
  const rows = toRows(
    [describeFunction("b", 3), describeFunction("a"), describeFunction("c")],
    [stats("a", 10, 5), stats("c", 20, 1)],
    new Map(),
  );
  const order = (column: Column, isDescending = false, filter = ""): string =>
    selectRows(rows.values(), filter, { column, isDescending })
      .map(({ name }) => name)
      .join("");

  test("joins what functions are and how they do", () => {
    expect(rows.get("fn/c")).toMatchObject({
      ready: 1,
      desired: 1,
      stats: { callsPerSecond: 20 },
      history: [20],
    });
    expect(rows.get("fn/b")).toMatchObject({ desired: 3, stats: undefined, history: [0] });
  });

  test("takes what is not there for zero replicas", () => {
    const rest = { ...describeFunction("z"), replicas: undefined, availableReplicas: undefined };
    const bare = JSON.parse(JSON.stringify(rest)) as FunctionDescription;
    expect(toRows([bare], [], new Map()).get("fn/z")).toMatchObject({ ready: 0, desired: 0 });
  });

  test("lets histories grow up to their length", () => {
    let known = rows;
    for (let count = 1; count <= HISTORY_LENGTH; count += 1) {
      known = toRows([describeFunction("a")], [stats("a", count)], known);
    }
    const history = known.get("fn/a")?.history ?? [];
    expect(history).toHaveLength(HISTORY_LENGTH);
    expect([history[0], history.at(-1)]).toEqual([1, HISTORY_LENGTH]);
  });

  test.each<[Column, string]>([
    ["name", "abc"],
    ["replicas", "acb"],
    ["calls", "bac"],
    ["errors", "bca"],
    ["p50", "abc"],
    ["p95", "bac"],
  ])("is ordered by %s", (column, names) => {
    expect(order(column)).toBe(names);
  });

  test("is ordered downwards, with names up where values are the same", () => {
    expect(order("name", true)).toBe("cba");
    expect(order("replicas", true)).toBe("bac");
  });

  test("is filtered by every word, in name, namespace and image", () => {
    expect(order("name", false, " FN registry/B ")).toBe("b");
    expect(order("name", false, "registry")).toBe("abc");
    expect(order("name", false, "a nothing")).toBe("");
  });

  test("is summed up", () => {
    expect(toTotals(rows.values())).toEqual({
      functions: 3,
      ready: 3,
      desired: 5,
      callsPerSecond: 30,
      errorsPerSecond: 6,
    });
  });
});

describe("routes", () => {
  test("lead back to what they were made of", () => {
    const part = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(part, part, fc.constantFrom(...TABS), (namespace, name, tab) => {
        const route = { page: "functions", selected: { namespace, name, tab } } as const;
        expect(parseRoute(toHash(route))).toEqual(route);
      }),
    );
    for (const page of ["calls", "secrets"] as const) {
      expect(parseRoute(toHash({ page }))).toEqual({ page });
    }
  });

  test.each(["", "#", "#/", "#/functions", "#/functions/fn", "#/nothing", "#/functions//x"])(
    "%p leads to the list",
    (hash) => {
      expect(parseRoute(hash)).toEqual({ page: "functions" });
    },
  );

  test("an unknown tab is the overview, and a bad escape is taken as it is", () => {
    expect(parseRoute("#/functions/fn/%/x")).toEqual({
      page: "functions",
      selected: { namespace: "fn", name: "%", tab: "overview" },
    });
  });
});

describe("pairs", () => {
  test("are read from lines, blank ones apart", () => {
    expect(parsePairs("A=1\n\n  B = x=y \nC=")).toEqual([
      ["A", "1"],
      ["B", "x=y"],
      ["C", ""],
    ]);
    expect(parsePairs("X-Time: 12:30\nx-time: 1", ":")).toEqual([
      ["X-Time", "12:30"],
      ["x-time", "1"],
    ]);
  });

  test.each(["novalue", "=1", "A=1\n = 2"])("%p names the bad line", (text) => {
    expect(() => parsePairs(text)).toThrow(
      `Expected a line like name=value, got "${text.split("\n").at(-1)?.trim() ?? ""}".`,
    );
  });

  test("are written as they are read", () => {
    expect(formatPairs({ A: "1", B: "x=y" })).toBe("A=1\nB=x=y");
    expect(formatPairs(undefined)).toBe("");
  });
});

describe("the editor", () => {
  const edit = (marked: string) => {
    const start = marked.indexOf("|");
    const end = marked.lastIndexOf("|");
    const text = marked.replaceAll("|", "");
    return { text, start, end: end === start ? start : end - 1 };
  };

  test("indents at the caret", () => {
    expect(indent(edit("a|b"), false)).toEqual({ text: "a  b", start: 3, end: 3 });
  });

  test("replaces what is marked in one line", () => {
    expect(indent(edit("a|bc|d"), false)).toEqual({ text: "a  d", start: 3, end: 3 });
  });

  test("indents and takes back whole lines", () => {
    const deeper = indent(edit("x\n  a|\nb|"), false);
    expect(deeper).toEqual({ text: "x\n    a\n  b", start: 7, end: 11 });
    expect(indent(deeper, true)).toEqual({ text: "x\n  a\nb", start: 5, end: 7 });
  });

  test("takes back no more than there is, and stays in the line", () => {
    expect(indent(edit(" a|"), true)).toEqual({ text: "a", start: 1, end: 1 });
    expect(indent(edit("x\n|  a"), true)).toEqual({ text: "x\na", start: 2, end: 2 });
  });

  test("keeps the indentation in a new line, deeper behind a bracket", () => {
    expect(breakLine(edit("  a|b"))).toEqual({ text: "  a\n  b", start: 6, end: 6 });
    expect(breakLine(edit("f(() => {|"))).toEqual({ text: "f(() => {\n  ", start: 12, end: 12 });
  });
});

describe("functionPath", () => {
  const reference = { name: "f", namespace: "fn" };

  test.each([
    ["", "/function/f.fn"],
    ["a", "/function/f.fn/a"],
    ["/a", "/function/f.fn/a"],
    ["?q=1", "/function/f.fn?q=1"],
  ])("%p leads to %s", (path, target) => {
    expect(functionPath(reference, { path })).toBe(target);
  });

  test("leads to the queue", () => {
    expect(functionPath(reference, { isAsync: true, path: "x" })).toBe("/async-function/f.fn/x");
  });
});
