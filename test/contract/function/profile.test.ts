import { describe, expect, it } from "@jest/globals";
import {
  findProfileMistakes,
  findUnknownProfile,
  mergeProfiles,
  type ProfileSpec,
  readProfileNames,
  toText,
} from "../../../contract/index.ts";

const named = (text: string): Record<string, string> => ({ "com.openfaas.profile": text });

describe("the names of a function's profiles", () => {
  it.each([
    [undefined, []],
    [{}, []],
    [named("gpu"), ["gpu"]],
    [named("gpu, gvisor,gpu"), ["gpu", "gvisor"]],
  ])("of %j are %j", (annotations, expected) => {
    expect(readProfileNames(annotations)).toEqual(expected);
  });

  it("have to be known", () => {
    expect(findUnknownProfile(named("a,b"), ["a", "b", "c"])).toBeUndefined();
    expect(findUnknownProfile(undefined, [])).toBeUndefined();
    const found = [findUnknownProfile(named("a,x,y"), ["a"]), findUnknownProfile(named("x"), [])];
    expect(found.map((it) => it && toText(it))).toEqual([
      'annotations["com.openfaas.profile"]: expected profiles of the platform (a), got "x", "y"',
      'annotations["com.openfaas.profile"]: expected profiles of the platform (there are none), got "x"',
    ]);
  });
});

describe("constraints of a profile", () => {
  it("are refused where the API server takes two for one", () => {
    const zone = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" } as const;
    const soft = { ...zone, whenUnsatisfiable: "ScheduleAnyway" } as const;
    const find = (
      topologySpreadConstraints: NonNullable<ProfileSpec["topologySpreadConstraints"]>,
    ) => findProfileMistakes({ topologySpreadConstraints }).map(toText);
    expect(find([zone, soft, { ...zone, topologyKey: "rack" }])).toEqual([]);
    expect(find([zone, soft, { ...zone, maxSkew: 2 }])).toEqual([
      "topologySpreadConstraints[2]: expected another topologyKey or whenUnsatisfiable than those before it, " +
        'got "zone DoNotSchedule"',
    ]);
  });
});

describe("a profile", () => {
  const everything: ProfileSpec = {
    tolerations: [{ key: "gpu", operator: "Exists", effect: "NoSchedule" }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] },
          ],
        },
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            preference: { matchFields: [{ key: "metadata.name", operator: "Exists" }] },
          },
        ],
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: { app: "" } },
            namespaceSelector: {},
          },
        ],
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", minDomains: 2 },
    ],
    runtimeClassName: "gvisor",
    priorityClassName: "high",
    dnsPolicy: "None",
    dnsConfig: {
      nameservers: ["192.0.2.1"],
      searches: ["a.example"],
      options: [{ name: "ndots" }],
    },
    podSecurityContext: {
      runAsUser: 0,
      supplementalGroups: [1],
      sysctls: [{ name: "a", value: "" }],
    },
    containerSecurityContext: { capabilities: { add: ["NET_BIND_SERVICE"] }, privileged: false },
    resources: { limits: { "nvidia.com/gpu": "1" } },
    strategy: { type: "Recreate" },
  };

  it("may have all that Kubernetes has of these fields, and nothing at all", () => {
    expect([findProfileMistakes(everything), findProfileMistakes({})]).toEqual([[], []]);
  });

  it.each<[object, string]>([
    [{ toleration: [] }, "toleration: expected none, as there are only tolerations, affinity,"],
    [{ tolerations: [{ effect: "Never" }] }, "tolerations[0].effect: expected NoSchedule or"],
    [
      { tolerations: [{ keys: "a" }] },
      "tolerations[0].keys: expected none, as there are only key, operator,",
    ],
    [{ runtimeClassName: "A" }, "runtimeClassName: expected 1 to 253 lower-case"],
    [{ dnsPolicy: "Host" }, "dnsPolicy: expected ClusterFirst or"],
    [{ podSecurityContext: { runAsUser: -1 } }, "podSecurityContext.runAsUser: expected a whole"],
    [{ resources: { limits: { cpu: "many" } } }, "resources.limits.cpu: expected a quantity"],
    [{ strategy: { type: "Blue" } }, "strategy.type: expected RollingUpdate or Recreate"],
    [
      { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } },
      "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: expected",
    ],
  ])("is refused with %j", (spec, expected) => {
    const texts = findProfileMistakes(spec as ProfileSpec).map(toText);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(new RegExp(`^${expected.replaceAll(/[[\].]/g, "\\$&")}`));
  });

  it("is added to others, of which the last one wins", () => {
    const merged = mergeProfiles([
      {
        tolerations: [{ key: "a" }],
        runtimeClassName: "one",
        podSecurityContext: { runAsUser: 1, fsGroup: 1 },
        affinity: { nodeAffinity: {} },
      },
      { priorityClassName: "high" },
      {
        tolerations: [{ key: "b" }],
        runtimeClassName: "two",
        podSecurityContext: { runAsUser: 2 },
        affinity: { podAffinity: {} },
      },
    ]);
    expect(merged).toEqual({
      tolerations: [{ key: "a" }, { key: "b" }],
      runtimeClassName: "two",
      priorityClassName: "high",
      podSecurityContext: { runAsUser: 2, fsGroup: 1 },
      affinity: { nodeAffinity: {}, podAffinity: {} },
    });
    expect(mergeProfiles([])).toEqual({});
    const gpu = { limits: { "example.com/gpu": "1", memory: "1Gi" }, requests: { memory: "1Gi" } };
    expect(
      mergeProfiles([{ resources: gpu }, { resources: { limits: { memory: "2Gi" } } }]),
    ).toEqual({
      resources: { limits: { "example.com/gpu": "1", memory: "2Gi" }, requests: {} },
    });
  });
});
