/** What a program says of the platform's pods gets into their manifests, or is refused. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../components/errors.ts";
import { Operator, Platform, type PlatformArgs, type PodOptions } from "../../components/index.ts";
import {
  checkAnnotations,
  checkPullSecrets,
  checkTolerations,
  OWN_LABELS,
} from "../../components/kubernetes/pod-checks.ts";
import { toResources } from "../../components/kubernetes/resources.ts";
import { checkLabels } from "../../components/labels.ts";
import { settle } from "./cluster/mocks.ts";
import {
  fakeCluster,
  find,
  IMAGES,
  recordRegistrations,
  type Registration,
} from "./support/mocks.ts";
import { environmentOf, podOf, workloadsOf } from "./support/objects.ts";

const all = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

function declare(name: string, args: Partial<PlatformArgs>): Platform {
  return new Platform(name, {
    cluster: fakeCluster(),
    images: IMAGES,
    adminPassword: "pw",
    ...args,
  });
}

const TOLERATION = { key: "edge", operator: "Equal", value: "yes", effect: "NoSchedule" };

const SCHEDULING = {
  nodeSelector: { disk: "ssd" },
  tolerations: [TOLERATION],
  imagePullSecrets: [{ name: "login" }],
};

/** Each workload with options of its own, and where they go in the arguments. */
const PLACES: [string, (pod: PodOptions) => Partial<PlatformArgs>][] = [
  ["gateway", (pod) => ({ gateway: { pod } })],
  ["operator", (pod) => ({ operator: { pod } })],
  ["queue-worker", (worker) => ({ queue: { worker } })],
  ["nats", (nats) => ({ queue: { nats } })],
  ["prometheus", (prometheus) => ({ metrics: { prometheus } })],
  ["alertmanager", (alertmanager) => ({ metrics: { alertmanager } })],
];

interface Template {
  metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
}

function templateOf(registrations: Registration[], name: string): Template {
  const { inputs } = find(registrations, name);
  return (inputs as { spec: { template: Template } }).spec.template;
}

describe.each(PLACES)("the options of %s", (workload, toArgs) => {
  const name = `own-${workload}`;
  const plain = `plain-${workload}`;
  const object = `${name}-${workload}`;

  beforeAll(async () => {
    declare(plain, {});
    declare(
      name,
      toArgs({
        // As outputs, as other resources give them.
        resources: { limits: { memory: pulumi.output("320Mi") }, requests: { cpu: "0.3" } },
        nodeSelector: pulumi.output({ disk: "ssd" }),
        tolerations: [TOLERATION],
        imagePullSecrets: [{ name: pulumi.output("login") }],
        labels: { team: "a", "example.com/stage": "" },
        annotations: { "example.com/note": "any text" },
      }),
    );
    await settle();
  });

  it("are in its pods", () => {
    expect(podOf(all, object)).toMatchObject({
      ...SCHEDULING,
      containers: [
        {
          resources: {
            requests: { cpu: "0.3", memory: expect.stringMatching(/^\d+Mi$/) },
            limits: { cpu: "2", memory: "320Mi" },
          },
        },
      ],
    });
    const { labels, annotations } = templateOf(all, object).metadata;
    const usual = templateOf(all, `${plain}-${workload}`).metadata;
    expect(labels).toEqual({ ...usual.labels, team: "a", "example.com/stage": "" });
    expect(annotations).toMatchObject({ "example.com/note": "any text" });
    expect(Object.keys(annotations ?? {})).toEqual(
      expect.arrayContaining(Object.keys(usual.annotations ?? {})),
    );
  });

  it("change the heap with the limit of memory", () => {
    const { NODE_OPTIONS, GOMEMLIMIT } = environmentOf(all, object);
    const heap = workload === "nats" ? "160MiB" : "256MiB";
    expect(GOMEMLIMIT ?? heap).toBe(heap);
    expect(NODE_OPTIONS ?? "").toMatch(/^(--max-old-space-size=192 .*)?$/);
    expect(GOMEMLIMIT ?? NODE_OPTIONS).toBeDefined();
  });

  it("change nothing else, and no other pods", () => {
    const others = workloadsOf(all, name).filter(([other]) => other !== object);
    expect(others).toHaveLength(6);
    for (const [other, pod] of others) {
      expect(pod).toEqual(podOf(all, other.replace(name, plain)));
    }
    const { containers, ...pod } = podOf(all, object);
    const { containers: usual, ...rest } = podOf(all, `${plain}-${workload}`);
    expect(pod).toEqual({ ...rest, ...SCHEDULING });
    expect(containers).toEqual([
      { ...usual[0], env: expect.anything(), resources: expect.anything() },
    ]);
  });
});

