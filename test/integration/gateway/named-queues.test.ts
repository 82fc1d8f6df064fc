/** Functions that name a queue beside the usual one: gateway, workers and a real NATS. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { QueuedWorld } from "../../support/queued-world.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
let world: QueuedWorld;
/** What its function answers next, and what it got. */
let status = 200;
let seen: string[] = [];

const ANNOTATION = "com.openfaas.queue";

beforeAll(async () => {
  world = await QueuedWorld.create({ queue_names: "slow, other" });
  atEnd(() => world.close());
  const { gateway } = world;
  const port = await gateway.pod((request, response) => {
    seen.push(request.url ?? "");
    request.resume();
    response.writeHead(status).end();
  });
  gateway.declare("usual");
  gateway.declare("batch", { annotations: { [ANNOTATION]: "slow" } });
  gateway.declare("lost", { annotations: { [ANNOTATION]: "gone" } });
  ["usual", "batch", "lost"].forEach((name) => gateway.route(name, [port]));
  await gateway.settle();
});

async function settle(): Promise<void> {
  await world.stopWorkers();
  [status, seen] = [200, []];
}

/** Their lanes, by the functions' calls that wait. */
const countIn = (lane: string): Promise<number> => world.countMessages("OF_faas-request", lane);

describe("a call", () => {
  test("waits in the queue that its function names, or in the usual one", async () => {
    for (const name of ["usual", "batch", "lost"]) {
      await world.enqueue(name);
    }
    const lanes = ["*.usual.faas-request", "*.batch.slow", "*.lost.faas-request"];
    for (const lane of lanes) {
      expect([lane, await countIn(`faas-request.${lane}`)]).toEqual([lane, 1]);
    }
    const { body } = await world.ask<{ functionName: string; state: string }[]>("/async/calls");
    expect(body).toMatchObject(
      ["usual", "batch", "lost"].map((functionName) => ({ functionName, state: "queued" })),
    );
    const one = await world.ask<unknown[]>("/async/calls?function=batch");
    expect(one.body).toHaveLength(1);
    const names = { queue_names: "slow, other" };
    world.startWorker({ ...names, queue_name: "slow" });
    await until("its call", () => seen.length === 1);
    world.startWorker(names);
    await until("the others", () => seen.length === 3);
    await settle();
  });

  test("is cancelled in its queue", async () => {
    const id = await world.enqueue("batch");
    expect((await world.ask(`/async/calls/${id}`, { method: "DELETE" })).status).toBe(202);
    expect(await countIn("faas-request.*.batch.slow")).toBe(0);
    await settle();
  });

  test("that is sent again waits in the queue that its function names then", async () => {
    status = 500;
    const id = await world.enqueue("batch");
    const slow = { queue_names: "slow, other", queue_name: "slow", max_attempts: "1" };
    world.startWorker(slow);
    await world.untilState(id, "dead");
    await settle();
    world.gateway.declare("batch", { annotations: { [ANNOTATION]: "other" } });
    await world.gateway.settle();
    const path = "/async/dead-letters/redrive?function=batch";
    const { body } = await world.ask(path, { method: "POST" });
    expect(body).toEqual({ redriven: 1, refused: 0 });
    expect(await countIn("faas-request.*.batch.other")).toBe(1);
    world.startWorker({ ...slow, queue_name: "other" });
    await until("the call", () => seen.length === 1);
    await settle();
  });
});

describe("a deployment", () => {
  const deploy = (queue: string): Promise<Response> =>
    fetch(`${world.gateway.url}/system/functions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Basic ${Buffer.from("boss:p").toString("base64")}`,
      },
      body: JSON.stringify({ service: "new", image: "i", annotations: { [ANNOTATION]: queue } }),
    });

  test("with a queue that there is not is refused, and the answer says which there are", async () => {
    const response = await deploy("slwo");
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(
      `annotations["${ANNOTATION}"]: expected a queue of the platform: ` +
        'faas-request, slow, other, got "slwo"',
    );
  });

  test("with one of the platform's is taken", async () => {
    expect((await deploy("slow")).status).toBe(202);
  });
});
