/** Looks at the queue and what becomes of them, with a Deployment of the test's. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { QueueFacts } from "../../../../services/gateway/calls/worker-scale.ts";
import { WorkerScaleMetrics } from "../../../../services/gateway/calls/worker-scale-metrics.ts";
import { WorkerScaler } from "../../../../services/gateway/calls/worker-scaler.ts";
import type { Scale } from "../../../../services/gateway/cluster/worker-deployment.ts";
import { KubernetesError } from "../../../../services/lib/kubernetes.ts";
import { createRegistry, type Registry } from "../../../../services/lib/metrics.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { NOTHING } from "../../../support/queue-facts.ts";
import { until } from "../../../support/until.ts";

const BUSY: QueueFacts = { ...NOTHING, waiting: 250, dueInMs: 0 };
const RULES = { min: 0, max: 4, callsPerWorker: 100, maxWaitMs: 30_000, quietMs: 60_000 };

/** A Deployment that others may change, too. */
class Deployment {
  replicas = 1;
  version = 1;
  reads = 0;
  failure: Error | undefined;
  readonly written: number[] = [];
  /** What happens between a read and the write that follows. */
  meanwhile: () => void = () => undefined;

  read(): Promise<Scale> {
    this.reads += 1;
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(this.#toScale());
  }

  write({ replicas, resourceVersion }: Scale): Promise<Scale> {
    this.meanwhile();
    if (resourceVersion !== String(this.version)) {
      return Promise.reject(new KubernetesError("modified", 409, "Conflict"));
    }
    this.set(replicas);
    this.written.push(replicas);
    return Promise.resolve(this.#toScale());
  }

  set(replicas: number): void {
    this.replicas = replicas;
    this.version += 1;
  }

  #toScale(): Scale {
    return { replicas: this.replicas, resourceVersion: String(this.version) };
  }
}

let now: number;
let facts: QueueFacts | Error;
let asked: number;
let deployment: Deployment;
let registry: Registry;
let log: KeptLog;

/** What was logged, levels as pino numbers them. */
function lines(): Record<string, unknown>[] {
  const texts = log.text().split("\n").slice(0, -1);
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
}

/** One with metrics of its own: those of the last one are read. */
function createScaler(): WorkerScaler {
  registry = createRegistry();
  return new WorkerScaler({
    facts: {
      read: () => {
        asked += 1;
        return facts instanceof Error ? Promise.reject(facts) : Promise.resolve(facts);
      },
    },
    deployment,
    rules: RULES,
    metrics: new WorkerScaleMetrics(registry),
    logger: log.logger,
    now: () => now,
  });
}

beforeEach(() => {
  [now, facts, asked] = [0, NOTHING, 0];
  deployment = new Deployment();
  log = createKeptLog();
});

/** Looks each second for so long. */
async function lookFor(scaler: WorkerScaler, seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left--) {
    await scaler.look();
    now += 1000;
  }
}

