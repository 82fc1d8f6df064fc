/** What a Function's conditions say on a real API server, by an operator with its real rights. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { V1PodDisruptionBudget, V1PodSpec } from "@kubernetes/client-node";
import type { FunctionResource } from "../../../contract/index.ts";
import { functionPath } from "../../../services/lib/function-path.ts";
import { resourcePath } from "../../../services/lib/kubernetes.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { ResourceWatch } from "../../../services/lib/watch.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import type { Pod } from "../../../services/operator/kubernetes/types.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { createKeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";
import { eventually, TestCluster } from "./cluster.ts";
import { connectAs, grantRights } from "./rights.ts";

const namespace = "openfaas-fn";
const log = createKeptLog("info");
const atEnd = collectCleanups(afterAll, 60_000);
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  atEnd(() => cluster.stop());
  await grantRights(cluster);
  const client = await connectAs(cluster, "operator");
  atEnd(() => client.close());
  const config = readConfig({ pod_name: "operator-1" });
  const { logger } = log;
  const operator = createOperator({ client, config, logger, registry: new Registry() });
  atEnd(() => operator.stop());
  await operator.start();
});

interface Followed {
  /** Each status that the Function has had since, as `type=status` of its conditions. */
  seen: string[][];
  /** Waits until what it is by now was seen, too: what follows and what asks are not in step. */
  catchUp: () => Promise<void>;
}

async function follow(name: string): Promise<Followed> {
  const seen: string[][] = [];
  const watch = new ResourceWatch<FunctionResource>({
    client: cluster.client,
    logger: log.logger,
    path: functionPath({ namespace }),
  });
  watch.on("change", ({ current }) => {
    if (current?.metadata.name === name) {
      seen.push((current.status?.conditions ?? []).map((it) => `${it.type}=${it.status}`));
    }
  });
  await watch.start().waitForSync();
  atEnd(() => watch.stop());
  const catchUp = async (): Promise<void> => {
    const version = Number((await cluster.readFunction(name))?.metadata.resourceVersion);
    await until(`version ${version} of ${name}`, () => {
      const known = watch.get(`${namespace}/${name}`);
      return Number(known?.metadata.resourceVersion) >= version;
    });
  };
  return { seen, catchUp };
}

const makeSecret = (name: string): Promise<unknown> =>
  cluster.client.request(`/api/v1/namespaces/${namespace}/secrets`, {
    method: "POST",
    body: { metadata: { name }, stringData: { [name]: "x" } },
  });

/** Plays the part of the scheduler, with a node that there is not. */
async function bind(name: string): Promise<void> {
  const pod = { plural: "pods", namespace, name, subresource: "binding" };
  await cluster.client.request(resourcePath(pod), {
    method: "POST",
    body: { metadata: { name }, target: { kind: "Node", name: "node-1" } },
  });
}

