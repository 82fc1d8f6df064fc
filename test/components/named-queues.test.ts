/** Queues beside the usual one: their workers, who may reach them, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform, type QueueOptions } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, IMAGES, recordRegistrations } from "./support/mocks.ts";
import { withPlatform } from "./support/wrong-platform.ts";

const registrations = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

function create(name: string, queue: QueueOptions): Platform {
  return new Platform(name, {
    cluster: fakeCluster({ networkPolicy: true }),
    images: IMAGES,
    adminPassword: "pw",
    queue,
  });
}

function find(name: string): Record<string, unknown> | undefined {
  return registrations.find((each) => each.name === name)?.inputs;
}

interface Workload {
  metadata: { name: string };
  spec: {
    replicas?: number;
    selector: { matchLabels: Record<string, string> };
    template: {
      spec: {
        serviceAccountName: string;
        containers: {
          env: { name: string; value: string }[];
          resources: { limits: Record<string, string> };
        }[];
      };
    };
  };
}

const workloadOf = (name: string): Workload | undefined => find(name) as Workload | undefined;

function variablesOf(name: string): Record<string, string> {
  const env = workloadOf(name)?.spec.template.spec.containers[0]?.env ?? [];
  return Object.fromEntries(
    env
      .filter((each) => /^(?:queue_names?|max_inflight.*)$/.test(each.name))
      .map((each) => [each.name, each.value]),
  );
}

let platform: Platform;

beforeAll(async () => {
  create("none", {});
  platform = create("some", {
    maxInflight: 50,
    worker: { resources: { limits: { memory: "256Mi" } } },
    queues: {
      slow: { replicas: 2, maxInflight: 5, maxInflightPerFunction: 1 },
      batch: { worker: { resources: { limits: { memory: "512Mi" } } } },
    },
  });
  await settle();
});

describe("a queue beside the usual one", () => {
  it("has workers of its own, who are told which is theirs", () => {
    expect(workloadOf("some-queue-worker-slow")?.metadata.name).toBe("queue-worker-slow");
    expect(workloadOf("some-queue-worker-slow")?.spec.replicas).toBe(2);
    expect(workloadOf("some-queue-worker-batch")?.spec.replicas).toBe(1);
    expect(variablesOf("some-queue-worker-slow")).toEqual({
      queue_name: "slow",
      queue_names: "batch,slow",
      max_inflight: "5",
      max_inflight_per_function: "1",
    });
    expect(variablesOf("some-queue-worker-batch")).toEqual({
      queue_name: "batch",
      queue_names: "batch,slow",
      max_inflight: "50",
      max_inflight_per_function: "10",
    });
  });

  it("is known to the usual one's workers, whose number it leaves to the gateway", () => {
    expect(variablesOf("some-queue-worker")).toEqual({
      queue_names: "batch,slow",
      max_inflight: "50",
      max_inflight_per_function: "10",
    });
    expect(workloadOf("some-queue-worker")?.spec).not.toHaveProperty("replicas");
  });

  it("is known to the gateway, and to the program", async () => {
    expect(variablesOf("some-gateway")).toMatchObject({ queue_names: "batch,slow" });
    const names = await new Promise((resolve) => void platform.queueNames.apply(resolve));
    expect(names).toEqual(["batch", "slow"]);
  });

  it("has the pods of the usual one where it says nothing else", () => {
    const limitOf = (name: string): string | undefined =>
      workloadOf(name)?.spec.template.spec.containers[0]?.resources.limits["memory"];
    expect(limitOf("some-queue-worker-slow")).toBe("256Mi");
    expect(limitOf("some-queue-worker-batch")).toBe("512Mi");
    const accounts = ["some-queue-worker", "some-queue-worker-slow"].map(
      (name) => workloadOf(name)?.spec.template.spec.serviceAccountName,
    );
    expect(accounts[0]).toBe(accounts[1]);
  });

  it("may reach NATS, and Prometheus may ask its workers", () => {
    const nats = JSON.stringify(find("some-allow-nats-4222"));
    for (const name of ["queue-worker", "queue-worker-slow", "queue-worker-batch"]) {
      expect(nats).toContain(`"app.kubernetes.io/name":"${name}"`);
    }
    expect(find("some-allow-queue-worker-slow-8081")).toBeDefined();
    expect(JSON.stringify(find("none-allow-nats-4222"))).not.toContain("queue-worker-");
  });

  it("of which there are several is kept alive by a budget", () => {
    expect(find("some-queue-worker-slow-budget")).toBeDefined();
    expect(find("some-queue-worker-batch-budget")).toBeUndefined();
  });

  it("changes nothing of a platform without one", () => {
    expect(variablesOf("none-queue-worker")).toEqual({
      max_inflight: "100",
      max_inflight_per_function: "10",
    });
    expect(variablesOf("none-gateway")).not.toHaveProperty("queue_names");
  });
});

describe("what is refused", () => {
  const words = "names of 1 to 32 lower-case letters, digits and hyphens, and not faas-request";

  it.each([
    [{ Slow: {} }, `queue.queues: expected ${words}, got "Slow"`],
    [{ "": {} }, `queue.queues: expected ${words}, got ""`],
    [{ "faas-request": {} }, `queue.queues: expected ${words}, got "faas-request"`],
    [
      { slow: { replicas: 0 } },
      /^queue\.queues\.slow\.replicas: expected a whole number from 1, got 0/,
    ],
    [{ slow: { maxInflight: -1 } }, /^queue\.queues\.slow\.maxInflight: /],
    [
      Object.fromEntries(Array.from({ length: 21 }, (_each, index) => [`q${index}`, {}])),
      "queue.queues: expected at most 20, got 21",
    ],
  ])("%j", (queues, message) => {
    expect(withPlatform({ queue: { queues } })).toThrow(message);
  });
});
