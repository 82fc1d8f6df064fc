/** Why pods do not come, or do not run, and what becomes of their code, on a real API server. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { resourcePath } from "../../../services/lib/kubernetes.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import type { ConfigMap } from "../../../services/operator/kubernetes/types.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { createKeptLog } from "../../support/logs.ts";
import { eventually, TestCluster } from "./cluster.ts";
import { connectAs, grantRights } from "./rights.ts";

const namespace = "openfaas-fn";
const log = createKeptLog("info");
const registry = new Registry();
const atEnd = collectCleanups(afterAll, 60_000);
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  atEnd(() => cluster.stop());
  await grantRights(cluster);
  const client = await connectAs(cluster, "operator");
  atEnd(() => client.close());
  const config = readConfig({ pod_name: "operator-1" });
  const operator = createOperator({ client, config, logger: log.logger, registry });
  atEnd(() => operator.stop());
  await operator.start();
});

/** Reasons of the Events on a Function, in the order in which they were written. */
async function readEvents(name: string): Promise<string[]> {
  const { items } = await cluster.client.request<{
    items: { reason: string; eventTime: string }[];
  }>(`/api/v1/namespaces/${namespace}/events`, {
    query: { fieldSelector: `involvedObject.name=${name},involvedObject.kind=Function` },
  });
  return items.sort((a, b) => (a.eventTime < b.eventTime ? -1 : 1)).map(({ reason }) => reason);
}

/** Plays the part of the scheduler: there is no node here. */
const bind = (name: string): Promise<unknown> =>
  cluster.client.request(
    resourcePath({ plural: "pods", namespace, name, subresource: "binding" }),
    { method: "POST", body: { metadata: { name }, target: { kind: "Node", name: "node-1" } } },
  );

describe("what keeps a function from its pods", () => {
  it.each([
    {
      name: "unlimited",
      plural: "resourcequotas",
      spec: { hard: { "limits.cpu": "1" } },
      reason: "LimitsMissing",
      message: "failed quota: rule: must specify limits.cpu for: unlimited",
    },
    {
      name: "large",
      plural: "limitranges",
      spec: { limits: [{ type: "Container", max: { memory: "64Mi" } }] },
      reason: "LimitRangeViolated",
      message: "maximum memory usage per Container is 64Mi, but limit is 128Mi",
    },
  ])("is a rule of the namespace, told in a few words: $reason", async (rule) => {
    const { name, plural, spec, reason, message } = rule;
    await cluster.client.request(resourcePath({ namespace, plural }), {
      method: "POST",
      body: { metadata: { name: "rule" }, spec },
    });
    try {
      // A quota is enforced from when its controller has counted.
      await eventually(async () => {
        const reference = { plural, namespace, name: "rule" };
        const found = await cluster.read<{ status?: { hard?: object } }>(reference);
        return plural === "limitranges" || found?.status?.hard !== undefined;
      });
      await cluster.applyFunction(name, { limits: { memory: "128Mi" } });
      expect((await cluster.waitForReason(name, reason)).message).toBe(message);
      const degraded = { name, type: "Degraded", message };
      expect((await cluster.waitForCondition(degraded, reason)).status).toBe("True");
    } finally {
      await cluster.delete({ plural, namespace, name: "rule" });
    }
  });

  it("is a container or an image that fails again and again, of which one Event tells", async () => {
    await cluster.applyFunction("fails");
    const pod = await eventually(async () => (await cluster.pods("fails"))[0]);
    await bind(pod.metadata.name);
    const setState = async (state: object, lastState: object = {}): Promise<void> => {
      const container = { name: "fails", image: "x", imageID: "", ready: false, restartCount: 1 };
      await cluster.setPodStatus(pod, {
        containerStatuses: [{ ...container, state, lastState }],
      });
    };
    const ended = { terminated: { exitCode: 1, reason: "Error", message: "no handler" } };
    const waiting = (reason: string, message: string) => ({ waiting: { reason, message } });
    const gone = "registry.example/x:1: not found";
    const late = `Back-off pulling image "registry.example/x:1": ErrImagePull: ${gone}`;
    for (let round = 1; round <= 3; round += 1) {
      await setState(waiting("ErrImagePull", `${gone}, ${round}`));
      const ready = { name: "fails", type: "Ready", message: `${gone}, ${round}` };
      await cluster.waitForCondition(ready, "ErrImagePull");
      await setState(waiting("ImagePullBackOff", late));
      await cluster.waitForCondition({ ...ready, message: gone }, "ErrImagePull");
    }
    for (let round = 1; round <= 3; round += 1) {
      await setState(ended);
      await cluster.waitForReason("fails", "Crashed");
      await setState(waiting("CrashLoopBackOff", "back-off 10s"), ended);
      const { message } = await cluster.waitForReason("fails", "CrashLoopBackOff");
      expect(message).toBe("no handler (exit code 1)");
      await setState({ running: {} }, ended);
      await cluster.waitForReason("fails", "Restarting");
    }
    await cluster.runPods("fails", 1);
    await cluster.waitForReason("fails", "Available");
    const reasons = await eventually(async () => {
      const found = await readEvents("fails");
      return found.includes("Available") && found;
    });
    expect(reasons.filter((it) => !["Progressing", "FailedScheduling"].includes(it))).toStrictEqual(
      ["ErrImagePull", "Crashed", "Available"],
    );
  });
});

describe("code", () => {
  it("is not changed in place by anybody, and it is told when it is made anew", async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const makeCode = (text: string): Promise<unknown> =>
      cluster.client.request(path, {
        method: "POST",
        body: { metadata: { name: "mine" }, data: { "index.mjs": text } },
      });
    const readMap = async () => {
      const reference = { plural: "configmaps", namespace, name: "mine" };
      const map = await cluster.read<ConfigMap & { immutable?: boolean }>(reference);
      const { uid, ownerReferences = [] } = map?.metadata ?? {};
      return { uid, owners: ownerReferences.map(({ name }) => name), immutable: map?.immutable };
    };
    await makeCode("a");
    await cluster.applyFunction("remade", { code: { configMap: "mine" } });
    await cluster.runPods("remade", 1);
    await cluster.waitForReason("remade", "Available");
    const before = await readMap();
    expect(before).toMatchObject({ owners: ["remade"], immutable: true });
    const change = { data: { "index.mjs": "b" } };
    await expect(cluster.client.mergePatch(`${path}/mine`, change, "kubectl-edit")).rejects.toThrow(
      "field is immutable when `immutable` is set",
    );
    const unlock = { immutable: null, ...change };
    await expect(cluster.client.mergePatch(`${path}/mine`, unlock, "kubectl-edit")).rejects.toThrow(
      "field is immutable when `immutable` is set",
    );
    await cluster.delete({ plural: "configmaps", namespace, name: "mine" });
    await makeCode("b");
    // A new pod needs it, so that it is looked for.
    await cluster.scale("remade", 2);
    await eventually(async () => (await readEvents("remade")).includes("Drifted"));
    const after = await readMap();
    expect(after).toMatchObject({ owners: ["remade"], immutable: true });
    expect(after.uid).not.toBe(before.uid);
    expect(await registry.metrics()).toContain(
      'operator_drift_total{kind="ConfigMap",result="left"} 1\n',
    );
  });
});

it("needs no rights that the operator does not have", () => {
  expect(log.text()).not.toContain("forbidden");
});
