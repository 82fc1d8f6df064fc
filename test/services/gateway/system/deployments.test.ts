/** Functions as the REST API writes and shows them. */
import { describe, expect, test } from "@jest/globals";
import type { FunctionDeployment, FunctionResource } from "../../../../contract/index.ts";
import {
  foreignOwner,
  isOverrideAllowed,
  toApplied,
  toDescription,
} from "../../../../services/gateway/system/deployments.ts";

type Unset = "namespace" | "code" | "network" | "registryAuth";

const FULL: Required<Omit<FunctionDeployment, Unset>> = {
  service: "env",
  image: "functions/alpine:latest",
  envProcess: "env",
  envVars: { A: " 1 \u00fc" },
  constraints: ["a=b"],
  secrets: ["s"],
  labels: { "com.openfaas.scale.max": "3" },
  annotations: { topic: "x" },
  scale: { signals: [{ type: "inflight", target: 5 }], down: { windowSeconds: 30 } },
  limits: { memory: "128Mi" },
  requests: { cpu: "10m" },
  readOnlyRootFilesystem: false,
};

function stored(applied: unknown, status?: FunctionResource["status"]): FunctionResource {
  const resource = applied as FunctionResource;
  const metadata = { ...resource.metadata, creationTimestamp: "2026-11-21T09:18:58Z" };
  return { ...resource, metadata, ...(status && { status }) };
}

describe("toApplied and toDescription", () => {
  test("echo every field that was sent as it was sent", () => {
    const { service, ...rest } = FULL;
    expect(toDescription(stored(toApplied(FULL, "ns", { image: FULL.image })), undefined)).toEqual({
      name: service,
      namespace: "ns",
      ...rest,
      replicas: 1,
      createdAt: "2026-11-21T09:18:58Z",
    });
  });

  test("echo an empty scale, which says that its load scales the function", () => {
    const applied = toApplied({ service: "e", scale: {} }, "ns", { image: "i" });
    expect(applied.spec.scale).toEqual({});
    expect(toDescription(stored(applied), undefined)).toMatchObject({ scale: {} });
  });

  test("do not echo what was not sent", () => {
    const applied = toApplied({ service: "env" }, "ns", { image: "i" });
    expect(applied).toEqual({
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: { name: "env", namespace: "ns" },
      spec: { name: "env", image: "i" },
    });
    expect(Object.keys(toDescription(stored(applied), undefined))).toEqual([
      "name",
      "image",
      "namespace",
      "replicas",
      "createdAt",
    ]);
  });

  test("echo empty maps, which faas-cli always sends", () => {
    const applied = toApplied({ service: "e", labels: {}, annotations: {} }, "ns", { image: "i" });
    expect(toDescription(stored(applied), undefined)).toMatchObject({
      labels: {},
      annotations: {},
    });
  });

  test("leave zero replicas, zero available ones and zero calls out", () => {
    const resource = stored(toApplied({ service: "e" }, "ns", { image: "i" }), {
      availableReplicas: 0,
    });
    resource.spec.replicas = 0;
    const description = toDescription(resource, 0);
    expect(description).not.toHaveProperty("replicas");
    expect(description).not.toHaveProperty("availableReplicas");
    expect(description).not.toHaveProperty("invocationCount");
  });

  test("show available replicas and calls", () => {
    const resource = stored(toApplied({ service: "e" }, "ns", { image: "i" }), {
      replicas: 4,
      availableReplicas: 3,
    });
    expect(toDescription(resource, 12)).toMatchObject({
      replicas: 4,
      availableReplicas: 3,
      invocationCount: 12,
    });
  });
});

describe("foreignOwner", () => {
  const pulumi = { managedFields: [{ manager: "kubectl" }, { manager: "pulumi-kubernetes-4f2a" }] };

  test("names Pulumi's field manager, or the label", () => {
    expect(foreignOwner({ metadata: pulumi })).toBe(
      "Pulumi (field manager pulumi-kubernetes-4f2a)",
    );
    const labels = { "app.kubernetes.io/managed-by": "pulumi" };
    expect(foreignOwner({ metadata: { labels } })).toBe("Pulumi (label managed-by)");
  });

  test("is nobody for other managers", () => {
    const managedFields = [{ manager: "plonk-gateway" }, {}];
    expect(foreignOwner({ metadata: { managedFields } })).toBeUndefined();
  });

  test("is nobody where the annotation allows the override", () => {
    const annotations = { "plonk/allow-override": "true" };
    expect(foreignOwner({ metadata: { ...pulumi, annotations } })).toBeUndefined();
    const denied = { "plonk/allow-override": "false" };
    expect(foreignOwner({ metadata: { ...pulumi, annotations: denied } })).toBeDefined();
    expect(isOverrideAllowed({ metadata: {} })).toBe(false);
  });
});
