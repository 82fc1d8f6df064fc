/** What an update does, by the inputs alone. */
import { describe, expect, it } from "@jest/globals";
import { parseToken } from "../../../../toolchain/plugins/kubernetes/kinds.ts";
import { diffInputs } from "../../../../toolchain/plugins/kubernetes/replacement.ts";
import type { DiffResult } from "../../../../toolchain/plugins/lib/provider.ts";
import { Secret, UNKNOWN, type Bag } from "../../../../toolchain/plugins/lib/values.ts";

interface Case {
  token?: string;
  before: Bag;
  after: Bag;
  ignoreChanges?: string[];
  mutable?: boolean;
}

function diff({ token = "core/v1:ServiceAccount", before, after, ...options }: Case): DiffResult {
  const metadata = { name: "a", namespace: "default" };
  const type = `kubernetes:${token}`;
  return diffInputs(
    {
      id: "default/a",
      urn: "",
      name: "a",
      type,
      signal: new AbortController().signal,
      oldOutputs: {},
      oldInputs: { metadata, ...before },
      newInputs: { metadata, ...after },
      ignoreChanges: options.ignoreChanges ?? [],
    },
    parseToken(type),
    {
      enableConfigMapMutable: options.mutable ?? false,
      enableSecretMutable: options.mutable ?? false,
    },
  );
}

const NONE = { changed: false };

describe("inputs that mean the same", () => {
  it.each<[string, Bag, Bag]>([
    ["equal", { a: { b: [1] } }, { a: { b: [1] } }],
    ["a secret mark more", { a: "x" }, { a: new Secret("x") }],
    ["an explicit null", {}, { a: null }],
  ])("are no change: %s", (_, before, after) => {
    expect(diff({ before, after })).toEqual(NONE);
  });

  it("are what is ignored", () => {
    const before = { spec: { replicas: 1, list: [{ a: 1 }] } };
    const after = { spec: { replicas: 2, list: [{ a: 2 }] } };
    const ignoreChanges = ["spec.replicas", "spec.list[*].a"];
    expect(diff({ before, after, ignoreChanges })).toEqual(NONE);
    expect(diff({ before, after, ignoreChanges: ["spec.replicas"] }).detailedDiff).toEqual({
      "spec.list[0].a": "update",
    });
  });
});

describe("changes in place", () => {
  it("are listed field by field", () => {
    const before = { spec: { a: 1, b: [1, 2, 3], d: "x" } };
    const after = { spec: { a: 2, b: [1, 4], c: { e: 1 }, d: UNKNOWN } };
    expect(diff({ before, after })).toEqual({
      changed: true,
      deleteBeforeReplace: false,
      detailedDiff: {
        "spec.a": "update",
        "spec.b[1]": "update",
        "spec.b[2]": "delete",
        "spec.c": "add",
        "spec.d": "update",
      },
    });
  });

  it("are another version of the same group, and labels", () => {
    const before = { apiVersion: "openfaas.com/v1", metadata: { name: "a" } };
    const after = { apiVersion: "openfaas.com/v2", metadata: { name: "a", labels: { b: "c" } } };
    expect(diff({ token: "openfaas.com/v2:Function", before, after }).detailedDiff).toEqual({
      apiVersion: "update",
      "metadata.labels": "add",
    });
  });
});

describe("changes that replace the object", () => {
  it.each<[string, string, Bag, Bag]>([
    [
      "apps/v1:Deployment",
      "spec.selector.matchLabels.a",
      { spec: { selector: { matchLabels: { a: "1" } } } },
      { spec: { selector: { matchLabels: { a: "2" } } } },
    ],
    [
      "apps/v1:StatefulSet",
      "spec.serviceName",
      { spec: { serviceName: "a" } },
      { spec: { serviceName: "b" } },
    ],
    [
      "apps/v1:DaemonSet",
      "spec.selector",
      { spec: { selector: "a" } },
      { spec: { selector: "b" } },
    ],
    [
      "batch/v1:Job",
      "spec.template.spec.image",
      { spec: { template: { spec: { image: "a" } } } },
      { spec: { template: { spec: { image: "b" } } } },
    ],
    [
      "core/v1:Service",
      "spec.clusterIP",
      { spec: { clusterIP: "None" } },
      { spec: { clusterIP: "" } },
    ],
    ["core/v1:Secret", "type", { type: "a" }, { type: "b" }],
    [
      "core/v1:PersistentVolumeClaim",
      "spec.storageClassName",
      { spec: { storageClassName: "a" } },
      { spec: { storageClassName: "b" } },
    ],
    [
      "rbac.authorization.k8s.io/v1:RoleBinding",
      "roleRef.name",
      { roleRef: { name: "a" } },
      { roleRef: { name: "b" } },
    ],
    ["storage.k8s.io/v1:StorageClass", "provisioner", { provisioner: "a" }, { provisioner: "b" }],
    ["scheduling.k8s.io/v1:PriorityClass", "value", { value: 1 }, { value: 2 }],
    ["core/v1:ConfigMap", "data.a", { data: { a: "1" } }, { data: { a: "2" } }],
    ["core/v1:Secret", "stringData.a", { stringData: { a: "1" } }, { stringData: { a: "2" } }],
    [
      "openfaas.com/v1:Function",
      "apiVersion",
      { apiVersion: "openfaas.com/v1" },
      { apiVersion: "other.com/v1" },
    ],
  ])("are in %s: %s", (...[token, path, before, after]) => {
    expect(diff({ token, before, after })).toEqual({
      changed: true,
      deleteBeforeReplace: true,
      detailedDiff: { [path]: "update-replace" },
    });
  });

  it("are the name and the namespace, and then the old one may stay until the new one is there", () => {
    const after = { metadata: { name: "b", namespace: "default" } };
    expect(diff({ before: {}, after })).toEqual({
      changed: true,
      deleteBeforeReplace: false,
      detailedDiff: { "metadata.name": "update-replace" },
    });
    const elsewhere = { metadata: { name: "a", namespace: UNKNOWN } };
    expect(diff({ before: {}, after: elsewhere }).detailedDiff).toEqual({
      "metadata.namespace": "update-replace",
    });
  });

  it("do not delete first where the name is made anew", () => {
    const metadata = { name: "a-1", annotations: { "pulumi.com/autonamed": "true" } };
    const result = diff({
      token: "core/v1:ConfigMap",
      before: { metadata, data: { a: "1" } },
      after: { metadata, data: { a: "2" } },
    });
    expect(result.deleteBeforeReplace).toBe(false);
    expect(result.detailedDiff).toEqual({ "data.a": "update-replace" });
  });

  it("are those of data only while the data is not declared mutable, or is sealed", () => {
    const token = "core/v1:ConfigMap";
    const before = { data: { a: "1" } };
    const after = { data: { a: "2" } };
    expect(diff({ token, before, after, mutable: true }).detailedDiff).toEqual({
      "data.a": "update",
    });
    const sealed = { before: { ...before, immutable: true }, after: { ...after, immutable: true } };
    expect(diff({ token, ...sealed, mutable: true }).detailedDiff).toEqual({
      "data.a": "update-replace",
    });
  });

  it("are a field whose whole surroundings come or go", () => {
    const result = diff({
      token: "apps/v1:Deployment",
      before: {},
      after: { spec: { selector: {} } },
    });
    expect(result.detailedDiff).toEqual({ spec: "add-replace" });
  });
});
