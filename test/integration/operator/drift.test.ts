/** What others write into a function's Deployment and Service, on a real API server. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { resourcePath } from "../../../services/lib/kubernetes.ts";
import { createLogger } from "../../../services/lib/logger.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import type { Manager } from "../../../services/operator/kubernetes/manager.ts";
import { eventually, TestCluster } from "./cluster.ts";
import { ADDED, startWebhook, type Webhook } from "./webhook.ts";

const namespace = "openfaas-fn";

let cluster: TestCluster;
let operator: Manager | undefined;
let webhook: Webhook | undefined;
let registry: Registry;

async function startOperator(): Promise<void> {
  registry = new Registry();
  operator = createOperator({
    client: cluster.client,
    config: readConfig({ pod_name: "operator-1" }),
    logger: createLogger({ name: "operator", level: "silent" }),
    registry,
  });
  await operator.start();
}

beforeAll(async () => {
  cluster = await TestCluster.start();
  await startOperator();
});

afterAll(async () => {
  await operator?.stop();
  await (cluster as TestCluster | undefined)?.stop();
  webhook?.stop();
});

const deploymentPath = (name: string) =>
  resourcePath({ group: "apps", plural: "deployments", namespace, name });
const servicePath = (name: string) => resourcePath({ plural: "services", namespace, name });
const readDeployment = (name: string) => cluster.client.find<V1Deployment>(deploymentPath(name));
const readService = (name: string) => cluster.client.find<V1Service>(servicePath(name));

/** A function whose objects are as they will stay. */
async function settle(name: string): Promise<{ deployment: V1Deployment; service: V1Service }> {
  await cluster.applyFunction(name);
  await cluster.runPods(name, 1);
  await cluster.waitForReason(name, "Available");
  const [deployment, service] = [await readDeployment(name), await readService(name)];
  if (deployment === undefined || service === undefined) {
    throw new Error(`${name}: expected a Deployment and a Service`);
  }
  return { deployment, service };
}

/** As `kubectl patch` and `kubectl edit` do it. */
async function patch(path: string, body: object, fieldManager = "somebody"): Promise<void> {
  const contentType = "application/strategic-merge-patch+json";
  await cluster.client.request(path, {
    method: "PATCH",
    query: { fieldManager },
    body,
    contentType,
  });
}

const patchPod = (name: string, spec: object, metadata: object = {}) =>
  patch(deploymentPath(name), { spec: { template: { metadata, spec } } });

/** Messages of the Events about drift. */
async function readEvents(name: string): Promise<string[]> {
  const { items } = await cluster.client.request<{
    items: { type: string; reason: string; message: string }[];
  }>(`/api/v1/namespaces/${namespace}/events`, {
    query: { fieldSelector: `involvedObject.name=${name},involvedObject.kind=Function` },
  });
  return items
    .filter(({ reason, type }) => reason === "Drifted" && type === "Warning")
    .map(({ message }) => message);
}

const waitForEvent = (name: string) =>
  eventually(async () => {
    const messages = await readEvents(name);
    return messages.length > 0 && messages;
  });

const SIDECAR = { name: "sidecar", image: "registry.example/sidecar:1" };

