/** Calls whose functions have limits of their own, while their worker is replaced. */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { QueuedWorld } from "../../support/queued-world.ts";
import { until } from "../../support/until.ts";
import { WorkerProcess } from "../../support/worker-process.ts";

const atLast = collectCleanups(afterAll);
const atEnd = collectCleanups(afterEach);
/** Of functions that say nothing. */
const USUAL_MS = 1000;
/** Silence after which another worker would get a call. */
const ACK_WAIT_MS = 10_000;

let world: QueuedWorld;

beforeAll(async () => {
  world = await QueuedWorld.create({ upstream_timeout: `${USUAL_MS}ms` });
  atLast(() => world.close());
});

async function startWorker(): Promise<WorkerProcess> {
  const worker = await WorkerProcess.start(world.workerEnv({ ack_wait: `${ACK_WAIT_MS}ms` }));
  atEnd(async () => {
    worker.signal("SIGKILL");
    await worker.end();
  });
  await until("a worker", () => worker.isReady());
  return worker;
}

/** A function whose calls a test answers, with a limit of its own. */
async function serve(name: string, limit: string): Promise<ServerResponse[]> {
  const held = await world.serveHeld(name);
  world.gateway.declare(name, { labels: { "plonk/call-timeout": limit } });
  await world.gateway.settle();
  return held;
}

test.each([
  ["in a longer limit of its own", "a", "60s"],
  ["without a limit", "b", "0s"],
])("a call %s outlives the end of its worker, and runs once", async (_which, name, limit) => {
  const held = await serve(name, limit);
  const worker = await startWorker();
  const id = await world.enqueue(name);
  await until("the call", () => held.length === 1);
  await startWorker();
  worker.signal("SIGTERM");
  await until("it to stop", () => worker.output.includes("shutting down"));
  await sleep(Math.max(USUAL_MS, ACK_WAIT_MS) + 1000);
  expect(held.length).toBe(1);
  held[0]?.end("done");
  expect(await worker.end()).toBe(0);
  await world.untilState(id, "done");
  expect(held.length).toBe(1);
});

test("a call beyond its limit is ended by the gateway, and its worker goes then", async () => {
  const held = await serve("c", "3s");
  const worker = await startWorker();
  const id = await world.enqueue("c", { headers: { "X-Retry-Attempts": "1" } });
  await until("the call", () => held.length === 1);
  worker.signal("SIGTERM");
  expect(await worker.end()).toBe(0);
  await world.untilState(id, "dead");
  expect(held.length).toBe(1);
});
