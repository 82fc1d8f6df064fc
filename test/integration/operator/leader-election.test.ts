import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { V1Deployment } from "@kubernetes/client-node";
import { readKubeConfig } from "../../../services/lib/kubeconfig.ts";
import { KubernetesClient } from "../../../services/lib/kubernetes.ts";
import { createLogger } from "../../../services/lib/logger.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import {
  LeaderElection,
  type LeaderElectionOptions,
} from "../../../services/operator/kubernetes/leader-election.ts";
import type { Manager } from "../../../services/operator/kubernetes/manager.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { fakeOnly, moveClock } from "../../support/clock.ts";
import { runMark } from "../../support/run-mark.ts";
import { until } from "../../support/until.ts";
import { type Fate, type Write, WriteGate } from "../../support/write-gate.ts";
import { eventually, TestCluster } from "./cluster.ts";

const MAIN = join(import.meta.dirname, "../../../services/operator/main.ts");

interface Lease {
  metadata: { name: string; resourceVersion: string };
  spec: {
    holderIdentity: string;
    leaseTransitions: number;
    leaseDurationSeconds: number;
  };
}

const LEASES = { group: "coordination.k8s.io", plural: "leases", namespace: "openfaas" };
const LEASE = { ...LEASES, name: "plonk-operator" };