describe("what somebody adds to a Deployment", () => {
  it.each<[string, object, string[]]>([
    ["a container", { containers: [SIDECAR] }, [".containers[sidecar]"]],
    ["an init container", { initContainers: [SIDECAR] }, [".initContainers"]],
    ["a node", { nodeName: "elsewhere" }, [".nodeName"]],
    ["what tolerates", { tolerations: [{ operator: "Exists" }] }, [".tolerations"]],
    ["what a node must have", { nodeSelector: { disk: "ssd" } }, [".nodeSelector"]],
    ["another default", { dnsPolicy: "Default" }, [".dnsPolicy"]],
    ["a volume", { volumes: [{ name: "more", emptyDir: {} }] }, [".volumes"]],
  ])("is taken away: %s", async (what, spec, fields) => {
    const name = what.replaceAll(" ", "-");
    const { deployment: before } = await settle(name);
    await patchPod(name, spec);
    const messages = await waitForEvent(name);
    expect(messages).toStrictEqual([
      `Deployment: others had changed it, which was undone: ${fields
        .map((field) => `spec.template.spec${field} (somebody)`)
        .join(", ")}`,
    ]);
    expect((await readDeployment(name))?.spec).toStrictEqual(before.spec);
  });

  it("is taken away within its container, too, and what was changed is as before", async () => {
    const { deployment: before } = await settle("inside");
    const container = {
      name: "inside",
      image: "registry.example/x:2",
      env: [{ name: "EXTRA", value: "1" }],
      envFrom: [{ configMapRef: { name: "settings", optional: true } }],
      ports: [{ containerPort: 9000 }],
      volumeMounts: [{ name: "more", mountPath: "/more" }],
      stdin: true,
    };
    const spec = { containers: [container], volumes: [{ name: "more", emptyDir: {} }] };
    await patchPod("inside", spec, { annotations: { note: "x" }, labels: { more: "y" } });
    const [message = ""] = await waitForEvent("inside");
    const [, list = ""] = message.split("undone: ");
    const pod = "spec.template.spec";
    expect(list.split(", ").sort()).toStrictEqual(
      [
        "spec.template.metadata.annotations.note",
        "spec.template.metadata.labels.more",
        `${pod}.containers[inside].envFrom`,
        `${pod}.containers[inside].env[EXTRA]`,
        `${pod}.containers[inside].image`,
        `${pod}.containers[inside].ports[9000,TCP]`,
        `${pod}.containers[inside].stdin`,
        `${pod}.containers[inside].volumeMounts`,
        `${pod}.volumes`,
      ].map((field) => `${field} (somebody)`),
    );
    expect((await readDeployment("inside"))?.spec).toStrictEqual(before.spec);
    expect(await readEvents("inside")).toHaveLength(1);
  });

  it("is taken away where it was applied, and where nobody is said to have written it", async () => {
    const { deployment: before } = await settle("applied");
    const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "applied" } };
    const spec = { template: { spec: { containers: [SIDECAR] } } };
    await cluster.client.apply(
      deploymentPath("applied"),
      { ...object, spec },
      { fieldManager: "gitops" },
    );
    expect(await waitForEvent("applied")).toStrictEqual([
      "Deployment: others had changed it, which was undone: spec.template.spec.containers[sidecar] (gitops)",
    ]);
    expect((await readDeployment("applied"))?.spec).toStrictEqual(before.spec);
    const metadata = { managedFields: [{}] };
    await patch(deploymentPath("applied"), { metadata, spec: { minReadySeconds: 5 } });
    await eventually(async () => (await readEvents("applied")).length === 2);
    expect((await readDeployment("applied"))?.spec).toStrictEqual(before.spec);
  });

  it("is taken away when it was added while the operator was away", async () => {
    const { deployment: before } = await settle("away");
    await operator?.stop();
    await patchPod("away", { hostNetwork: false, containers: [SIDECAR] });
    await startOperator();
    expect(await waitForEvent("away")).toHaveLength(1);
    expect((await readDeployment("away"))?.spec).toStrictEqual(before.spec);
    const text = await registry.metrics();
    expect(text).toContain('operator_drift_total{kind="Deployment",result="repaired"} 1\n');
  });
});

describe("a Service", () => {
  it("loses what somebody adds, and keeps its address", async () => {
    const { service: before } = await settle("service");
    await patch(servicePath("service"), {
      spec: {
        ports: [{ name: "more", port: 9090, targetPort: 9090 }],
        selector: { more: "x" },
        externalIPs: ["192.0.2.1"],
        sessionAffinity: "ClientIP",
        publishNotReadyAddresses: true,
      },
    });
    const [message = ""] = await waitForEvent("service");
    const [start, list = ""] = message.split(" undone: ");
    expect(start).toBe("Service: others had changed it, which was");
    expect(list.split(", ").sort()).toStrictEqual(
      [
        "spec.externalIPs",
        "spec.externalTrafficPolicy",
        "spec.ports[9090,TCP]",
        "spec.publishNotReadyAddresses",
        "spec.selector",
        "spec.sessionAffinity",
        "spec.sessionAffinityConfig",
      ].map((field) => `${field} (somebody)`),
    );
    expect((await readService("service"))?.spec).toStrictEqual(before.spec);
  });

  it("is an inner one again when somebody opens it", async () => {
    const { service: before } = await settle("opened");
    await patch(servicePath("opened"), { spec: { type: "NodePort" } });
    await waitForEvent("opened");
    expect((await readService("opened"))?.spec).toStrictEqual(before.spec);
  });
});

