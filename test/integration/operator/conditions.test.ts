/** What a Function's conditions say on a real API server, by an operator with its real rights. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { FunctionResource } from "../../../contract/index.ts";
import { functionPath } from "../../../services/lib/function-path.ts";
import { resourcePath } from "../../../services/lib/kubernetes.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { ResourceWatch } from "../../../services/lib/watch.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
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
    const pod = { plural: "pods", namespace, name, subresource: "binding" };
    await cluster.client.request(resourcePath(pod), {
      method: "POST",
      body: { metadata: { name }, target: { kind: "Node", name: "node-1" } },
    });
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

  it("need no rights that the operator does not have", () => {
    expect(log.text()).not.toContain("forbidden");
  });
});
