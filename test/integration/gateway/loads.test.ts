/** What a gateway that scales no workers tells the operator of loads, with a real queue. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { GatewayLoads } from "../../../contract/gateway-loads.ts";
import { QUEUE, STREAM, toConsumerSettings, toLane } from "../../../contract/queue/index.ts";
import { isValid } from "../../../contract/schema-findings.ts";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

let nats: NatsServer;
let gateway: TestGateway;

beforeAll(async () => {
  nats = await NatsServer.create();
  gateway = await TestGateway.start({
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
    queue_names: "slow",
  });
});

afterAll(async () => {
  await gateway.stop();
  await nats.destroy();
});

async function read(query = "", of = gateway): Promise<GatewayLoads> {
  const response = await fetch(`${of.metricsUrl}/loads${query}`);
  const loads: unknown = await response.json();
  expect([response.status, isValid(GatewayLoads, loads)]).toEqual([200, true]);
  return loads as GatewayLoads;
}

const loadOf = async (name: string): Promise<readonly number[] | undefined> =>
  (await read()).functions[`${name}.openfaas-fn`];

describe("a function", () => {
  test("that was not called is not there, and is when it has been, until it is deleted", async () => {
    await gateway.serve("once", (_request, response) => response.end("x"));
    expect(await loadOf("once")).toBeUndefined();
    await (await fetch(`${gateway.url}/function/once`)).text();
    await until("the call's end", async () => (await loadOf("once"))?.[1] === 0);
    const [first, second] = [await loadOf("once"), await loadOf("once")];
    expect(first).toEqual([1, 0, 0, expect.any(Number)]);
    expect(second?.[3]).toBeGreaterThan(first?.[3] ?? Infinity);
    gateway.fake.remove(FUNCTIONS, "once");
    await gateway.settle();
    expect(await loadOf("once")).toBeUndefined();
  });

  test("is busy while a call is under way", async () => {
    let end = (): void => undefined;
    await gateway.serve("slow", (_request, response) => {
      end = () => response.end("x");
    });
    const call = fetch(`${gateway.url}/function/slow`);
    await gateway.untilCalls("in_flight", 1);
    expect(await loadOf("slow")).toEqual([1, 1, 0, 0]);
    end();
    await (await call).text();
    await until("the call's end", async () => (await loadOf("slow"))?.[1] === 0);
  });

  test("is busy while a call waits for a pod", async () => {
    gateway.declare("away");
    await gateway.settle();
    const stopped = new AbortController();
    const call = fetch(`${gateway.url}/function/away`, { signal: stopped.signal });
    const ended = call.catch((error: unknown) => error);
    await gateway.untilCalls("waiting", 1);
    expect(await loadOf("away")).toEqual([expect.any(Number), 0, 1, 0]);
    stopped.abort();
    expect(await ended).toMatchObject({ name: "AbortError" });
    await until("none that waits", async () => (await loadOf("away"))?.[2] === 0);
  });
});

/** What waits for one function, as it is told within half a second. */
async function untilWaiting(name: string, count: number | undefined): Promise<void> {
  const key = `${name}.openfaas-fn`;
  await until(`${count} calls of ${name}`, async () => {
    const { queue } = await read("?queue=1");
    return queue !== undefined && queue[key] === count;
  });
}

async function enqueue(name: string): Promise<void> {
  await until("the queue", async () => {
    const init = { method: "POST", body: "x" };
    return (await fetch(`${gateway.url}/async-function/${name}`, init)).status === 202;
  });
}

describe("the queue", () => {
  test("has those of all queues that no worker was given", async () => {
    gateway.declare("f");
    gateway.declare("g", { annotations: { "com.openfaas.queue": "slow" } });
    await gateway.settle();
    await enqueue("f");
    await enqueue("f");
    await enqueue("g");
    await untilWaiting("f", 2);
    await untilWaiting("g", 1);
    expect(await read()).not.toHaveProperty("queue");
  });

  test("has them no more when a worker was given them", async () => {
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    try {
      const manager = await jetstreamManager(connection);
      const lane = toLane({ name: "f", namespace: "openfaas-fn" }, QUEUE.name);
      const settings = toConsumerSettings(lane, 60_000);
      await manager.consumers.add(STREAM.calls, settings);
      const { consumers } = jetstream(connection);
      const consumer = await consumers.get(STREAM.calls, settings.durable_name);
      await consumer.next();
      await untilWaiting("f", 1);
      await consumer.next();
      await untilWaiting("f", undefined);
      await untilWaiting("g", 1);
    } finally {
      await connection.close();
    }
  });

  test("is left out, and nothing else, while NATS stands still, and is back after", async () => {
    const { pid = 0 } = nats;
    process.kill(pid, "SIGSTOP");
    try {
      await until("no queue", async () => {
        const loads = await read("?queue=1");
        expect(loads.functions).toHaveProperty(["f.openfaas-fn"]);
        return loads.queue === undefined;
      });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await untilWaiting("g", 1);
  });

  test("is left out while NATS is away, and is back after", async () => {
    await nats.halt();
    await until("no queue", async () => (await read("?queue=1")).queue === undefined);
    await nats.start();
    await untilWaiting("g", 1);
  });

  test("is empty where the gateway has none", async () => {
    const other = await TestGateway.start();
    try {
      expect(await read("?queue=1", other)).toMatchObject({ functions: {}, queue: {} });
      expect(await read("", other)).not.toHaveProperty("queue");
    } finally {
      await other.stop();
    }
  });
});