describe("resources", () => {
  const resourcesOf = async (name: string, resources: object): Promise<unknown> => {
    declare(name, { gateway: { pod: { resources } } });
    await settle();
    const [container] = podOf(all, `${name}-gateway`).containers;
    return container?.["resources"];
  };

  it("that are left out stay as they are", async () => {
    expect(await resourcesOf("r1", { requests: { "ephemeral-storage": "1Gi" } })).toEqual({
      requests: { cpu: "50m", memory: "96Mi", "ephemeral-storage": "1Gi" },
      limits: { cpu: "2", memory: "256Mi" },
    });
  });

  it("asked for by the profile are no more than a smaller limit", async () => {
    expect(await resourcesOf("r2", { limits: { memory: "80Mi", cpu: "40m" } })).toEqual({
      requests: { cpu: "40m", memory: "80Mi" },
      limits: { cpu: "40m", memory: "80Mi" },
    });
  });
});

describe("the options for all pods", () => {
  beforeAll(async () => {
    declare("every", {
      pods: {
        nodeSelector: { zone: "a" },
        tolerations: [{ operator: "Exists" }],
        imagePullSecrets: [{ name: "login" }],
      },
      gateway: { pod: { nodeSelector: { zone: "b" }, tolerations: [] } },
    });
    await settle();
  });

  it("are those of each that says nothing else", () => {
    for (const workload of ["operator", "queue-worker", "nats", "prometheus", "alertmanager"]) {
      expect(podOf(all, `every-${workload}`)).toMatchObject({
        nodeSelector: { zone: "a" },
        tolerations: [{ operator: "Exists" }],
        imagePullSecrets: [{ name: "login" }],
      });
    }
    expect(podOf(all, "every-gateway")).toMatchObject({
      nodeSelector: { zone: "b" },
      tolerations: [],
      imagePullSecrets: [{ name: "login" }],
    });
  });

  it("tell the operator the logins, for functions", () => {
    expect(environmentOf(all, "every-operator")).toMatchObject({ image_pull_secrets: "login" });
  });

  it("leave node_exporter on every node, with its logins", () => {
    const pod = podOf(all, "every-node-exporter");
    expect(pod).not.toHaveProperty("nodeSelector");
    expect(pod).toMatchObject({
      tolerations: [{ operator: "Exists" }],
      imagePullSecrets: [{ name: "login" }],
    });
  });

  it("are those of a part alone, too", async () => {
    new Operator("alone", {
      cluster: fakeCluster(),
      namespace: "here",
      functionNamespace: "there",
      image: IMAGES.operator,
      pods: { nodeSelector: { zone: "a" } },
    });
    await settle();
    expect(podOf(all, "alone-operator")).toMatchObject({ nodeSelector: { zone: "a" } });
  });
});

it("several operators are spread, and protected from being drained at once", async () => {
  declare("ops", { operator: { replicas: 2 } });
  await settle();
  expect(find(all, "ops-operator").inputs["spec"]).toMatchObject({ replicas: 2 });
  expect(podOf(all, "ops-operator")).toHaveProperty("topologySpreadConstraints");
  expect(find(all, "ops-operator-budget").inputs["spec"]).toMatchObject({ maxUnavailable: 1 });
});