async function metric(name: string): Promise<string | undefined> {
  const lines = (await registry.metrics()).split("\n");
  return lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

describe("a look at the queue", () => {
  test("gives it the workers that it needs, and says so", async () => {
    facts = BUSY;
    await createScaler().look();
    expect(deployment.written).toEqual([3]);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({ msg: "queue-workers scaled", from: 1, to: 3 });
    expect(await metric('gateway_queue_workers{which="wanted"}')).toBe("3");
    expect(await metric('gateway_queue_calls{state="waiting"}')).toBe("250");
    expect(await metric('gateway_queue_worker_scalings_total{direction="up"}')).toBe("1");
  });

  test("takes all of them when there is nothing to do, and gives one back at once", async () => {
    const scaler = createScaler();
    await lookFor(scaler, 61);
    expect(deployment.written).toEqual([0]);
    facts = { ...NOTHING, waiting: 1, dueInMs: 0 };
    await scaler.look();
    expect(deployment.written).toEqual([0, 1]);
    expect(await metric('gateway_queue_worker_scalings_total{direction="down"}')).toBe("1");
  });

  test("writes nothing where there are as many as it needs, and asks seldom", async () => {
    facts = { ...NOTHING, running: 20, dueInMs: 0 };
    const scaler = createScaler();
    await lookFor(scaler, 100);
    expect(deployment.written).toEqual([]);
    expect(asked).toBe(100);
    expect(deployment.reads).toBe(10);
  });

  test("sees within ten seconds what somebody else has changed", async () => {
    facts = { ...NOTHING, running: 20, dueInMs: 0 };
    const scaler = createScaler();
    await scaler.look();
    deployment.set(0);
    await lookFor(scaler, 11);
    expect(deployment.written).toEqual([1]);
  });

  test("decides anew by what is there now, not by what was there ten seconds ago", async () => {
    const scaler = createScaler();
    await scaler.look();
    facts = BUSY;
    deployment.set(3);
    await scaler.look();
    expect(deployment.written).toEqual([]);
  });
});

describe("another gateway", () => {
  test("that was faster wins, and the next look counts with it", async () => {
    facts = BUSY;
    const scaler = createScaler();
    deployment.meanwhile = () => deployment.set(4);
    await scaler.look();
    expect(deployment.written).toEqual([]);
    expect(lines()).toEqual([]);
    deployment.meanwhile = () => undefined;
    await scaler.look();
    expect([deployment.replicas, deployment.written]).toEqual([4, []]);
  });

  test("that sees the same does the same: two make no more changes than one", async () => {
    const [first, second] = [createScaler(), createScaler()];
    for (const [seconds, each] of [
      [10, BUSY],
      [400, NOTHING],
      [10, BUSY],
    ] as const) {
      facts = each;
      for (let left = seconds; left > 0; left--) {
        await Promise.all([first.look(), second.look()]);
        now += 1000;
      }
    }
    expect(deployment.written).toEqual([3, 2, 1, 0, 3]);
  });

  test("that starts anew takes nothing away before its quiet time", async () => {
    await lookFor(createScaler(), 60);
    await lookFor(createScaler(), 60);
    expect(deployment.written).toEqual([]);
  });
});

describe("what cannot be read", () => {
  test("changes nothing, is told once, and the quiet time begins anew", async () => {
    const scaler = createScaler();
    await lookFor(scaler, 59);
    facts = new Error("queue: not connected");
    await lookFor(scaler, 5);
    expect(deployment.written).toEqual([]);
    expect(lines().filter(({ level }) => level === "warn")).toHaveLength(1);
    expect(await metric("gateway_queue_worker_scaling_failures_total")).toBe("5");
    facts = NOTHING;
    await lookFor(scaler, 60);
    expect(deployment.written).toEqual([]);
    await scaler.look();
    expect(deployment.written).toEqual([0]);
  });

  test("may be the Deployment: it is asked again with the next look", async () => {
    facts = BUSY;
    const scaler = createScaler();
    deployment.failure = new KubernetesError("no such Deployment", 404, "NotFound");
    await scaler.look();
    deployment.failure = undefined;
    await scaler.look();
    expect(deployment.written).toEqual([3]);
    expect(lines()[0]).toMatchObject({ reason: "no such Deployment", level: "warn" });
  });
});

describe("a call that is queued", () => {
  test("is looked at at once where there is no worker", async () => {
    deployment.set(0);
    const scaler = createScaler();
    scaler.start();
    await until("the first look", () => asked === 1 && deployment.reads === 1);
    facts = { ...NOTHING, waiting: 1, dueInMs: 0 };
    const since = performance.now();
    scaler.wake();
    await until("a worker", () => deployment.replicas === 1);
    // Sooner than the next look would be; what it takes is told by the log, not judged here.
    expect(deployment.written).toEqual([1]);
    expect(performance.now()).toBeGreaterThan(since);
    await scaler.stop();
  });

  test("waits for the next look where there are workers, or nothing can be read", async () => {
    const scaler = createScaler();
    await scaler.look();
    scaler.wake();
    facts = new Error("queue: not connected");
    await scaler.look();
    scaler.wake();
    expect(asked).toBe(2);
  });

  test("starts nothing after the end", async () => {
    const scaler = createScaler();
    await scaler.stop();
    scaler.start();
    await scaler.stop();
    expect(asked).toBe(0);
  });
});
