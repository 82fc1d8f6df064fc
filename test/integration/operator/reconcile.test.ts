import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { V1PodTemplateSpec } from "@kubernetes/client-node";
import { createLogger } from "../../../services/lib/logger.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import type { Manager } from "../../../services/operator/kubernetes/manager.ts";
import { eventually, TestCluster } from "./cluster.ts";

const namespace = "openfaas-fn";

let cluster: TestCluster;
let operator: Manager | undefined;
const registry = new Registry();

beforeAll(async () => {
  cluster = await TestCluster.start();
  operator = createOperator({
    client: cluster.client,
    config: readConfig({ pod_name: "operator-1" }),
    logger: createLogger({ name: "operator", level: "silent" }),
    registry,
  });
  await operator.start();
});

afterAll(async () => {
  await operator?.stop();
  await (cluster as TestCluster | undefined)?.stop();
});

describe("a Function", () => {
  it("gets a Deployment, a Service and pods that the restricted standard lets in", async () => {
    await cluster.applyCode("plain-1", "plain");
    await cluster.applyFunction("plain", { code: { configMap: "plain-1" } });
    await cluster.runPods("plain", 1);
    const ready = await cluster.waitForReason("plain", "Available");
    expect([ready.status, ready.message]).toStrictEqual(["True", "1 of 1 replicas are ready"]);
    const resource = await cluster.readFunction("plain");
    expect(resource?.status).toMatchObject({
      observedGeneration: resource?.metadata.generation,
      replicas: 1,
      availableReplicas: 1,
      selector: "faas_function=plain",
    });
    const owner = { kind: "Function", name: "plain", uid: resource?.metadata.uid };
    const deployment = await cluster.readDeployment("plain");
    expect(deployment?.metadata.ownerReferences).toMatchObject([{ ...owner, controller: true }]);
    const service = await cluster.read({ plural: "services", namespace, name: "plain" });
    expect(service).toMatchObject({ metadata: { ownerReferences: [owner] } });
    const code = await cluster.read({ plural: "configmaps", namespace, name: "plain-1" });
    expect(code).toMatchObject({ metadata: { ownerReferences: [owner] } });
  });

  it("can be scaled from its first moment on, to zero and back", async () => {
    await cluster.applyFunction("scaled", { labels: { "com.openfaas.scale.min": "2" } });
    await cluster.runPods("scaled", 2);
    await cluster.waitForReason("scaled", "Available");
    const reference = { group: "openfaas.com", plural: "functions", namespace, name: "scaled" };
    expect(await cluster.read({ ...reference, subresource: "scale" })).toMatchObject({
      spec: { replicas: 2 },
      status: { replicas: 2, selector: "faas_function=scaled" },
    });
    await cluster.scale("scaled", 0);
    expect((await cluster.waitForReason("scaled", "ScaledToZero")).status).toBe("True");
    await eventually(async () => (await cluster.pods("scaled")).length === 0);
    await cluster.scale("scaled", 1);
    await cluster.runPods("scaled", 1);
    await cluster.waitForReason("scaled", "Available");
  });

  it("may have empty fields, which say nothing, and gets new pods when the REST API asks", async () => {
    const limits = { memory: "96Mi", cpu: "" };
    await cluster.applyFunction("sparse", { image: "example/x", handler: "", limits });
    await cluster.runPods("sparse", 1);
    await cluster.waitForReason("sparse", "Available");
    const read = async (): Promise<V1PodTemplateSpec | undefined> => {
      const deployment = { group: "apps", plural: "deployments", namespace, name: "sparse" };
      const found = await cluster.read<{ spec: { template: V1PodTemplateSpec } }>(deployment);
      return found?.spec.template;
    };
    const [container] = (await read())?.spec?.containers ?? [];
    expect(container?.imagePullPolicy).toBe("Always");
    expect(container?.env?.map(({ name }) => name)).not.toContain("fprocess");
    expect(container?.resources?.limits).toStrictEqual({ memory: "96Mi" });
    const annotations = { "plonk/restarted-at": "2026-01-02T03:04:05.000Z" };
    const path = "/apis/openfaas.com/v1/namespaces/openfaas-fn/functions/sparse";
    await cluster.client.mergePatch(path, { metadata: { annotations } }, "plonk-gateway");
    await eventually(async () => {
      const found = (await read())?.metadata?.annotations?.["plonk/restarted-at"];
      return found === annotations["plonk/restarted-at"];
    });
  });

  it("keeps its scale when it is declared anew", async () => {
    await cluster.applyFunction("kept");
    await cluster.runPods("kept", 1);
    await cluster.scale("kept", 3);
    await cluster.runPods("kept", 3);
    await cluster.waitForReason("kept", "Available");
    await cluster.applyFunction("kept", { image: "registry.example/x:2" });
    await cluster.waitForReason("kept", "FailedScheduling");
    expect((await cluster.readDeployment("kept"))?.spec?.replicas).toBe(3);
  });

  it("follows its limits at once when they change", async () => {
    const limits = (min: string, max: string) => ({
      labels: { "com.openfaas.scale.min": min, "com.openfaas.scale.max": max },
    });
    const replicas = async () => (await cluster.readDeployment("limited"))?.spec?.replicas;
    await cluster.applyFunction("limited");
    await eventually(async () => (await replicas()) === 1);
    await cluster.applyFunction("limited", limits("3", "5"));
    await eventually(async () => (await replicas()) === 3);
    await cluster.applyFunction("limited", limits("1", "2"));
    await eventually(async () => (await replicas()) === 2);
    expect((await cluster.readFunction("limited"))?.spec.replicas).toBe(2);
  });

  it("gets back what somebody changes or deletes", async () => {
    await cluster.applyFunction("drift");
    await eventually(() => cluster.readDeployment("drift"));
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/drift`;
    await cluster.client.mergePatch(path, { spec: { replicas: 4 } }, "somebody");
    await eventually(async () => (await cluster.readDeployment("drift"))?.spec?.replicas === 1);
    const service = { plural: "services", namespace, name: "drift" };
    await cluster.delete(service);
    await eventually(() => cluster.read(service));
    const { uid } = (await cluster.readDeployment("drift"))?.metadata ?? {};
    await cluster.delete({ group: "apps", plural: "deployments", namespace, name: "drift" });
    await eventually(async () => {
      const deployment = await cluster.readDeployment("drift");
      return deployment !== undefined && deployment.metadata.uid !== uid;
    });
  });

  it("is left alone when nothing happens", async () => {
    await cluster.applyFunction("quiet");
    await cluster.runPods("quiet", 1);
    await cluster.waitForReason("quiet", "Available");
    const versions = async () => [
      (await cluster.readFunction("quiet"))?.metadata.resourceVersion,
      (await cluster.readDeployment("quiet"))?.metadata.resourceVersion,
    ];
    await eventually(async () => {
      const before = await versions();
      await sleep(2000);
      return String(await versions()) === String(before);
    });
  });
});

describe("new code", () => {
  it("is rolled out before Ready is true again, and only the last revisions are kept", async () => {
    for (const revision of [1, 2, 3, 4, 5]) {
      await cluster.applyCode(`code-${revision}`, "code");
      await cluster.applyFunction("code", { code: { configMap: `code-${revision}` } });
      const isNew = await eventually(async () => {
        const pods = await cluster.pods("code");
        return pods.some(({ spec }) =>
          spec?.volumes?.some(({ configMap }) => configMap?.name === `code-${revision}`),
        );
      });
      expect(isNew).toBe(true);
      const before = await eventually(async () => {
        const resource = await cluster.readFunction("code");
        const [condition] = resource?.status?.conditions ?? [];
        return condition?.observedGeneration === resource?.metadata.generation && condition;
      });
      expect(before.status).toBe("False");
      await cluster.runPods("code", revision === 1 ? 1 : 2);
      await cluster.waitForReason("code", "Available");
      // Revisions have an order by the seconds of their creation.
      const created = Math.floor(Date.now() / 1000);
      await eventually(() => Promise.resolve(Math.floor(Date.now() / 1000) > created));
    }
    const names = async () => {
      const { items } = await cluster.client.request<{ items: { metadata: { name: string } }[] }>(
        `/api/v1/namespaces/${namespace}/configmaps`,
        { query: { labelSelector: "faas_function=code" } },
      );
      return items.map(({ metadata }) => metadata.name).sort();
    };
    await eventually(async () => (await names()).length === 3);
    expect(await names()).toStrictEqual(["code-3", "code-4", "code-5"]);
  });
});

describe("the reason why a Function is not ready", () => {
  it("is a Secret that is missing, until it is there", async () => {
    await cluster.applyFunction("secretive", { secrets: ["api-key"] });
    const condition = await cluster.waitForReason("secretive", "SecretNotFound");
    expect([condition.status, condition.message]).toStrictEqual([
      "False",
      "spec.secrets: expected a Secret api-key in namespace openfaas-fn, got none",
    ]);
    expect(await cluster.readDeployment("secretive")).toBeUndefined();
    await cluster.client.request(`/api/v1/namespaces/${namespace}/secrets`, {
      method: "POST",
      body: { metadata: { name: "api-key" }, stringData: { "api-key": "x" } },
    });
    await cluster.runPods("secretive", 1);
    await cluster.waitForReason("secretive", "Available");
  });

  it("is no login to a registry, by which images are pulled", async () => {
    const type = "kubernetes.io/dockerconfigjson";
    await cluster.client.request(`/api/v1/namespaces/${namespace}/secrets`, {
      method: "POST",
      body: { metadata: { name: "login" }, type, stringData: { ".dockerconfigjson": "{}" } },
    });
    await cluster.applyFunction("pulled", { secrets: ["login"] });
    await cluster.runPods("pulled", 1);
    await cluster.waitForReason("pulled", "Available");
    expect((await cluster.pods("pulled"))[0]?.spec).toMatchObject({
      imagePullSecrets: [{ name: "login" }],
    });
  });

  it("is code that is missing, or has no such entry, even with no replicas", async () => {
    const labels = { "com.openfaas.scale.min": "0" };
    await cluster.applyFunction("codeless", { labels, code: { configMap: "nowhere" } });
    expect((await cluster.waitForReason("codeless", "CodeNotFound")).message).toBe(
      "spec.code.configMap: expected a ConfigMap nowhere in namespace openfaas-fn, got none",
    );
    await cluster.applyCode("codeless-1", "codeless", { entry: "index.cjs" });
    await cluster.applyFunction("codeless", { labels, code: { configMap: "codeless-1" } });
    await eventually(async () => {
      const resource = await cluster.readFunction("codeless");
      return (
        resource?.status?.conditions?.[0]?.message ===
        "spec.code.entry: expected a key index.mjs in ConfigMap codeless-1, got index.cjs"
      );
    });
    const code = { configMap: "codeless-1", entry: "index.cjs" };
    await cluster.applyFunction("codeless", { labels, code });
    expect((await cluster.waitForReason("codeless", "ScaledToZero")).status).toBe("True");
  });

  it("is a spec that makes no sense", async () => {
    await cluster.applyFunction("senseless", { environment: { "a=b": "" } });
    expect((await cluster.waitForReason("senseless", "InvalidSpec")).message).toBe(
      'spec.environment: expected a name in printable ASCII without =, got "a=b"',
    );
  });

  it("is what the API server says about its Deployment", async () => {
    const requests: object = { "hugepages-2Mi": "2Mi" };
    await cluster.applyFunction("refused", { requests });
    const { message } = await cluster.waitForReason("refused", "Invalid");
    expect(message).toContain("Limit must be set");
  });

  it("is a quota", async () => {
    const quota = { plural: "resourcequotas", namespace, name: "none" };
    await cluster.client.request(`/api/v1/namespaces/${namespace}/resourcequotas`, {
      method: "POST",
      body: { metadata: { name: "none" }, spec: { hard: { pods: "0" } } },
    });
    try {
      // It is enforced from when its controller has counted.
      const isCounted = async (): Promise<boolean> => {
        const found = await cluster.read<{ status?: { hard?: object } }>(quota);
        return found?.status?.hard !== undefined;
      };
      await eventually(isCounted);
      await cluster.applyFunction("poor");
      const { message } = await cluster.waitForReason("poor", "QuotaExceeded");
      expect(message).toContain("exceeded quota: none, requested: pods=1");
    } finally {
      await cluster.delete(quota);
    }
  });

  it("is a pod that crashes or that no node takes, and an Event tells of it", async () => {
    await cluster.applyFunction("crashing");
    const [pod] = await eventually(async () => {
      const pods = await cluster.pods("crashing");
      return pods.length > 0 && pods;
    });
    expect(pod).toBeDefined();
    if (pod === undefined) {
      return;
    }
    const first = await cluster.waitForReason("crashing", "FailedScheduling");
    expect(first.message).toBe("no nodes available to schedule pods");
    const container = {
      name: "crashing",
      image: "x",
      imageID: "",
      ready: false,
      restartCount: 1,
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
      lastState: { terminated: { exitCode: 1, message: "stack\nwatchdog: no handler\n" } },
    };
    await cluster.setPodStatus(pod, {
      conditions: [{ type: "PodScheduled", status: "True" }],
      containerStatuses: [container],
    });
    const second = await cluster.waitForReason("crashing", "CrashLoopBackOff");
    expect(second.message).toBe("watchdog: no handler (exit code 1)");
    const event = await eventually(async () => {
      const { items } = await cluster.client.request<{ items: Record<string, unknown>[] }>(
        `/api/v1/namespaces/${namespace}/events`,
        { query: { fieldSelector: "involvedObject.name=crashing,involvedObject.kind=Function" } },
      );
      return items.find(({ reason }) => reason === "CrashLoopBackOff");
    });
    expect(event).toMatchObject({
      type: "Warning",
      message: "watchdog: no handler (exit code 1)",
      source: { component: "plonk-operator" },
    });
  });
});

// Late in the file: the garbage collector looks for new kinds, such as Function, every 30 s.
describe("a Function that is deleted", () => {
  it("takes its children and its code along", async () => {
    await cluster.applyCode("gone-1", "gone");
    await cluster.applyFunction("gone", { code: { configMap: "gone-1" } });
    await eventually(() => cluster.readDeployment("gone"));
    await cluster.delete({ group: "openfaas.com", plural: "functions", namespace, name: "gone" });
    for (const reference of [
      { group: "apps", plural: "deployments", namespace, name: "gone" },
      { plural: "services", namespace, name: "gone" },
      { plural: "configmaps", namespace, name: "gone-1" },
    ]) {
      await eventually(async () => (await cluster.read(reference)) === undefined, 240);
    }
  }, 300_000);
});

describe("the operator's metrics", () => {
  it("count reconciliations and tell who leads", async () => {
    const text = await eventually(async () => {
      const current = await registry.metrics();
      // It does not lead for a moment where the machine stood still.
      const wanted = ['operator_workqueue_depth{controller="function"} 0', "operator_leader 1"];
      return wanted.every((line) => current.includes(`${line}\n`)) && current;
    });
    expect(text).toMatch(
      /operator_reconcile_total\{controller="function",result="success"\} [1-9]\d+\n/,
    );
    expect(text).toMatch(
      /operator_reconcile_duration_seconds_count\{controller="function"\} [1-9]\d+\n/,
    );
  });
});
