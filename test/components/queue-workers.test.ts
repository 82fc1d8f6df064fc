/** How many queue-workers there are: who says so, and what the gateway may do for it. */
import { afterAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Gateway, Platform, Queue, type QueueWorkers } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, IMAGES, recordRegistrations } from "./support/mocks.ts";

const registrations = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

/** Annotation by which fields become the stack's, whoever had them. */
const FORCE = "pulumi.com/patchForce";

interface Made {
  spec: {
    replicas?: number;
    template: {
      spec: {
        topologySpreadConstraints?: unknown[];
        containers: { env: { name: string; value: string }[] }[];
      };
    };
  };
  metadata: { annotations?: Record<string, string> };
  rules: unknown[];
}

/** What was made under a logical name; undefined: nothing. */
function find(name: string): Made | undefined {
  return registrations.find((each) => each.name === name)?.inputs as Made | undefined;
}

function variablesOf(deployment: Made | undefined): Record<string, string> {
  const [container] = deployment?.spec.template.spec.containers ?? [];
  const entries = container?.env ?? [];
  const own = entries.filter(({ name }) => /^queue_(?:workers|calls)_/.test(name));
  return Object.fromEntries(own.map(({ name, value }) => [name, value]));
}

let count = 0;

/** Makes a platform; resolves with what it has for the workers. */
async function create(workers?: QueueWorkers, profile: "standard" | "edge" = "standard") {
  const name = `p${++count}`;
  new Platform(name, {
    cluster: fakeCluster(),
    images: IMAGES,
    adminPassword: "pw",
    profile,
    ...(workers && { queue: { workers } }),
  });
  await settle();
  return {
    worker: find(`${name}-queue-worker`),
    budget: find(`${name}-queue-worker-budget`),
    variables: variablesOf(find(`${name}-gateway`)),
    role: find(`${name}-gateway-platform-role`),
  };
}

/** The rights to change how many pods something has. */
function toScaleRules(role: unknown): object[] {
  const { rules } = role as { rules: { resources: string[] }[] };
  return rules.filter(({ resources }) => resources.includes("deployments/scale"));
}

describe("queue-workers of a platform", () => {
  it("are one to four, which the gateway says and no program does", async () => {
    const { worker, budget, variables, role } = await create();
    expect(worker?.spec).not.toHaveProperty("replicas");
    expect(worker?.metadata.annotations).not.toHaveProperty(FORCE);
    expect(worker?.spec.template.spec.topologySpreadConstraints).toHaveLength(2);
    expect(budget).toBeDefined();
    expect(variables).toEqual({
      queue_workers_min: "1",
      queue_workers_max: "4",
      queue_calls_per_worker: "100",
      queue_workers_max_wait: "30s",
      queue_workers_quiet: "60s",
    });
    expect(toScaleRules(role)).toEqual([
      {
        apiGroups: ["apps"],
        resources: ["deployments/scale"],
        verbs: ["get", "patch"],
        resourceNames: ["queue-worker"],
      },
    ]);
  });

  it("may be none, and as many as the program says", async () => {
    const options = { min: 0, max: 9, callsPerWorker: 7, maxWaitSeconds: 5, quietSeconds: 300 };
    expect((await create(options)).variables).toEqual({
      queue_workers_min: "0",
      queue_workers_max: "9",
      queue_calls_per_worker: "7",
      queue_workers_max_wait: "5s",
      queue_workers_quiet: "300s",
    });
    const { variables, worker, budget } = await create({ min: 0, max: 1 });
    expect(variables).toMatchObject({ queue_workers_min: "0", queue_workers_max: "1" });
    expect(worker?.spec).not.toHaveProperty("replicas");
    expect(budget).toBeUndefined();
  });

  it.each([
    [{ min: 2, max: 2 }, 2],
    [{ max: 1 }, 1],
    [{ min: 3, max: 3, quietSeconds: 10 }, 3],
  ])("of %p are that number, and the program's own also when a gateway had it", async (...row) => {
    const [workers, replicas] = row;
    const { worker, variables, role } = await create(workers);
    expect(worker?.spec.replicas).toBe(replicas);
    expect(worker?.metadata.annotations).toMatchObject({ [FORCE]: "true" });
    expect(variables).toEqual({});
    expect(toScaleRules(role)).toEqual([]);
  });

  it("are at least as many as the fewest, where the most are not said", async () => {
    expect((await create({ min: 6 })).worker?.spec.replicas).toBe(6);
    expect((await create({ min: 2 })).variables).toMatchObject({ queue_workers_max: "4" });
  });

  it("are one on a small machine, unless it is said otherwise", async () => {
    const { worker, variables } = await create(undefined, "edge");
    expect([worker?.spec.replicas, variables]).toEqual([1, {}]);
    expect((await create({ max: 2 }, "edge")).variables).toMatchObject({
      queue_workers_min: "1",
      queue_workers_max: "2",
    });
  });
});

describe("queue-workers beside a gateway of its own", () => {
  const place = { cluster: fakeCluster(), namespace: "ns", images: IMAGES };

  it("are left as they are by one that is told nothing", async () => {
    new Queue("q", place);
    new Gateway("g", { ...place, adminPassword: "pw", functionNamespace: "fn" });
    await settle();
    expect(find("q-queue-worker")?.spec).not.toHaveProperty("replicas");
    expect(variablesOf(find("g-gateway"))).toEqual({});
    expect(toScaleRules(find("g-gateway-platform-role"))).toEqual([]);
  });

  it("are scaled by one that is told of them", async () => {
    const access = { adminPassword: "pw", functionNamespace: "fn" };
    new Gateway("h", { ...place, ...access, queueWorkers: { max: 2 } });
    await settle();
    expect(variablesOf(find("h-gateway"))).toMatchObject({ queue_workers_max: "2" });
    expect(toScaleRules(find("h-gateway-platform-role"))).toHaveLength(1);
  });
});

describe("wrong numbers of workers are refused in the preview", () => {
  it.each<[QueueWorkers, string]>([
    [{ min: 5, max: 2 }, "min: expected at most queue.workers.max (2), got 5"],
    [{ max: 0 }, "max: expected a whole number from 1 to 100, got 0"],
    [{ min: -1 }, "min: expected a whole number from 0 to 100, got -1"],
    [{ min: 1.5 }, "min: expected a whole number from 0 to 100, got 1.5"],
    [{ max: NaN }, "max: expected a whole number from 1 to 100, got NaN"],
    [{ max: 101 }, "max: expected a whole number from 1 to 100, got 101"],
    [{ min: 101 }, "min: expected a whole number from 0 to 100, got 101"],
    [{ callsPerWorker: 0 }, "callsPerWorker: expected a whole number from 1, got 0"],
    [{ maxWaitSeconds: 0 }, "maxWaitSeconds: expected a whole number from 1, got 0"],
    [{ quietSeconds: -5 }, "quietSeconds: expected a whole number from 1, got -5"],
  ])("%p", (workers, message) => {
    const args = { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw" };
    expect(() => new Platform("w", { ...args, queue: { workers } })).toThrow(
      `queue.workers.${message}`,
    );
  });
});
