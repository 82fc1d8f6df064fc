/** Which namespaces hold functions. */
import { describe, expect, test } from "@jest/globals";
import { Check } from "typebox/value";
import {
  FunctionNamespace,
  isFunctionNamespace,
  isMarked,
  toFunctionPolicies,
} from "../../contract/index.ts";

const places = { functionNamespace: "openfaas-fn", platformNamespace: "openfaas" };
const MARK = { openfaas: "1" };
const deletionTimestamp = "2026-01-02T03:04:05Z";

describe("isFunctionNamespace", () => {
  test.each([
    [true, { name: "dev", annotations: MARK }],
    [true, { name: "dev", labels: MARK }],
    [true, { name: "openfaas-fn" }],
    [true, { name: "openfaas-fn", deletionTimestamp }],
    [false, { name: "dev" }],
    [false, { name: "dev", annotations: { openfaas: "true" }, labels: { openfaas: "0" } }],
    [false, { name: "dev", annotations: MARK, deletionTimestamp }],
    [false, { name: "openfaas", annotations: MARK }],
    [false, { name: "kube-system", annotations: MARK }],
    [false, { name: "kube-public", labels: MARK }],
    [true, { name: "kubeless", labels: MARK }],
  ])("is %s for %j", (expected, metadata) => {
    expect(isFunctionNamespace(metadata, places)).toBe(expected);
  });
});

test("isMarked takes the mark in either place, and no other value", () => {
  expect(isMarked({ labels: MARK })).toBe(true);
  expect(isMarked({ annotations: MARK })).toBe(true);
  expect(isMarked({ labels: { openfaas: "yes" } })).toBe(false);
  expect(isMarked({})).toBe(false);
});

describe("FunctionNamespace", () => {
  test.each(["a", "a-b", "0", "a".repeat(63)])("takes the name %s", (name) => {
    expect(Check(FunctionNamespace, { name })).toBe(true);
  });

  test.each(["", "A", "a.b", "-a", "a-", "a b", "../x", "a".repeat(64)])("refuses %j", (name) => {
    expect(Check(FunctionNamespace, { name })).toBe(false);
  });
});

test("functions are open to the gateway's and Prometheus' pods in the platform's namespace", () => {
  const [deny, { spec } = { spec: undefined }] = toFunctionPolicies({
    platformNamespace: "openfaas",
    denied: ["192.0.2.1/32"],
  });
  expect(deny?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress"] });
  expect(spec?.policyTypes).toEqual(["Ingress"]);
  const opened = spec?.ingress?.map(({ ports, from }) => [
    ports[0]?.port,
    from[0]?.namespaceSelector.matchLabels,
    from[0]?.podSelector?.matchLabels["app.kubernetes.io/name"],
  ]);
  const platform = { "kubernetes.io/metadata.name": "openfaas" };
  expect(opened).toEqual([
    [8080, platform, "gateway"],
    [8081, platform, "prometheus"],
  ]);
});

test("functions are watched by every pod of the namespace that a Prometheus is in", () => {
  const policies = toFunctionPolicies({
    platformNamespace: "openfaas",
    metricsNamespace: "monitoring",
    denied: [],
  });
  expect(policies[1]?.spec.ingress?.[1]).toEqual({
    ports: [{ port: 8081, protocol: "TCP" }],
    from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
  });
});

test("functions reach everything but metadata services and the networks that are denied", () => {
  const policies = toFunctionPolicies({
    platformNamespace: "openfaas",
    denied: ["192.0.2.1/32", "2001:db8::1/128"],
  });
  expect(policies.map(({ name }) => name)).toEqual([
    "default-deny",
    "allow-platform",
    "allow-egress",
  ]);
  // A policy of its own: see toFunctionPolicies.
  expect(policies[2]?.spec.policyTypes).toEqual(["Egress"]);
  expect(policies[2]?.spec.egress).toEqual([
    {
      to: [
        { ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.0.0/16", "192.0.2.1/32"] } },
        { ipBlock: { cidr: "::/0", except: ["fd00:ec2::254/128", "2001:db8::1/128"] } },
      ],
    },
  ]);
});
