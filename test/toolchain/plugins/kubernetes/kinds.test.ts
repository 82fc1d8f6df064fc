/** Which kinds are covered, and how the others are refused. */
import { describe, expect, it } from "@jest/globals";
import {
  findRules,
  parseToken,
  toApiVersion,
} from "../../../../toolchain/plugins/kubernetes/kinds.ts";

describe("parseToken", () => {
  it.each([
    ["kubernetes:core/v1:ConfigMap", "v1", "ConfigMap", "configmaps"],
    ["kubernetes:apps/v1:Deployment", "apps/v1", "Deployment", "deployments"],
    [
      "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
      "rbac.authorization.k8s.io/v1",
      "ClusterRole",
      "clusterroles",
    ],
    ["kubernetes:openfaas.com/v1:Function", "openfaas.com/v1", "Function", undefined],
    [
      "kubernetes:gateway.networking.k8s.io/v1beta1:Gateway",
      "gateway.networking.k8s.io/v1beta1",
      "Gateway",
      undefined,
    ],
  ])("reads %s", (...[token, apiVersion, kind, plural]) => {
    const gvk = parseToken(token);
    expect([toApiVersion(gvk), gvk.kind, findRules(gvk)?.plural]).toEqual([
      apiVersion,
      kind,
      plural,
    ]);
  });

  it.each([
    "kubernetes:core/v1:Pod",
    "kubernetes:core/v1:ConfigMapPatch",
    "kubernetes:apps/v1beta1:Deployment",
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:yaml:ConfigFile",
    "kubernetes:yaml/v2:ConfigGroup:x",
  ])("refuses %s by name", (token) => {
    expect(() => parseToken(token)).toThrow(`, got ${token}; the vendor's own plugin`);
  });

  it("knows no rules for a kind that is called like a property of every object", () => {
    expect(() => parseToken("kubernetes:core/v1:toString")).toThrow("got kubernetes:core/v1");
  });
});
