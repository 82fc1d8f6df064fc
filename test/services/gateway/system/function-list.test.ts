/** The list is the descriptions in order, and is written again only where something changed. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { FunctionResource } from "../../../../contract/index.ts";
import { toDescription } from "../../../../services/gateway/system/deployments.ts";
import { FunctionList } from "../../../../services/gateway/system/function-list.ts";

const resource = (name: string, namespace = "ns", image = "i"): FunctionResource => ({
  apiVersion: "openfaas.com/v1",
  kind: "Function",
  metadata: { name, namespace, creationTimestamp: "2026-01-02T03:04:05Z" },
  spec: { name, image, labels: { text: '"\u00fc\n' } },
});

const none: ReadonlyMap<string, number> = new Map();

describe("FunctionList", () => {
  test("says what the descriptions say, by name, of one namespace", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/));
    fc.assert(
      fc.property(names, fc.boolean(), (list, isElsewhere) => {
        const resources = list.map((name) => resource(name));
        const others = isElsewhere ? [resource("other", "elsewhere")] : [];
        const functions = new FunctionList({ values: () => generate([...others, ...resources]) });
        const expected = resources
          .map((item) => toDescription(item, undefined))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        expect(JSON.parse(functions.read("ns", none))).toEqual(expected);
      }),
    );
  });

  test("follows changes of a function and of its calls", () => {
    const current = [resource("a"), resource("b")];
    const functions = new FunctionList({ values: () => generate(current) });
    const read = (calls = none): unknown => JSON.parse(functions.read("ns", calls));
    const before = read();
    expect(read()).toEqual(before);
    current[1] = resource("b", "ns", "other");
    expect(read()).toMatchObject([{ image: "i" }, { image: "other" }]);
    expect(read(new Map([["a.ns", 7]]))).toMatchObject([{ invocationCount: 7 }, { name: "b" }]);
    expect(read()).toMatchObject([{ name: "a" }, { name: "b" }]);
    expect(JSON.stringify(read())).not.toContain("invocationCount");
  });

  function* generate(list: FunctionResource[]): Generator<FunctionResource, undefined> {
    yield* list;
  }
});