let cluster: TestCluster;
const elections: LeaderElection[] = [];
const clients: KubernetesClient[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(elections.splice(0).map((election) => election.stop()));
  await Promise.all(clients.splice(0).map((client) => client.close()));
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

const atEnd = collectCleanups(afterEach);

const readLease = (name: string) => cluster.read<Lease>({ ...LEASES, name });

/** Minutes, which go by when a test says so: none is lost because the machine is busy. */
const LEASE_SECONDS = 600;
const RENEW_SECONDS = 300;

/** Counts what an instance asks of the API server. */
class CountingClient extends KubernetesClient {
  reads = 0;

  override find<T>(...args: Parameters<KubernetesClient["find"]>): Promise<T | undefined> {
    this.reads += 1;
    return super.find<T>(...args);
  }
}

interface Instance {
  election: LeaderElection;
  events: string[];
  client: CountingClient;
}

/** Starts an instance that tries often and notes what happens to it. */
function elect(
  name: string,
  identity: string,
  options: Partial<LeaderElectionOptions> = {},
): Instance {
  const events: string[] = [];
  const client = new CountingClient(readKubeConfig(cluster.kubeconfigPath));
  clients.push(client);
  const election = new LeaderElection({
    client,
    logger: createLogger({ name: "test", level: "silent" }),
    namespace: "openfaas",
    name,
    identity,
    leaseSeconds: LEASE_SECONDS,
    renewSeconds: RENEW_SECONDS,
    retrySeconds: 0.1,
    ...options,
  });
  elections.push(election);
  election.on("lead", () => events.push("lead"));
  election.on("lose", () => events.push("lose"));
  election.start();
  return { election, events, client };
}

/** Waits until an instance has read the Lease, and acted on it, at least once from now on. */
async function waitForAttempt({ client }: Instance): Promise<void> {
  const before = client.reads;
  // When the second one begins, the first has ended.
  await until("two attempts", () => client.reads >= before + 2);
}

const waitForLead = ({ election }: Instance): Promise<void> =>
  until("the lead", () => election.isLeading);

/** What follows runs by clocks that only `passTime` moves. */
function stopTimers(): void {
  // Node's own promises of time, by which instances try again, are not Jest's to fake.
  fakeOnly("setTimeout", "clearTimeout");
}

function passTime(seconds: number): void {
  moveClock(seconds * 1000);
  jest.advanceTimersByTime(seconds * 1000);
}

describe("LeaderElection", () => {
  it("lets one of several instances lead, and keeps it", async () => {
    stopTimers();
    const instances = ["a", "b", "c"].map((identity) => elect("several", identity));
    await until("a leader", () => instances.some(({ election }) => election.isLeading));
    // Longer than a lease, all in all.
    for (let turn = 0; turn < 4; turn += 1) {
      passTime(RENEW_SECONDS - 50);
      await Promise.all(instances.map(waitForAttempt));
    }
    expect(instances.flatMap(({ events }) => events)).toStrictEqual(["lead"]);
    expect(instances.filter(({ election }) => election.isLeading)).toHaveLength(1);
    expect((await readLease("several"))?.spec).toMatchObject({
      leaseTransitions: 0,
      leaseDurationSeconds: LEASE_SECONDS,
    });
  });

  it("hands over at once when the leader stops", async () => {
    const first = elect("handover", "a");
    await waitForLead(first);
    const second = elect("handover", "b");
    await waitForAttempt(second);
    await first.election.stop();
    expect(first.events).toStrictEqual(["lead", "lose"]);
    // The lease itself would last for minutes.
    await waitForLead(second);
    expect((await readLease("handover"))?.spec).toMatchObject({
      holderIdentity: "b",
      leaseTransitions: 1,
    });
  });

  it("loses the lead before another can take it, when it cannot reach the API server", async () => {
    stopTimers();
    const first = elect("cut-off", "a");
    await waitForLead(first);
    const second = elect("cut-off", "b");
    await first.client.close();
    await waitForAttempt(second);
    passTime(RENEW_SECONDS);
    expect([first.events, first.election.isLeading]).toStrictEqual([["lead", "lose"], false]);
    await waitForAttempt(second);
    expect(second.events).toStrictEqual([]);
    passTime(LEASE_SECONDS - RENEW_SECONDS + 1);
    await waitForLead(second);
    expect(first.events).toStrictEqual(["lead", "lose"]);
  });

  it("loses the lead when somebody else takes the Lease away", async () => {
    const taken = elect("taken", "a");
    await waitForLead(taken);
    const path = "/apis/coordination.k8s.io/v1/namespaces/openfaas/leases/taken";
    const spec = { holderIdentity: "somebody", leaseDurationSeconds: 3600 };
    await cluster.client.mergePatch(path, { spec }, "test");
    await until("the loss", () => taken.events.length === 2);
    expect(taken.events).toStrictEqual(["lead", "lose"]);
    expect((await readLease("taken"))?.spec.holderIdentity).toBe("somebody");
  });
});

describe("two operators", () => {
  const start = (identity: string, port: number) => {
    const child = spawn(process.execPath, [MAIN], {
      env: {
        ...runMark(),
        KUBECONFIG: cluster.kubeconfigPath,
        pod_name: identity,
        port: String(port),
      },
      stdio: "ignore",
    });
    processes.push(child);
    return child;
  };
  const holder = async () => (await readLease(LEASE.name))?.spec.holderIdentity;
  const waitForHolder = (identity: string) =>
    until(`${identity} to lead`, async () => (await holder()) === identity, 120_000);
  const isReconciled = async (name: string) => (await cluster.readDeployment(name)) !== undefined;

  it("go on when the leader is killed, and at once when it is asked to stop", async () => {
    const first = start("one", 0);
    await waitForHolder("one");
    const second = start("two", 0);
    await cluster.applyFunction("before");
    await eventually(() => isReconciled("before"));
    first.kill("SIGKILL");
    await cluster.applyFunction("between");
    await waitForHolder("two");
    await eventually(() => isReconciled("between"));
    second.kill("SIGTERM");
    const [code] = (await once(second, "close")) as [number];
    expect(code).toBe(0);
    // Given up, it is free at once; else others would wait for 15 s.
    expect(await holder()).toBe("");
    start("three", 0);
    await waitForHolder("three");
    await cluster.applyFunction("after");
    await eventually(() => isReconciled("after"));
  }, 300_000);
});

describe("what an operator was writing when it lost the lead", () => {
  /** An operator whose lead lasts for seconds. */
  const operate = async (client: KubernetesClient, identity: string): Promise<Manager> => {
    const operator = createOperator({
      client,
      config: readConfig({ pod_name: identity }),
      logger: createLogger({ name: "operator", level: "silent" }),
      registry: new Registry(),
      election: { leaseSeconds: 5, renewSeconds: 4, retrySeconds: 0.2 },
    });
    atEnd(() => operator.stop());
    await operator.start();
    return operator;
  };
  const readImage = async (name: string): Promise<string | undefined> => {
    const deployment = await cluster.readDeployment(name);
    return (deployment as V1Deployment | undefined)?.spec?.template.spec?.containers[0]?.image;
  };
  const waitForImage = (name: string, image: string) =>
    eventually(async () => (await readImage(name)) === image);

  it("is put right by the next one, where it is stored only after that one has begun", async () => {
    await cluster.delete(LEASE).catch(() => undefined);
    const gate = await WriteGate.to(cluster.kubeconfigPath);
    atEnd(() => gate.close());
    const client = new KubernetesClient({ server: gate.url });
    atEnd(() => client.close());
    const former = await operate(client, "former");
    for (const name of ["applied", "told"]) {
      await cluster.applyFunction(name);
      await cluster.runPods(name, 1);
      await cluster.waitForReason(name, "Available");
    }
    const held: Write[] = [];
    const { promise: released, resolve: release } = Promise.withResolvers<Fate>();
    gate.decide = (write) => {
      held.push(write);
      return released;
    };
    await cluster.applyFunction("applied", { image: "registry.example/x:2" });
    for (const pod of await cluster.pods("told")) {
      await cluster.setPodStatus(pod, { conditions: [{ type: "Ready", status: "False" }] });
    }
    const find = (end: string) => held.filter(({ path }) => path.split("?")[0]?.endsWith(end));
    const [deployments, statuses] = ["/deployments/applied", "/functions/told/status"];
    await until("both writes", () => [deployments, statuses].every((it) => find(it).length === 1));
    await until("the loss", () => !former.isLeading);
    await operate(cluster.client, "next");
    await waitForImage("applied", "registry.example/x:2");
    await cluster.applyFunction("applied", { image: "registry.example/x:3" });
    await waitForImage("applied", "registry.example/x:3");
    await cluster.runPods("told", 1);
    await cluster.waitForReason("told", "Available");
    gate.decide = () => "pass";
    release("pass");
    const [applied, told] = [find(deployments), find(statuses)];
    expect(applied.map(({ body }) => body)).toStrictEqual([expect.stringContaining("x:2")]);
    expect(told.map(({ body }) => body)).toStrictEqual([expect.stringContaining('"False"')]);
    // They were stored, over what the next one had written; the lead was not.
    const answers = [...applied, ...told].map(({ answered }) => answered);
    expect(await Promise.all(answers)).toStrictEqual([200, 200]);
    const leases = await Promise.all(find(LEASE.name).map(({ answered }) => answered));
    expect([...new Set(leases)]).toStrictEqual([409]);
    await waitForImage("applied", "registry.example/x:3");
    await cluster.waitForReason("told", "Available");
    expect((await readLease(LEASE.name))?.spec.holderIdentity).toBe("next");
  }, 300_000);
});

describe("an operator of the whole cluster", () => {
  it("serves marked namespaces, and tells Functions elsewhere what is missing", async () => {
    await cluster.delete(LEASE);
    await cluster.createNamespace("marked", { annotations: { openfaas: "1" } });
    await cluster.createNamespace("unmarked");
    const operator = createOperator({
      client: cluster.client,
      config: readConfig({ pod_name: "wide", cluster_scope: "true" }),
      logger: createLogger({ name: "operator", level: "silent" }),
      registry: new Registry(),
    });
    try {
      await operator.start();
      await cluster.applyFunction("here", {}, "marked");
      await cluster.applyFunction("there", {}, "unmarked");
      await eventually(() => cluster.readDeployment("here", "marked"));
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
  });
});
