import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { readKubeConfig } from "../../../services/lib/kubeconfig.ts";
import { KubernetesClient } from "../../../services/lib/kubernetes.ts";
import { createLogger } from "../../../services/lib/logger.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { Operator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import {
  LeaderElection,
  type LeaderElectionOptions,
} from "../../../services/operator/leader-election.ts";
import { eventually, TestCluster } from "./cluster.ts";

const MAIN = join(import.meta.dirname, "../../../services/operator/main.ts");

interface Lease {
  metadata: { name: string; resourceVersion: string };
  spec: {
    holderIdentity: string;
    leaseTransitions: number;
    leaseDurationSeconds: number;
    acquireTime?: string;
    renewTime?: string;
  };
}

const LEASES = { group: "coordination.k8s.io", plural: "leases", namespace: "openfaas" };
const LEASE = { ...LEASES, name: "plonk-operator" };

let cluster: TestCluster;
const elections: LeaderElection[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 120_000);

afterEach(async () => {
  await Promise.all(elections.splice(0).map((election) => election.stop()));
  for (const child of processes.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  }
});

afterAll(async () => {
  await (cluster as TestCluster | undefined)?.stop();
});

const readLease = (name: string) => cluster.read<Lease>({ ...LEASES, name });

/** Not to be lost by an instance because the machine is busy. */
const LONG_LEASE = { leaseSeconds: 600, renewSeconds: 300 };

/** Starts an instance that tries often and notes what happens to it. */
function elect(name: string, identity: string, options: Partial<LeaderElectionOptions> = {}) {
  const events: string[] = [];
  const election = new LeaderElection({
    client: cluster.client,
    logger: createLogger({ name: "test", level: "silent" }),
    namespace: "openfaas",
    name,
    identity,
    onLead: () => events.push("lead"),
    onLose: () => events.push("lose"),
    leaseSeconds: 5,
    renewSeconds: 4,
    retrySeconds: 0.1,
    ...options,
  });
  elections.push(election);
  election.start();
  return { election, events };
}

describe("LeaderElection", () => {
  it("lets one of several instances lead, and keeps it", async () => {
    const instances = ["a", "b", "c"].map((identity) => elect("several", identity));
    await eventually(async () => {
      const { acquireTime = "", renewTime = "" } = (await readLease("several"))?.spec ?? {};
      return Date.parse(renewTime) - Date.parse(acquireTime) > 5000;
    }, 30);
    expect(instances.flatMap(({ events }) => events)).toStrictEqual(["lead"]);
    expect(instances.filter(({ election }) => election.isLeading)).toHaveLength(1);
    expect((await readLease("several"))?.spec).toMatchObject({
      leaseTransitions: 0,
      leaseDurationSeconds: 5,
    });
  });

  it("hands over at once when the leader stops", async () => {
    const first = elect("handover", "a", LONG_LEASE);
    await eventually(() => Promise.resolve(first.election.isLeading));
    const second = elect("handover", "b", LONG_LEASE);
    await sleep(300);
    await first.election.stop();
    expect(first.events).toStrictEqual(["lead", "lose"]);
    // The lease itself would last for minutes.
    await eventually(() => Promise.resolve(second.election.isLeading));
    expect((await readLease("handover"))?.spec).toMatchObject({
      holderIdentity: "b",
      leaseTransitions: 1,
    });
  });

  it("loses the lead before another can take it, when it cannot reach the API server", async () => {
    const own = new KubernetesClient(readKubeConfig(cluster.kubeconfigPath));
    const order: string[] = [];
    const onLose = (): void => void order.push("a loses");
    const first = elect("cut-off", "a", { client: own, onLose });
    await eventually(() => Promise.resolve(first.election.isLeading));
    const second = elect("cut-off", "b", { onLead: () => order.push("b leads") });
    await own.close();
    await eventually(() => Promise.resolve(second.election.isLeading), 30);
    expect(first.election.isLeading).toBe(false);
    expect(order).toStrictEqual(["a loses", "b leads"]);
  });

  it("loses the lead when somebody else takes the Lease away", async () => {
    const { election, events } = elect("taken", "a", LONG_LEASE);
    await eventually(() => Promise.resolve(election.isLeading));
    const path = "/apis/coordination.k8s.io/v1/namespaces/openfaas/leases/taken";
    const spec = { holderIdentity: "somebody", leaseDurationSeconds: 3600 };
    await cluster.client.mergePatch(path, { spec }, "test");
    await eventually(() => Promise.resolve(events.length === 2));
    expect(events).toStrictEqual(["lead", "lose"]);
    expect((await readLease("taken"))?.spec.holderIdentity).toBe("somebody");
  });
});

describe("two operators", () => {
  const start = (identity: string, port: number) => {
    const child = spawn(process.execPath, [MAIN], {
      env: { KUBECONFIG: cluster.kubeconfigPath, pod_name: identity, port: String(port) },
      stdio: "ignore",
    });
    processes.push(child);
    return child;
  };
  const holder = async () => (await readLease(LEASE.name))?.spec.holderIdentity;
  const waitForHolder = (identity: string, seconds: number) =>
    eventually(async () => (await holder()) === identity, seconds);
  const isReconciled = async (name: string) => (await cluster.readDeployment(name)) !== undefined;

  it("go on when the leader is killed, and faster when it is asked to stop", async () => {
    const first = start("one", 0);
    await waitForHolder("one", 20);
    const second = start("two", 0);
    await cluster.applyFunction("before");
    await eventually(() => isReconciled("before"));
    first.kill("SIGKILL");
    await cluster.applyFunction("between");
    await waitForHolder("two", 30);
    await eventually(() => isReconciled("between"));
    const third = start("three", 0);
    await sleep(3000);
    expect(third.exitCode).toBeNull();
    second.kill("SIGTERM");
    const [code] = (await once(second, "close")) as [number];
    expect(code).toBe(0);
    // Given up, it is free at once; else the lease would last for 15 s.
    await waitForHolder("three", 14);
    await cluster.applyFunction("after");
    await eventually(() => isReconciled("after"));
  }, 90_000);
});

describe("an operator of the whole cluster", () => {
  it("serves marked namespaces, and tells Functions elsewhere what is missing", async () => {
    await cluster.delete(LEASE);
    await cluster.createNamespace("marked", { annotations: { openfaas: "1" } });
    await cluster.createNamespace("unmarked");
    const operator = new Operator({
      client: cluster.client,
      config: readConfig({ pod_name: "wide", cluster_scope: "true" }),
      logger: createLogger({ name: "operator", level: "silent" }),
      registry: new Registry(),
    });
    try {
      await operator.start();
      await cluster.applyFunction("here", {}, "marked");
      await cluster.applyFunction("there", {}, "unmarked");
      await eventually(() => cluster.readDeployment("here", "marked"), 30);
      const condition = await cluster.waitForReason("there", "NamespaceNotEnabled", "unmarked");
      expect(condition.message).toBe(
        'namespace unmarked: expected the annotation openfaas: "1", got none',
      );
      expect(await cluster.readDeployment("there", "unmarked")).toBeUndefined();
      await cluster.createNamespace("unmarked", { labels: { openfaas: "1" } });
      await eventually(() => cluster.readDeployment("there", "unmarked"));
    } finally {
      await operator.stop();
    }
  }, 60_000);
});
