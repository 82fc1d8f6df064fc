/** A gateway that scales the queue-workers, with a real queue and a small Kubernetes API. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { TestGateway as Gateways, type TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

const DEPLOYMENTS = "/apis/apps/v1/namespaces/openfaas/deployments";
const SCALE = `${DEPLOYMENTS}/queue-worker/scale`;

let nats: NatsServer;
let gateway: TestGateway;

const environment = (): Record<string, string> => ({
  faas_nats_address: "127.0.0.1",
  faas_nats_port: String(nats.port),
  queue_workers_min: "0",
  queue_workers_max: "3",
  queue_calls_per_worker: "2",
  queue_workers_quiet: "1s",
});

beforeAll(async () => {
  nats = await NatsServer.create();
  gateway = await Gateways.start(environment());
  gateway.declare("f");
  await gateway.settle();
});

afterAll(async () => {
  await gateway.stop();
  await nats.destroy();
});

beforeEach(() => {
  gateway.fake.put(DEPLOYMENTS, { metadata: { name: "queue-worker" }, spec: { replicas: 0 } });
});

function replicas(): unknown {
  const object = gateway.fake.objects.get(`${DEPLOYMENTS}/queue-worker`);
  return (object?.["spec"] as { replicas?: number } | undefined)?.replicas;
}

async function enqueue(headers: Record<string, string> = {}): Promise<void> {
  await until("the queue", async () => {
    const init = { method: "POST", body: "x", headers };
    return (await fetch(`${gateway.url}/async-function/f`, init)).status === 202;
  });
}

test("a call that is accepted brings a worker back, more calls bring more, up to the most", async () => {
  await enqueue({ "X-Delay-Seconds": "3600" });
  const looks = countReads();
  // One may have begun before there was a call.
  await until("looks at the queue", () => countReads() > looks + 1);
  expect(replicas()).toBe(0);
  await enqueue();
  await until("a worker", () => replicas() === 1);
  for (let count = 0; count < 8; count++) {
    await enqueue();
  }
  await until("three workers", () => replicas() === 3);
  const patches = gateway.fake.requests.filter(({ method, path }) => {
    return method === "PATCH" && path === SCALE;
  });
  expect(patches.every(({ query }) => query.get("fieldManager") === "plonk-gateway")).toBe(true);
  expect(await gateway.metrics()).toMatch(/^gateway_queue_workers\{which="wanted"\} 3$/m);
});

test("another gateway takes none of them away, and both go on while NATS is away", async () => {
  gateway.fake.put(DEPLOYMENTS, { metadata: { name: "queue-worker" }, spec: { replicas: 3 } });
  await nats.halt();
  await until("a look that fails", async () =>
    /^gateway_queue_worker_scaling_failures_total [1-9]/m.test(await gateway.metrics()),
  );
  expect(replicas()).toBe(3);
  await nats.start();
  gateway.fake.put(DEPLOYMENTS, { metadata: { name: "queue-worker" }, spec: { replicas: 1 } });
  await until("three workers", () => replicas() === 3);
});

function countReads(): number {
  return gateway.fake.requests.filter(({ path }) => path === SCALE).length;
}
