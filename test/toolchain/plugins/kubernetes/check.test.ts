/** What a check fills in and what it finds wrong. */
import { describe, expect, it } from "@jest/globals";
import { checkInputs } from "../../../../toolchain/plugins/kubernetes/check.ts";
import type { Gvk } from "../../../../toolchain/plugins/kubernetes/kinds.ts";
import type { CheckRequest, CheckResult } from "../../../../toolchain/plugins/lib/provider.ts";
import { Secret, UNKNOWN, type Bag } from "../../../../toolchain/plugins/lib/values.ts";

const CONFIG_MAP: Gvk = { group: "", version: "v1", kind: "ConfigMap" };

function check(newInputs: Bag, request: Partial<CheckRequest> = {}, gvk = CONFIG_MAP): CheckResult {
  return checkInputs(
    {
      urn: "urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::web",
      type: "kubernetes:core/v1:ConfigMap",
      name: "web",
      signal: new AbortController().signal,
      oldInputs: undefined,
      newInputs,
      randomSeed: new Uint8Array([1, 2, 3]),
      autonaming: undefined,
      ...request,
    },
    { gvk, namespace: "here" },
  );
}

function nameOf(result: CheckResult): unknown {
  return (result.inputs["metadata"] as Bag)["name"];
}

describe("the name", () => {
  it("is the program's own, known or not", () => {
    const given = { metadata: { name: "own", namespace: "there" } };
    expect(check(given)).toEqual({
      inputs: { ...given, apiVersion: "v1", kind: "ConfigMap" },
      failures: [],
    });
    expect(nameOf(check({ metadata: { name: UNKNOWN } }))).toBe(UNKNOWN);
    expect(check({ metadata: UNKNOWN }).inputs["metadata"]).toBe(UNKNOWN);
  });

  it("is made of the resource's and a suffix that the seed decides", () => {
    const first = check({});
    expect(first.inputs).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: expect.stringMatching(/^web-[0-9a-f]{8}$/),
        namespace: "here",
        annotations: { "pulumi.com/autonamed": "true" },
      },
    });
    expect(nameOf(check({}))).toBe(nameOf(first));
    const other = check({}, { randomSeed: new Uint8Array([4]) });
    expect(nameOf(other)).not.toBe(nameOf(first));
    const without = { randomSeed: new Uint8Array() };
    expect(nameOf(check({}, without))).not.toBe(nameOf(check({}, without)));
  });

  it("stays when it was made last time, and not when it was given", () => {
    const made = { metadata: { name: "web-1", annotations: { "pulumi.com/autonamed": "true" } } };
    const kept = check({ metadata: { annotations: { a: "b" } } }, { oldInputs: made });
    expect(kept.inputs["metadata"]).toEqual({
      name: "web-1",
      namespace: "here",
      annotations: { a: "b", "pulumi.com/autonamed": "true" },
    });
    const given = { oldInputs: { metadata: { name: "own" } } };
    expect(nameOf(check({}, given))).toMatch(/^web-[0-9a-f]{8}$/);
  });

  it("follows the project's auto-naming", () => {
    const proposed = { mode: "enforce", proposedName: "exact" } as const;
    expect(nameOf(check({}, { autonaming: proposed }))).toBe("exact");
    expect(() => check({}, { autonaming: { mode: "disable", proposedName: "" } })).toThrow(
      "metadata.name: must be given, because auto-naming is disabled",
    );
  });
});

describe("mistakes", () => {
  it.each<[Bag, string, string]>([
    [
      { metadata: { name: "not a name" } },
      "metadata.name",
      'metadata.name: expected letters, digits, "-" and ".", got not a name',
    ],
    [
      { metadata: { generateName: "x-" } },
      "metadata.generateName",
      "metadata.generateName: must not be set, leave the name out for an automatic one",
    ],
    [
      { metadata: { name: "x", annotations: { "pulumi.com/waitFor": "Ready" } } },
      'metadata.annotations["pulumi.com/waitFor"]',
      'metadata.annotations["pulumi.com/waitFor"]: expected condition=<type>[=<status>] or jsonpath={<path>}[=<value>], got Ready',
    ],
  ])("are found in %j", (inputs, property, reason) => {
    expect(check(inputs).failures).toEqual([{ property, reason }]);
  });
});

describe("a Secret", () => {
  it("has its data marked as secret, however it came", () => {
    const gvk = { ...CONFIG_MAP, kind: "Secret" };
    const inputs = { metadata: { name: "s" }, data: { a: "eA==" }, stringData: new Secret({}) };
    expect(check(inputs, {}, gvk).inputs).toMatchObject({
      data: new Secret({ a: "eA==" }),
      stringData: new Secret({}),
    });
  });
});
