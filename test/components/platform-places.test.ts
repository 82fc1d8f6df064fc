/** Where a platform's objects and volumes are made, when a program says it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../components/errors.ts";
import { Platform } from "../../components/index.ts";
import { type Placement, refuseMove } from "../../components/platform/placement.ts";
import { settle } from "./cluster/mocks.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";
import { fakeCluster, find, IMAGES, recordRegistrations, valueOf } from "./support/mocks.ts";
import { environmentOf, objectsOf } from "./support/objects.ts";

const all = recordRegistrations();

let platform: Platform;

beforeAll(async () => {
  platform = new Platform("p", {
    cluster: fakeCluster({ networkPolicy: true }),
    images: IMAGES,
    adminPassword: "pw",
    namespace: pulumi.output("plonk"),
    functionNamespace: "jobs",
    queue: { storageClass: pulumi.output("fast") },
    metrics: { storageClass: "slow" },
  });
  await settle();
});

afterAll(() => pulumi.runtime.disconnect());

it("volumes have the class of their part", () => {
  for (const [name, storageClassName] of Object.entries({ nats: "fast", prometheus: "slow" })) {
    expect(find(all, `p-${name}-volume`).inputs["spec"]).toMatchObject({ storageClassName });
    expect(find(all, `p-${name}`).inputs["spec"]).toMatchObject({
      volumeClaimTemplates: [{ spec: { storageClassName } }],
    });
  }
});

it("volumes have the class of the cluster where their part has none, which may be an output", async () => {
  const cluster = fakeCluster({ storageClass: pulumi.output("ours") });
  new Platform("c", { cluster, images: IMAGES, adminPassword: "pw" });
  await settle();
  const volume = find(all, "c-nats-volume").inputs["spec"];
  expect(volume).toMatchObject({ storageClassName: "ours" });
});

it("the namespaces are made, marked and closed under their names", async () => {
  expect(find(all, "p-openfaas").inputs["metadata"]).toMatchObject({ name: "plonk" });
  expect(find(all, "p-openfaas-fn").inputs["metadata"]).toMatchObject({
    name: "jobs",
    annotations: { openfaas: "1" },
  });
  expect(await valueOf(platform.namespace)).toBe("plonk");
  expect(await valueOf(platform.functionNamespace)).toBe("jobs");
  expect(await valueOf(platform.prometheusUrl)).toBe("http://prometheus.plonk:9090");
});

it("all objects are in one of the two, and none names the usual ones", () => {
  const objects = objectsOf(all, "p").filter(({ type }) => type.startsWith("kubernetes:"));
  const places = objects.map(
    ({ inputs }) => (inputs["metadata"] as { namespace?: string }).namespace,
  );
  expect([...new Set(places)].sort()).toEqual(["jobs", "plonk", undefined]);
  const text = JSON.stringify(objects.filter(({ name }) => !name.startsWith("p-openfaas")))
    // Groups of Functions and of rules, labels, and the mark of namespaces for functions.
    .replaceAll(/openfaas\.com|com\.openfaas|- name: openfaas/g, "")
    .replaceAll(/\\+"openfaas\\+"( in|\])|marked openfaas/g, "");
  expect(text.match(/.{30}openfaas.{30}/g)).toBeNull();
});

it("the services are told", () => {
  expect(environmentOf(all, "p-gateway")).toMatchObject({
    function_namespace: "jobs",
    platform_namespace: "plonk",
    nats_url: "tls://nats.plonk:4222",
    faas_prometheus_host: "prometheus.plonk",
  });
  expect(environmentOf(all, "p-operator")).toMatchObject({
    function_namespace: "jobs",
    platform_namespace: "plonk",
  });
  expect(environmentOf(all, "p-queue-worker")).toMatchObject({
    faas_gateway_address: "gateway.plonk",
    nats_url: "tls://nats.plonk:4222",
  });
});

describe("the platform of a cluster", () => {
  const BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/plonk-gateway";
  const OPERATOR = "/apis/apps/v1/namespaces/plonk/deployments/operator";
  const subjects = [{ kind: "ServiceAccount", name: "gateway", namespace: "plonk" }];
  const env = [{ name: "port" }, { name: "function_namespace", value: "jobs" }];
  const operator = { spec: { template: { spec: { containers: [{ env }] } } } };
  let api: FakeApi | undefined;

  afterEach(() => api?.stop());

  async function ask(answers: Answers, wanted: Partial<Placement> = {}): Promise<void> {
    api = await startFakeApi(answers);
    const placement = { namespace: "plonk", functionNamespace: "jobs", ...wanted };
    await refuseMove(toKubeconfig(api.url, "here"), placement, false);
  }

  it.each<[string, Answers]>([
    ["there is none", {}],
    ["it may not be read", { [BINDING]: 403 }],
    ["it is not finished", { [BINDING]: { subjects } }],
    ["its operator may not be read", { [BINDING]: { subjects }, [OPERATOR]: 403 }],
    ["it is in the same place", { [BINDING]: { subjects }, [OPERATOR]: operator }],
  ])("is no obstacle when %s", async (_, answers) => {
    await expect(ask(answers)).resolves.toBeUndefined();
  });

  it.each<[Partial<Placement>, string]>([
    [
      { namespace: "other" },
      'namespace: expected that of the platform which is there ("plonk"), got "other"; destroy that one first',
    ],
    [
      { functionNamespace: "other" },
      'functionNamespace: expected that of the platform which is there ("jobs"), got "other"; destroy that one first',
    ],
  ])("does not move to %j", async (wanted, message) => {
    const answers = { [BINDING]: { subjects }, [OPERATOR]: operator };
    await expect(ask(answers, wanted)).rejects.toThrow(new ArgumentError(message));
  });

  const madeBy = (manager: string): Record<string, unknown> => ({
    metadata: { annotations: { "pulumi.com/patchFieldManager": manager } },
    subjects,
  });

  // Pulumi's mocks are project `plonk` and stack `test`.
  it.each(["pulumi-kubernetes/plonk/test", "kubectl"])(
    "is no obstacle as %s's",
    async (manager) => {
      await expect(ask({ [BINDING]: madeBy(manager) })).resolves.toBeUndefined();
    },
  );

  it("of another stack is left alone", async () => {
    await expect(ask({ [BINDING]: madeBy("pulumi-kubernetes/platform/prod") })).rejects.toThrow(
      new ArgumentError(
        "cluster: expected no platform of another stack, got that of platform/prod " +
          "(this one is plonk/test); destroy that one first",
      ),
    );
  });

  it("has to be known", async () => {
    await expect(ask({ [BINDING]: 500 })).rejects.toThrow(
      new ArgumentError("cluster: expected to learn the namespaces of the platform, got HTTP 500"),
    );
  });
});
