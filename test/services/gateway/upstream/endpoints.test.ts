/** Routes from EndpointSlices. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createEndpointWatch } from "../../../../services/gateway/upstream/endpoint-slices.ts";
import { Endpoints, serviceOrigins } from "../../../../services/gateway/upstream/endpoints.ts";
import { Upstream } from "../../../../services/gateway/upstream/upstream.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { until } from "../../../support/until.ts";

const collection = "/apis/discovery.k8s.io/v1/namespaces/fn/endpointslices";

interface Endpoint {
  addresses: string[];
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
}

let fake: FakeKubernetes;
let client: KubernetesClient;
let endpoints: Endpoints;
let changes: string[];

function put(name: string, list: Endpoint[], extra: object = {}): void {
  const labels = { faas_function: "env", "kubernetes.io/service-name": "env" };
  fake.put(collection, {
    metadata: { name, labels },
    endpoints: list,
    ports: [
      { name: "metrics", port: 8081 },
      { name: "http", port: 8080 },
    ],
    ...extra,
  });
}

const at = (address: string, conditions?: Endpoint["conditions"]): Endpoint => ({
  addresses: [address],
  ...(conditions !== undefined && { conditions }),
});

/** Origins in the order in which idle pods are chosen. */
function origins(count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => endpoints.pick("fn/env")?.origin);
}

async function start(toServiceOrigin?: (key: string) => string): Promise<void> {
  endpoints = new Endpoints(createEndpointWatch(client, "fn", createKeptLog().logger), {
    createUpstream: (origin) => new Upstream({ origin, connectMs: 1000 }),
    toServiceOrigin,
  });
  // Timers of the pods that leave in this test go on in the next one, which has a list of its own.
  const own = changes;
  endpoints.on("change", (key) => own.push(key));
  await endpoints.watch.start().waitForSync();
  await until("a watch", () => fake.watchers === 1);
}

beforeEach(async () => {
  fake = new FakeKubernetes();
  client = await fake.start();
  changes = [];
});

afterEach(async () => {
  await endpoints.watch.stop();
  await endpoints.close();
  await client.close();
  await fake.stop();
});

