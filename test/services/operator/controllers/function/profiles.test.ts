/** Profiles of functions: which a Function has, and what becomes of its pods. */
import { describe, expect, it } from "@jest/globals";
import type { FunctionSpec, ProfileSpec } from "../../../../../contract/index.ts";
import { readConfig } from "../../../../../services/operator/config.ts";
import { toDeployment } from "../../../../../services/operator/controllers/function/manifests.ts";
import { findProfiles } from "../../../../../services/operator/controllers/function/profiles.ts";
import { makeDeployment, makeFunction } from "./functions.ts";

const { timeouts } = readConfig({});
const named = (names: string): Partial<FunctionSpec> => ({
  annotations: { "com.openfaas.profile": names },
});

/** A Deployment that was made by these profiles. */
function appliedWith(profiles: readonly (readonly [string, ProfileSpec])[]) {
  const parts = { own: [], common: [], profiles };
  const { metadata = {} } = toDeployment(makeFunction(), timeouts, parts);
  const deployment = makeDeployment(1);
  const { annotations = {} } = metadata;
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}

const known = (specs: Record<string, ProfileSpec>) => ({
  namespace: "openfaas",
  get: (name: string) =>
    specs[name] === undefined ? undefined : { metadata: { name }, spec: specs[name] },
});

const MESSAGE =
  'spec.annotations["com.openfaas.profile"]: expected a Profile b in namespace openfaas, got none';

describe("the profiles of a Function", () => {
  it("are none, or those that it names, in its order", () => {
    expect(findProfiles(makeFunction(), undefined, known({}))).toEqual({ profiles: [] });
    const specs = { "1": { runtimeClassName: "x" }, a: {} };
    expect(findProfiles(makeFunction(named("a, 1")), undefined, known(specs))).toEqual({
      profiles: [
        ["a", {}],
        ["1", { runtimeClassName: "x" }],
      ],
    });
  });

  it("are missing where there never was one of a name", () => {
    const missing = { missing: { reason: "ProfileNotFound", message: MESSAGE } };
    const resource = makeFunction(named("a,b"));
    expect(findProfiles(resource, undefined, known({ a: {} }))).toEqual(missing);
    const others = appliedWith([["a", {}]]);
    expect(findProfiles(resource, others, known({ a: {} }))).toEqual(missing);
    for (const text of ["{", "{}", "[1]", '[["b", null]]', '[["b"]]']) {
      const broken = makeDeployment(1);
      broken.metadata.annotations = { "plonk/applied-profiles": text };
      expect(findProfiles(resource, broken, known({ a: {} }))).toEqual(missing);
    }
  });

  it("stay as they were when they go", () => {
    const before = { runtimeClassName: "x" };
    const deployment = appliedWith([["b", before]]);
    expect(findProfiles(makeFunction(named("a,b")), deployment, known({ a: {} }))).toEqual({
      profiles: [
        ["a", {}],
        ["b", before],
      ],
      stale: {
        reason: "ProfileNotFound",
        message: `${MESSAGE}; its pods are as they were with it`,
      },
    });
  });
});