/** The checks by the names of the options. */
const refuse = {
  labels: (labels: Record<string, string>) => checkLabels("pod.labels", labels, OWN_LABELS),
  annotations: (texts: Record<string, string>) => checkAnnotations("pod.annotations", texts),
  nodeSelector: (labels: Record<string, string>) => checkLabels("pod.nodeSelector", labels),
  tolerations: (list: Parameters<typeof checkTolerations>[1]) =>
    checkTolerations("pod.tolerations", list),
  imagePullSecrets: (list: Parameters<typeof checkPullSecrets>[1]) =>
    checkPullSecrets("pod.imagePullSecrets", list),
  resources: (given: Parameters<typeof toResources>[1]) =>
    toResources("pod.resources", given, { requestMiB: 96, limitMiB: 256, cpuMillis: 50 }),
};

describe("what Kubernetes would refuse", () => {
  it.each<[string, () => unknown, string]>([
    [
      "a label of the platform's own",
      () => refuse.labels({ "app.kubernetes.io/name": "mine" }),
      'pod.labels["app.kubernetes.io/name"]: expected no other value than the platform\'s own, got "mine"',
    ],
    [
      "a label's value",
      () => refuse.labels({ team: "a b" }),
      'pod.labels.team: expected at most 63 letters, digits, hyphens, dots and underscores, with a letter or digit at both ends, got "a b"',
    ],
    [
      "a label's key",
      () => refuse.labels({ "a b": "c" }),
      'pod.labels: expected keys such as team or example.com/team, got "a b"',
    ],
    [
      "an annotation of the platform's own",
      () => refuse.annotations({ "plonk/config-sha256": "x" }),
      'pod.annotations["plonk/config-sha256"]: expected none of the platform\'s own, got "x"',
    ],
    [
      "an annotation's key",
      () => refuse.annotations({ "UPPER_.com/x": "c" }),
      'pod.annotations: expected keys such as team or example.com/team, got "UPPER_.com/x"',
    ],
    [
      "a node's label",
      () => refuse.nodeSelector({ disk: "-" }),
      'pod.nodeSelector.disk: expected at most 63 letters, digits, hyphens, dots and underscores, with a letter or digit at both ends, got "-"',
    ],
    [
      "an operator",
      () => refuse.tolerations([{ key: "a", operator: "In" }]),
      'pod.tolerations[0].operator: expected Exists or Equal, got "In"',
    ],
    [
      "no key",
      () => refuse.tolerations([{ operator: "Exists" }, { value: "x" }]),
      'pod.tolerations[1].operator: expected Exists, as there is no key, got "Equal"',
    ],
    [
      "a value with Exists",
      () => refuse.tolerations([{ key: "a", operator: "Exists", value: "x" }]),
      'pod.tolerations[0].value: expected none with the operator Exists, got "x"',
    ],
    [
      "an effect",
      () => refuse.tolerations([{ key: "a", effect: "NoRun" }]),
      'pod.tolerations[0].effect: expected one of NoSchedule, PreferNoSchedule, NoExecute, got "NoRun"',
    ],
    [
      "seconds without an end",
      () => refuse.tolerations([{ key: "a", effect: "NoSchedule", tolerationSeconds: 3 }]),
      "pod.tolerations[0].tolerationSeconds: expected none without the effect NoExecute, got 3",
    ],
    [
      "a Secret without a name",
      () => refuse.imagePullSecrets([{}]),
      'pod.imagePullSecrets[0].name: expected lower-case letters, digits, hyphens and dots, with a letter or digit at both ends, got ""',
    ],
    [
      "a quantity",
      () => refuse.resources({ limits: { memory: "128MB" } }),
      'pod.resources.limits.memory: expected a quantity such as 128Mi or 100m, got "128MB"',
    ],
    [
      "a forgotten unit",
      () => refuse.resources({ limits: { memory: "128" } }),
      'pod.resources.limits.memory: expected at least 16Mi, got "128"',
    ],
    [
      "a request beyond the limit",
      () => refuse.resources({ requests: { memory: "1Gi" } }),
      'pod.resources.requests.memory: expected at most the limit (256Mi), got "1Gi"',
    ],
    [
      "claims",
      () => refuse.resources({ claims: [{ name: "gpu" }] }),
      'pod.resources.claims: expected none, as the pods have none, got [{"name":"gpu"}]',
    ],
  ])("(%s) is refused", (_, check, message) => {
    expect(check).toThrow(new ArgumentError(message));
  });
});
