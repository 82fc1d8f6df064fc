/** What is saved of an object, what a preview says of it, and what stays hidden. */
import { describe, expect, it } from "@jest/globals";
import type { Gvk } from "../../../../toolchain/plugins/kubernetes/kinds.ts";
import { redact } from "../../../../toolchain/plugins/kubernetes/secrets.ts";
import {
  toFieldManager,
  toManifest,
  toOutputs,
  toPreview,
  toUpdatePreview,
} from "../../../../toolchain/plugins/kubernetes/state.ts";
import { hasUnknown, Secret, UNKNOWN, type Bag } from "../../../../toolchain/plugins/lib/values.ts";

const SECRET: Gvk = { group: "", version: "v1", kind: "Secret" };
const OTHER: Gvk = { group: "apps", version: "v1", kind: "Deployment" };

describe("toOutputs", () => {
  const details = { gvk: OTHER, fieldManager: "m" };

  it("has the live object, the inputs and the field manager, and no managed fields", () => {
    const inputs = { apiVersion: "apps/v1", spec: { a: 1 } };
    const live = { spec: { a: 1, b: 2 }, metadata: { name: "n", managedFields: [{}] } };
    expect(toOutputs(live, inputs, details)).toEqual({
      spec: { a: 1, b: 2 },
      metadata: { name: "n" },
      __inputs: inputs,
      __initialApiVersion: "apps/v1",
      __fieldManager: "m",
    });
  });

  it("marks what is secret in the inputs", () => {
    const inputs = { a: new Secret("x"), list: [{ v: new Secret("y") }, { v: "z" }], gone: "w" };
    const live = { metadata: {}, a: "x", list: [{ v: "y" }, { v: "z" }] };
    expect(toOutputs(live, inputs, details)).toMatchObject({
      a: new Secret("x"),
      list: [{ v: new Secret("y") }, { v: "z" }],
    });
    const longer = { ...live, list: [{ v: "new" }, ...live.list] };
    expect(toOutputs(longer, inputs, details)["list"]).toEqual(new Secret(longer.list));
  });

  it("marks all data of a Secret", () => {
    const outputs = toOutputs(
      { metadata: {}, data: { a: "eA==" } },
      {},
      { ...details, gvk: SECRET },
    );
    expect(outputs["data"]).toEqual(new Secret({ a: "eA==" }));
  });
});

describe("toFieldManager", () => {
  it("stays with a resource: annotation, then state, then its URN", () => {
    const annotated = { metadata: { annotations: { "pulumi.com/patchFieldManager": "mine" } } };
    const state = { __fieldManager: "pulumi-kubernetes-12345678" };
    expect(toFieldManager("urn:a", annotated, state)).toBe("mine");
    expect(toFieldManager("urn:a", {}, state)).toBe("pulumi-kubernetes-12345678");
    expect(toFieldManager("urn:a", {}, {})).toMatch(/^pulumi-kubernetes-[0-9a-f]{8}$/);
    expect(toFieldManager("urn:a", {}, {})).toBe(toFieldManager("urn:a", {}, {}));
    expect(toFieldManager("urn:a", {}, {})).not.toBe(toFieldManager("urn:b", {}, {}));
  });
});

describe("previews", () => {
  it("do not know what the server assigns to a new object", () => {
    const service = {
      kind: "Service",
      metadata: { name: "a", uid: "made up" },
      spec: { type: "ClusterIP", clusterIP: "10.43.0.9", ports: [{ port: 1 }] },
      __inputs: { spec: { clusterIP: "10.43.0.9" } },
    };
    expect(toPreview(service)).toMatchObject({
      metadata: { name: "a", uid: UNKNOWN, resourceVersion: UNKNOWN },
      spec: { type: "ClusterIP", clusterIP: "10.43.0.9", clusterIPs: UNKNOWN, ports: UNKNOWN },
      status: UNKNOWN,
    });
  });

  it("know all but the versions of an object that is updated", () => {
    const object = { metadata: { uid: "u", generation: 1 }, status: { ready: true } };
    expect(toUpdatePreview(object)).toEqual({
      metadata: { uid: "u", generation: UNKNOWN, resourceVersion: UNKNOWN },
      status: { ready: true },
    });
    expect(hasUnknown(object)).toBe(false);
  });
});

describe("toManifest", () => {
  it("has neither marks nor nulls", () => {
    const inputs: Bag = { a: new Secret({ b: null, c: [new Secret(1), null] }), d: null };
    expect(toManifest(inputs, OTHER)).toEqual({ a: { c: [1, null] } });
  });

  it("has text of a Secret among its data", () => {
    const inputs = { data: { a: "eA==", b: "old" }, stringData: new Secret({ b: "y" }) };
    expect(toManifest(inputs, SECRET)).toEqual({ data: { a: "eA==", b: "eQ==" } });
  });
});

describe("redact", () => {
  it("takes secrets out of messages, encoded or not", () => {
    const inputs = { a: [new Secret({ b: "hunter22" })], c: new Secret("aHVudGVyMg==") };
    expect(redact("bad: hunter22, aHVudGVyMg== or hunter2 of plain", inputs)).toBe(
      "bad: [secret], [secret] or [secret] of plain",
    );
  });
});
