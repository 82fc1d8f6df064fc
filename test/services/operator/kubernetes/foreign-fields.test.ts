import { describe, expect, it } from "@jest/globals";
import {
  copyFields,
  DEPLOYMENT_SHARED,
  findForeignFields,
} from "../../../../services/operator/kubernetes/foreign-fields.ts";
import type { Fields, ManagedFields } from "../../../../services/operator/kubernetes/types.ts";

const OWN = "plonk-operator";

/** What a manager owns of a pod's spec, in a Deployment. */
const inPod = (fields: Fields): Fields => ({ "f:template": { "f:spec": fields } });

const entry = (manager: string, spec: Fields, rest: Partial<ManagedFields> = {}): ManagedFields => {
  return { manager, operation: "Update", fieldsV1: { "f:spec": spec }, ...rest };
};
const own = entry(
  OWN,
  {
    "f:replicas": {},
    ...inPod({ "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:image": {} } } }),
  },
  { operation: "Apply" },
);
const find = (...others: ManagedFields[]) => findForeignFields([own, ...others], DEPLOYMENT_SHARED);

describe("findForeignFields", () => {
  it.each<[string, Fields, string[]]>([
    ["a field", { "f:paused": {} }, ["spec.paused"]],
    [
      "an item by its key",
      inPod({ "f:containers": { 'k:{"name":"b"}': { ".": {}, "f:image": {} } } }),
      ["spec.template.spec.containers[b]"],
    ],
    [
      "a field of an item",
      inPod({ "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:tty": {}, "f:name": {} } } }),
      ["spec.template.spec.containers[a].tty"],
    ],
    [
      "lists that are others' whole",
      { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {} } }, "f:x": { 'v:"y"': {} } },
      ["spec.ports", "spec.x"],
    ],
    [
      "a name that is no word",
      { "f:template": { "f:metadata": { "f:annotations": { ".": {}, "f:a.b/c": {} } } } },
      ["spec.template.metadata.annotations[a.b/c]"],
    ],
    ["what both own", { ...inPod({ "f:containers": { 'k:{"name":"a"}': { ".": {} } } }) }, []],
    ["replicas", { "f:replicas": {} }, []],
    [
      "the restart of `kubectl rollout restart`, though nobody else owns its map",
      {
        "f:template": {
          "f:metadata": { "f:annotations": { "f:kubectl.kubernetes.io/restartedAt": {} } },
        },
      },
      [],
    ],
  ])("of others finds %s", (_what, spec, expected) => {
    expect(find(entry("x", spec))).toStrictEqual(expected.map((field) => `${field} (x)`));
  });

  it("names indexes and values, which no key tells", () => {
    const known = entry(OWN, { "f:list": { "i:0": {} } }, { operation: "Apply" });
    const others = entry("x", { "f:list": { "i:1": {}, 'v:"y"': {}, 'k:{"a":1,"b":"c"}': {} } });
    expect(findForeignFields([known, others])).toStrictEqual([
      "spec.list[1] (x)",
      'spec.list["y"] (x)',
      "spec.list[1,c] (x)",
    ]);
  });

  it("tells who owns each, also the operator itself where it did not apply", () => {
    const paused = { "f:paused": {} };
    const unnamed: ManagedFields = { fieldsV1: { "f:spec": { "f:minReadySeconds": {} } } };
    expect(find(entry("x", paused), entry("y", paused), entry(OWN, paused), unnamed)).toStrictEqual(
      [
        "spec.paused (x)",
        "spec.paused (y)",
        `spec.paused (${OWN})`,
        "spec.minReadySeconds (unknown)",
      ],
    );
  });

  it("takes no notice of status, scale, metadata and entries without fields", () => {
    const status = entry("kube-controller-manager", { "f:paused": {} }, { subresource: "status" });
    const scale = entry("kubectl", { "f:replicas": {} }, { subresource: "scale" });
    const metadata = { manager: "x", fieldsV1: { "f:metadata": { "f:labels": {} } } };
    expect(find(status, scale, metadata, { manager: "test" })).toStrictEqual([]);
    expect(findForeignFields()).toStrictEqual([]);
    expect(findForeignFields([status])).toStrictEqual([]);
  });
});

describe("copyFields", () => {
  it("copies those that are there, and changes neither object", () => {
    const from = { spec: { a: { b: 1 }, c: 2 } };
    const to = { spec: { d: 3 } };
    const paths = [
      ["spec", "a", "b"],
      ["spec", "x"],
      ["y", "z"],
    ];
    expect(copyFields(from, to, paths)).toStrictEqual({ spec: { d: 3, a: { b: 1 } } });
    expect([from, to]).toStrictEqual([{ spec: { a: { b: 1 }, c: 2 } }, { spec: { d: 3 } }]);
  });
});