describe("Endpoints", () => {
  test("knows the ready pods of all slices of a function, once each", async () => {
    put("env-1", [at("198.18.1.1"), at("198.18.1.2", { ready: true })]);
    put("env-2", [at("198.18.1.2"), at("198.18.1.3", { ready: false })]);
    await start();
    expect(origins(3)).toEqual([
      "http://198.18.1.1:8080",
      "http://198.18.1.2:8080",
      "http://198.18.1.1:8080",
    ]);
    expect(endpoints.has("fn/other")).toBe(false);
    expect(endpoints.pick("fn/other")).toBeUndefined();
  });

  test("takes the pod with the fewest calls in flight", async () => {
    put("env-1", [at("198.18.1.1"), at("198.18.1.2"), at("198.18.1.3")]);
    await start();
    const pods = [0, 1, 2].map(() => endpoints.pick("fn/env"));
    pods.forEach((pod, index) => {
      if (pod !== undefined) {
        pod.inFlight = [3, 1, 2][index] ?? 0;
      }
    });
    expect(new Set(origins(4))).toEqual(new Set([pods[1]?.origin]));
  });

  test("avoids pods that failed, and has none left when all did", async () => {
    put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
    await start();
    const [first, second] = [endpoints.pick("fn/env"), endpoints.pick("fn/env")];
    const failed = new Set(first === undefined ? [] : [first]);
    expect(endpoints.pick("fn/env", failed)).toBe(second);
    failed.add(second ?? (first as never));
    expect(endpoints.pick("fn/env", failed)).toBeUndefined();
  });

  describe("pods that leave", () => {
    const leaving = { ready: false, serving: true, terminating: true };

    afterEach(() => {
      jest.useRealTimers();
    });

    test("get no calls while there are ready ones", async () => {
      put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
      await start();
      put("env-1", [at("198.18.1.1", leaving), at("198.18.1.2")]);
      await until("the change", () => changes.length === 2);
      expect(origins(2)).toEqual(["http://198.18.1.2:8080", "http://198.18.1.2:8080"]);
      put("env-1", [at("198.18.1.1", leaving), at("198.18.1.2", { ...leaving, serving: false })]);
      await until("the change", () => changes.length === 3);
      expect(origins(2)).toEqual(["http://198.18.1.1:8080", "http://198.18.1.1:8080"]);
    });

    test("get calls until shortly before their process is told to stop", async () => {
      fakeOnly("setTimeout", "clearTimeout");
      put("env-1", [at("198.18.1.1")]);
      await start();
      put("env-1", [at("198.18.1.1", leaving)]);
      await until("the change", () => changes.length === 2);
      const [pod] = [endpoints.pick("fn/env")];
      await jest.advanceTimersByTimeAsync(1000);
      // Another change meanwhile gives it no more time.
      put("env-1", [at("198.18.1.1", leaving), at("198.18.1.2", { ready: false })]);
      await until("the change", () => changes.length === 3);
      await jest.advanceTimersByTimeAsync(999);
      expect(endpoints.pick("fn/env")).toBe(pod);
      await jest.advanceTimersByTimeAsync(1);
      expect([endpoints.has("fn/env"), changes.length]).toEqual([false, 4]);
      expect(pod?.isClosed).toBe(true);
      put("env-1", [at("198.18.1.1", leaving), at("198.18.1.2")]);
      await until("the change", () => changes.length === 5);
      expect(origins(2)).toEqual(["http://198.18.1.2:8080", "http://198.18.1.2:8080"]);
    });

    test("get none where nobody knows since when they leave", async () => {
      put("env-1", [at("198.18.1.1", leaving)]);
      await start();
      expect(endpoints.has("fn/env")).toBe(false);
    });
  });

  describe("pods of a function that was deleted", () => {
    const version = (): string =>
      String(fake.objects.get(`${collection}/env-1`)?.metadata["resourceVersion"]);
    const later = (): string => String(Number(version()) + 1);

    afterEach(() => {
      jest.useRealTimers();
    });

    test("get no calls of another one of its name, whose own pods do", async () => {
      put("env-1", [at("198.18.1.1")]);
      await start();
      const old = endpoints.pick("fn/env");
      endpoints.abandon("fn/env", later());
      expect([endpoints.has("fn/env"), old?.isClosed]).toEqual([false, true]);
      put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
      await until("the change", () => endpoints.has("fn/env"));
      expect(origins(2)).toEqual(Array(2).fill("http://198.18.1.2:8080"));
      put("env-1", [at("198.18.1.2")]);
      await until("the change", () => changes.length === 3);
      // Another pod may get the address.
      put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
      await until("the change", () => changes.length === 4);
      expect(new Set(origins(2)).size).toBe(2);
    });

    test("are told by when they were there: later ones are the other one's", async () => {
      put("env-1", [at("198.18.1.1")]);
      await start();
      endpoints.abandon("fn/env", version());
      endpoints.abandon("fn/none", version());
      expect(endpoints.has("fn/env")).toBe(true);
    });

    test("are known by when they came, also from a slice that was written later", async () => {
      put("env-1", [at("198.18.1.1")]);
      await start();
      const deleted = version();
      put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
      await until("the change", () => changes.length === 2);
      endpoints.abandon("fn/env", String(Number(deleted) + 1));
      expect(origins(2)).toEqual(Array(2).fill("http://198.18.1.2:8080"));
    });

    test("are the other one's after a minute, if they are still there", async () => {
      fakeOnly("setTimeout", "clearTimeout");
      put("env-1", [at("198.18.1.1")]);
      await start();
      endpoints.abandon("fn/env", later());
      await jest.advanceTimersByTimeAsync(59_000);
      expect(endpoints.has("fn/env")).toBe(false);
      await jest.advanceTimersByTimeAsync(1000);
      expect([endpoints.has("fn/env"), changes.length]).toEqual([true, 2]);
    });
  });

  test("keeps a pod and its calls in flight over changes, and closes one that has gone", async () => {
    put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
    await start();
    const [stays, goes] = [endpoints.pick("fn/env"), endpoints.pick("fn/env")];
    put("env-1", [at("198.18.1.1")]);
    await until("the change", () => changes.length === 2);
    expect(endpoints.pick("fn/env")).toBe(stays);
    expect([stays?.isClosed, goes?.isClosed]).toEqual([false, true]);
  });

  test("forgets a function whose slices are gone", async () => {
    put("env-1", [at("198.18.1.1")]);
    await start();
    fake.remove(collection, "env-1");
    await until("the change", () => changes.length === 2);
    expect(endpoints.has("fn/env")).toBe(false);
    expect(changes).toEqual(["fn/env", "fn/env"]);
  });

  test("follows a slice that comes to another function", async () => {
    put("moved-1", [at("198.18.1.1")]);
    await start();
    const labels = { faas_function: "other", "kubernetes.io/service-name": "other" };
    put("moved-1", [at("198.18.1.1")], { metadata: { name: "moved-1", labels } });
    await until("the change", () => endpoints.has("fn/other"));
    expect(endpoints.has("fn/env")).toBe(false);
  });

  test("ignores Services that are not the function's own", async () => {
    const labels = { faas_function: "env", "kubernetes.io/service-name": "env-metrics" };
    put("env-1", [at("198.18.1.1")], { metadata: { name: "env-1", labels } });
    await start();
    expect(endpoints.has("fn/env")).toBe(false);
  });

  test("brackets IPv6 addresses, and takes the only port whatever its name", async () => {
    put("env-1", [at("fd00::1")], { ports: [{ name: "web", port: 9000 }] });
    await start();
    expect(origins(1)).toEqual(["http://[fd00::1]:9000"]);
  });

  test("chooses a pod that failed a moment ago only when there is no other", async () => {
    put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
    await start();
    const [first, second] = [endpoints.pick("fn/env"), endpoints.pick("fn/env")];
    first?.eject();
    if (second !== undefined) {
      second.inFlight = 5;
    }
    expect(new Set(origins(4))).toEqual(new Set([second?.origin]));
    expect(endpoints.pick("fn/env", new Set(second === undefined ? [] : [second]))).toBe(first);
  });

  test("sends calls to the Service as long as it has a ready pod, if asked to", async () => {
    put("env-1", [at("198.18.1.1"), at("198.18.1.2")]);
    await start(serviceOrigins("svc.cluster.local", "fn"));
    expect(origins(2)).toEqual(Array(2).fill("http://env.fn.svc.cluster.local:8080"));
    put("env-1", [at("198.18.1.1", { ready: false })]);
    await until("the change", () => changes.length === 2);
    expect(endpoints.has("fn/env")).toBe(false);
  });

  test("wakes who waits for a change, or lets go after the time", async () => {
    await start();
    const woken = endpoints.waitForChange("fn/env", 60_000);
    put("env-1", [at("198.18.1.1")]);
    await woken;
    expect(endpoints.has("fn/env")).toBe(true);
    const startedAt = performance.now();
    await endpoints.waitForChange("fn/env", 50);
    expect(performance.now() - startedAt).toBeGreaterThan(40);
  });
});

describe("serviceOrigins", () => {
  test.each(["svc.cluster.local", "fn.svc.cluster.local"])("takes the suffix %s", (suffix) => {
    const toOrigin = serviceOrigins(suffix, "fn");
    expect(toOrigin("fn/a")).toBe("http://a.fn.svc.cluster.local:8080");
    expect(toOrigin("other/b")).toBe("http://b.other.svc.cluster.local:8080");
  });
});