describe("conditions", () => {
  it("tell of a scaling, which never makes a function unready", async () => {
    await cluster.applyFunction("grows");
    await cluster.runPods("grows", 1);
    await cluster.waitForReason("grows", "Available");
    const { seen, catchUp } = await follow("grows");
    await cluster.scale("grows", 5);
    // No node takes the new ones here.
    const scaling = await cluster.waitForReason("grows", "Degraded");
    expect(scaling.message).toMatch(/^1 of 5 replicas are ready; FailedScheduling: /);
    await cluster.waitForCondition({ name: "grows", type: "Progressing" }, "Scaling");
    await cluster.waitForCondition({ name: "grows", type: "Degraded" }, "FailedScheduling");
    await cluster.waitForCondition({ name: "grows", type: "Scaled" }, "TooFewReplicas");
    await cluster.runPods("grows", 5);
    await cluster.waitForReason("grows", "Available");
    await cluster.waitForCondition({ name: "grows", type: "Progressing" }, "Complete");
    const resource = await cluster.readFunction("grows");
    expect(
      resource?.status?.conditions?.map((it) => [it.type, it.status, it.reason, it.message]),
    ).toStrictEqual([
      ["Ready", "True", "Available", "5 of 5 replicas are ready"],
      ["Progressing", "False", "Complete", "nothing is under way"],
      ["Degraded", "False", "AsExpected", "no problem is known"],
      ["Scaled", "True", "WithinLimits", "5 of 5 replicas are available"],
    ]);
    await catchUp();
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.flat().filter((it) => it.startsWith("Ready="))).toStrictEqual(
      seen.map(() => "Ready=True"),
    );
    expect(seen.flat()).toContain("Scaled=False");
  });

  it("tell in kubelet's words why a pod does not come to have containers", async () => {
    await cluster.applyFunction("hangs");
    const { name, uid } = await eventually(async () => (await cluster.pods("hangs"))[0]?.metadata);
    const message = 'MountVolume.SetUp failed for volume "secrets" : secret "key" not found';
    await cluster.client.request(`/api/v1/namespaces/${namespace}/events`, {
      method: "POST",
      body: {
        metadata: { name: `${name}.1` },
        involvedObject: { kind: "Pod", namespace, name, uid },
        ...{ type: "Warning", reason: "FailedMount", message, count: 1 },
        ...{ source: { component: "kubelet" }, lastTimestamp: new Date().toISOString() },
      },
    });
    await bind(name);
    const ready = await cluster.waitForReason("hangs", "FailedMount");
    expect([ready.status, ready.message]).toStrictEqual(["False", message]);
    const degraded = { name: "hangs", type: "Degraded" };
    expect(await cluster.waitForCondition(degraded, "FailedMount")).toMatchObject({
      status: "True",
      message,
    });
  });

  it("tell that a Secret has gone: pods that run serve on, and without any it is not ready", async () => {
    await makeSecret("held");
    await cluster.applyFunction("holds", { secrets: ["held"] });
    await cluster.runPods("holds", 1);
    await cluster.waitForReason("holds", "Available");
    const { seen, catchUp } = await follow("holds");
    await cluster.delete({ plural: "secrets", namespace, name: "held" });
    await cluster.scale("holds", 2);
    const message = "spec.secrets: expected a Secret held in namespace openfaas-fn, got none";
    // That no node takes the new pod may be noticed before.
    const served = { message: `1 of 2 replicas are ready; SecretNotFound: ${message}` };
    const ready = { name: "holds", type: "Ready", ...served };
    expect((await cluster.waitForCondition(ready, "Degraded")).status).toBe("True");
    const degraded = { name: "holds", type: "Degraded" };
    expect(await cluster.waitForCondition(degraded, "SecretNotFound")).toMatchObject({
      status: "True",
      message,
    });
    await catchUp();
    expect(seen.flat()).not.toContain("Ready=False");
    await cluster.scale("holds", 0);
    const empty = await cluster.waitForReason("holds", "SecretNotFound");
    expect([empty.status, empty.message]).toStrictEqual(["False", message]);
    await makeSecret("held");
    expect((await cluster.waitForReason("holds", "ScaledToZero")).status).toBe("True");
    expect((await cluster.waitForCondition(degraded, "AsExpected")).status).toBe("False");
  });

  it("tell whether a pod has loaded the code, and why not", async () => {
    await cluster.applyCode("coded-1", "coded");
    await cluster.applyFunction("coded", { code: { configMap: "coded-1" } });
    const loaded = { name: "coded", type: "CodeLoaded" };
    const pod = await eventually(async () => (await cluster.pods("coded"))[0]);
    await bind(pod.metadata.name);
    await cluster.waitForCondition(loaded, "Loading");
    const terminated = { exitCode: 1, message: "watchdog: index.mjs: expected a handler\n" };
    const container = { name: "coded", image: "x", imageID: "x", ready: false, restartCount: 1 };
    const lastState = { terminated: { ...terminated, reason: "Error" } };
    const state = { waiting: { reason: "CrashLoopBackOff" } };
    const crashed = { containerStatuses: [{ ...container, state, lastState }] };
    await cluster.setPodStatus(pod, crashed);
    const message =
      "index.mjs of ConfigMap coded-1 is not loaded: " +
      "watchdog: index.mjs: expected a handler (exit code 1)";
    await cluster.waitForCondition({ ...loaded, message }, "CrashLoopBackOff");
    const running = { ...container, ready: true, state: { running: {} } };
    await cluster.setPodStatus(pod, { containerStatuses: [running] });
    expect((await cluster.waitForCondition(loaded, "Loaded")).status).toBe("True");
    await cluster.scale("coded", 0);
    await cluster.waitForReason("coded", "ScaledToZero");
    expect((await cluster.waitForCondition(loaded, "Loaded")).status).toBe("True");
  });

  it("tell of profiles that there never were, and of those that have gone", async () => {
    const annotations = { "com.openfaas.profile": "gpu,late" };
    await cluster.applyProfile("gpu", { tolerations: [{ key: "gpu", operator: "Exists" }] });
    await cluster.applyFunction("shaped", { annotations });
    const message =
      'spec.annotations["com.openfaas.profile"]: expected a Profile late in namespace openfaas, got none';
    expect(await cluster.waitForReason("shaped", "ProfileNotFound")).toMatchObject({
      status: "False",
      message,
    });
    await cluster.applyProfile("late", { dnsConfig: { searches: ["a.example"] } });
    await cluster.runPods("shaped", 1);
    await cluster.waitForReason("shaped", "Available");
    const specOf = async (): Promise<V1PodSpec | undefined> =>
      (await cluster.pods("shaped"))[0]?.spec as V1PodSpec | undefined;
    const [gpu] = (await specOf())?.tolerations?.filter(({ key }) => key === "gpu") ?? [];
    expect([gpu, (await specOf())?.dnsConfig]).toEqual([
      { key: "gpu", operator: "Exists" },
      { searches: ["a.example"] },
    ]);
    // Another content means other pods.
    await cluster.applyProfile("late", { dnsConfig: { searches: ["b.example"] } });
    const isNew = ({ spec }: Pod): boolean =>
      (spec as V1PodSpec | undefined)?.dnsConfig?.searches?.[0] === "b.example";
    await eventually(async () => (await cluster.pods("shaped")).some(isNew));
    await eventually(async () => {
      await cluster.runPods("shaped", (await cluster.pods("shaped")).length);
      return (await cluster.pods("shaped")).every(isNew);
    });
    await cluster.waitForReason("shaped", "Available");
    // Gone, it is used as it was; scaling goes on.
    await cluster.delete({
      group: "openfaas.com",
      plural: "profiles",
      namespace: "openfaas",
      name: "late",
    });
    const stale = {
      name: "shaped",
      type: "Degraded",
      message: `${message}; its pods are as they were with it`,
    };
    expect((await cluster.waitForCondition(stale, "ProfileNotFound")).status).toBe("True");
    await cluster.scale("shaped", 2);
    const pods = await cluster.runPods("shaped", 2);
    expect((await cluster.waitForReason("shaped", "Available")).status).toBe("True");
    expect(pods.every(isNew)).toBe(true);
  });

  it("tell that the namespace lets nobody have what a profile asks for", async () => {
    await cluster.applyProfile("root", { podSecurityContext: { runAsNonRoot: false } });
    await cluster.applyFunction("rooted", { annotations: { "com.openfaas.profile": "root" } });
    const { message } = await cluster.waitForReason("rooted", "FailedCreate");
    expect(message).toMatch(/violates PodSecurity "restricted.*runAsNonRoot/);
  });

  it("are not all that keeps a function up: several pods have a budget", async () => {
    const budget = { group: "policy", plural: "poddisruptionbudgets", namespace, name: "several" };
    await cluster.applyFunction("several");
    await cluster.runPods("several", 1);
    await cluster.waitForReason("several", "Available");
    expect(await cluster.read(budget)).toBeUndefined();
    await cluster.scale("several", 2);
    const made = await eventually(() => cluster.read<V1PodDisruptionBudget>(budget));
    expect(made.spec).toEqual({
      maxUnavailable: "25%",
      selector: { matchLabels: { faas_function: "several" } },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    });
    // What others change is as before, and so it is when they remove it.
    await cluster.client.mergePatch(resourcePath(budget), { spec: { maxUnavailable: 0 } }, "other");
    await eventually(async () => {
      const now = await cluster.read<V1PodDisruptionBudget>(budget);
      return now?.spec?.maxUnavailable === "25%" && now.metadata?.generation === 3;
    });
    await cluster.delete(budget);
    await eventually(async () => {
      const now = await cluster.read<V1PodDisruptionBudget>(budget);
      return now !== undefined && now.metadata?.uid !== made.metadata?.uid;
    });
    // One pod alone may be taken away; the budget that is there says so, too.
    await cluster.scale("several", 1);
    await eventually(async () => (await cluster.pods("several")).length === 1);
    await cluster.waitForReason("several", "Available");
    expect(await cluster.read(budget)).toBeDefined();
  });

  it("stay as they are with a profile that the API server refuses, and can be scaled", async () => {
    const zone = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" } as const;
    await cluster.applyProfile("edited", { topologySpreadConstraints: [zone] });
    await cluster.applyFunction("held", { annotations: { "com.openfaas.profile": "edited" } });
    await cluster.runPods("held", 1);
    await cluster.waitForReason("held", "Available");
    // The one is answered with 422, the other with 500.
    const condition = { name: "held", type: "Degraded" };
    await cluster.applyProfile("edited", { dnsPolicy: "None" });
    const { message } = await cluster.waitForCondition(condition, "Invalid");
    expect(message).toMatch(/^its pods are as they were with its profiles before: .*dnsConfig/);
    await cluster.applyProfile("edited", { topologySpreadConstraints: [zone, zone] });
    await eventually(async () => {
      const { conditions = [] } = (await cluster.readFunction("held"))?.status ?? {};
      return conditions.some((it) => it.type === "Degraded" && it.message.includes("typed patch"));
    });
    await cluster.scale("held", 2);
    await cluster.runPods("held", 2);
    const ready = await cluster.waitForReason("held", "Available");
    expect(ready.message).toBe("2 of 2 replicas are ready");
    await cluster.applyProfile("edited", { topologySpreadConstraints: [zone] });
    await cluster.waitForCondition(condition, "AsExpected");
  });

  it("leave a budget to whom it belongs", async () => {
    const metadata = { name: "guarded", namespace };
    const path = resourcePath({ group: "policy", plural: "poddisruptionbudgets", ...metadata });
    const selector = { matchLabels: { faas_function: "guarded" } };
    const spec = { minAvailable: 1, selector };
    const budget = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata, spec };
    await cluster.client.apply(path, budget, { fieldManager: "others", force: false });
    await cluster.applyFunction("guarded", { labels: { "com.openfaas.scale.min": "2" } });
    await cluster.runPods("guarded", 2);
    await cluster.waitForReason("guarded", "Available");
    expect((await cluster.client.find<V1PodDisruptionBudget>(path))?.spec).toEqual(spec);
  });

  it("need no rights that the operator does not have", () => {
    expect(log.text()).not.toContain("is forbidden: User");
  });
});