describe("pods with a profile", () => {
  const podOf = (profile: ProfileSpec, spec: Partial<FunctionSpec> = {}) => {
    const parts = { own: [], common: [], profiles: [["p", profile]] as const };
    return toDeployment(makeFunction(spec), timeouts, parts).spec.template.spec;
  };
  const containerOf = (...args: Parameters<typeof podOf>) => podOf(...args)?.containers[0];

  it("have what Kubernetes alone has", () => {
    const profile: ProfileSpec = {
      tolerations: [{ key: "gpu", operator: "Exists" }],
      affinity: { nodeAffinity: {} },
      runtimeClassName: "gvisor",
      priorityClassName: "high",
      dnsPolicy: "None",
      dnsConfig: { nameservers: ["192.0.2.1"] },
    };
    expect(podOf(profile)).toMatchObject(profile);
  });

  it("are spread as it says, each counted among the function's own", () => {
    const zone = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" };
    const other = { ...zone, topologyKey: "rack", labelSelector: { matchLabels: { team: "a" } } };
    const labelSelector = { matchLabels: { faas_function: "resize" } };
    expect(podOf({ topologySpreadConstraints: [zone, other] })?.topologySpreadConstraints).toEqual([
      { ...zone, labelSelector },
      other,
    ]);
    expect(podOf({})?.topologySpreadConstraints).toEqual([
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        matchLabelKeys: ["pod-template-hash"],
        labelSelector,
      },
    ]);
  });

  it("are kept from, or brought to, the function's own where a term has no selector", () => {
    const term = { topologyKey: "zone" };
    const own = { ...term, labelSelector: { matchLabels: { faas_function: "resize" } } };
    const other = { ...term, labelSelector: { matchLabels: { team: "a" } } };
    const toAffinity = (first: object, second: object) => ({
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [first, second] },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: first },
          { weight: 2, podAffinityTerm: second },
        ],
      },
    });
    const affinity = toAffinity(term, other) as NonNullable<ProfileSpec["affinity"]>;
    expect(podOf({ affinity })?.affinity).toEqual(toAffinity(own, other));
  });

  it.each<NonNullable<ProfileSpec["containerSecurityContext"]>>([
    { privileged: true },
    { capabilities: { add: ["CAP_SYS_ADMIN"] } },
  ])("may escalate where Kubernetes demands it: %j", (containerSecurityContext) => {
    const { securityContext } = containerOf({ containerSecurityContext }) ?? {};
    expect(securityContext?.allowPrivilegeEscalation).toBe(true);
  });

  it("meet the restricted standard in all that it does not name", () => {
    expect(podOf({ podSecurityContext: { runAsUser: 7, runAsGroup: 8 } })?.securityContext).toEqual(
      {
        runAsNonRoot: true,
        runAsUser: 7,
        runAsGroup: 8,
        fsGroup: 65532,
        seccompProfile: { type: "RuntimeDefault" },
      },
    );
    expect(
      podOf({ podSecurityContext: { runAsUser: 0, runAsGroup: 0 } })?.securityContext,
    ).toMatchObject({ runAsUser: 0, runAsGroup: 0 });
    const own = { annotations: { "plonk/user": "1000" } };
    const other = { containerSecurityContext: { runAsUser: 9, runAsGroup: 0 } };
    expect(containerOf(other, own)?.securityContext).not.toHaveProperty("runAsUser");
    expect(containerOf(other)?.securityContext).toMatchObject({ runAsUser: 9, runAsGroup: 0 });
    const context = { capabilities: { add: ["NET_BIND_SERVICE"] }, runAsUser: 9 };
    expect(containerOf({ containerSecurityContext: context })?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
      readOnlyRootFilesystem: false,
      runAsUser: 9,
    });
  });

  it.each([
    ["image", { fsGroup: 2 }],
    ["1000", { runAsUser: 1000, runAsGroup: 8, fsGroup: 2 }],
  ])("run as the user %s that the function names", (user, expected) => {
    const profile = { podSecurityContext: { runAsUser: 7, runAsGroup: 8, fsGroup: 2 } };
    const { securityContext } = podOf(profile, { annotations: { "plonk/user": user } }) ?? {};
    expect(securityContext).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
      ...expected,
    });
  });

  it("have a read-only root as the function says, then the profile", () => {
    const profile = { containerSecurityContext: { readOnlyRootFilesystem: true } };
    expect(podOf(profile)?.volumes).toEqual([{ name: "tmp", emptyDir: {} }]);
    const spec = { readOnlyRootFilesystem: false };
    expect(containerOf(profile, spec)?.securityContext?.readOnlyRootFilesystem).toBe(false);
  });

  it("take resources of it that the function says nothing of", () => {
    const resources = {
      limits: { memory: "1Gi", "nvidia.com/gpu": "1" },
      requests: { cpu: "1", memory: "1Gi" },
    };
    expect(containerOf({ resources })?.resources).toEqual(resources);
    expect(containerOf({ resources }, { requests: { memory: "32Mi" } })?.resources).toEqual({
      limits: { "nvidia.com/gpu": "1" },
      requests: { cpu: "1", memory: "32Mi" },
    });
  });

  it("may all go before new ones come", () => {
    const strategyOf = (profile: ProfileSpec) =>
      toDeployment(makeFunction(), timeouts, { own: [], common: [], profiles: [["p", profile]] })
        .spec.strategy;
    expect(strategyOf({ strategy: { type: "Recreate" } })).toEqual({ type: "Recreate" });
    const rolling = strategyOf({});
    expect(strategyOf({ strategy: { type: "RollingUpdate" } })).toEqual(rolling);
    expect(rolling).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" },
    });
  });
});