describe("a Deployment", () => {
  it("keeps what `kubectl rollout restart` has written, also when something else is undone", async () => {
    const { deployment: before } = await settle("restarted");
    const annotations = { "kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z" };
    const path = deploymentPath("restarted");
    await patch(path, { spec: { template: { metadata: { annotations } } } }, "kubectl-rollout");
    await cluster.runPods("restarted", 2);
    await patchPod("restarted", { containers: [SIDECAR] });
    await waitForEvent("restarted");
    const after = await readDeployment("restarted");
    expect(after?.spec?.template.metadata?.annotations).toStrictEqual(annotations);
    expect(after?.spec?.template.spec).toStrictEqual(before.spec?.template.spec);
    expect(after?.metadata?.annotations).toHaveProperty(["deployment.kubernetes.io/revision"]);
    expect(await readEvents("restarted")).toHaveLength(1);
  });

  it("gets its owner back", async () => {
    const { deployment } = await settle("owned");
    await cluster.client.mergePatch(
      deploymentPath("owned"),
      { metadata: { ownerReferences: null } },
      "somebody",
    );
    await eventually(async () => {
      const owners = (await readDeployment("owned"))?.metadata?.ownerReferences;
      return owners?.[0]?.uid === deployment.metadata?.ownerReferences?.[0]?.uid;
    });
  });

  it("is left, and it is told, where something adds the same again at once", async () => {
    await settle("stubborn");
    const hasSidecar = async () => {
      const containers = (await readDeployment("stubborn"))?.spec?.template.spec?.containers;
      return containers?.some(({ name }) => name === "sidecar") === true;
    };
    let added = 0;
    const ending = new AbortController();
    const adding = (async () => {
      while (!ending.signal.aborted) {
        if (!(await hasSidecar())) {
          await patchPod("stubborn", { containers: [SIDECAR] });
          added += 1;
        }
        await sleep(20);
      }
    })();
    try {
      const messages = await eventually(async () => {
        const found = await readEvents("stubborn");
        return found.length >= 2 && found;
      });
      const field = "spec.template.spec.containers[sidecar] (somebody)";
      expect(messages.sort()).toStrictEqual([
        `Deployment: others had changed it, which was undone: ${field}`,
        `Deployment: others have changed it again after that was undone, and it is left for an hour: ${field}`,
      ]);
      // What else is written is still undone.
      await patch(deploymentPath("stubborn"), { spec: { revisionHistoryLimit: 9 } });
      await eventually(
        async () => (await readDeployment("stubborn"))?.spec?.revisionHistoryLimit === 3,
      );
      await cluster.scale("stubborn", 2);
      await eventually(async () => (await readDeployment("stubborn"))?.spec?.replicas === 2);
      await sleep(2000);
      expect([added, await hasSidecar()]).toStrictEqual([2, true]);
      expect(await readEvents("stubborn")).toHaveLength(3);
    } finally {
      ending.abort();
      await adding;
    }
  });
});

// Last: it is there for all Deployments from then on.
describe("what admission adds", () => {
  it("is left without a word, and is there after something else is undone", async () => {
    const { asked } = (webhook = await startWebhook(cluster));
    // It is in force a moment later.
    await eventually(async () => {
      await cluster.client.mergePatch(
        deploymentPath("owned"),
        { metadata: { annotations: { at: String(Date.now()) } } },
        "somebody",
      );
      return asked() > 0;
    });
    const envOf = (deployment?: V1Deployment) =>
      deployment?.spec?.template.spec?.containers[0]?.env?.map(({ name }) => name);
    const { deployment: before } = await settle("admitted");
    expect(envOf(before)).toContain(ADDED.name);
    await patchPod("admitted", { containers: [SIDECAR] });
    await waitForEvent("admitted");
    await eventually(async () => {
      const first = (await readDeployment("admitted"))?.metadata?.resourceVersion;
      await sleep(1500);
      return first === (await readDeployment("admitted"))?.metadata?.resourceVersion;
    });
    const after = await readDeployment("admitted");
    expect(after?.spec?.template).toStrictEqual(before.spec?.template);
    const [message = "", ...others] = await readEvents("admitted");
    expect(others).toStrictEqual([]);
    expect(message).toBe(
      "Deployment: others had changed it, which was undone: spec.template.spec.containers[sidecar] (somebody)",
    );
  });
});
