/** Lists of queued calls on a real NATS: their order, their pages and their filters. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { AsyncCall } from "../../../contract/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { QueuedWorld } from "../../support/queued-world.ts";
import { callSystem } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
let world: QueuedWorld;

beforeAll(async () => {
  world = await QueuedWorld.create();
  atEnd(() => world.close());
});

afterEach(() => world.stopWorkers());

async function list(query: string): Promise<{ ids: string[]; next: string | undefined }> {
  const { status, body, headers } = await world.ask<AsyncCall[]>(`/async/calls?${query}`);
  expect([status, body]).toEqual([200, expect.any(Array)]);
  const next = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
  return { ids: body.map(({ id }) => id), next };
}

test("a list has the calls of a function in their order, page by page", async () => {
  await world.gateway.serve("many", echo);
  await world.gateway.serve("other", echo);
  const ids = [];
  for (let turn = 0; turn < 5; turn++) {
    ids.push(await world.enqueue("many"));
    await world.enqueue("other");
  }
  expect((await list("function=many")).ids).toEqual(ids);
  expect((await list("function=many.openfaas-fn&state=queued")).ids).toEqual(ids);
  const first = await list("function=many&limit=2");
  expect(first.ids).toEqual(ids.slice(0, 2));
  const second = await list((first.next ?? "").split("?")[1] ?? "");
  expect(second.ids).toEqual(ids.slice(2, 4));
  const third = await list((second.next ?? "").split("?")[1] ?? "");
  expect(third).toEqual({ ids: ids.slice(4), next: undefined });
});

test("a list has calls that are over between those that wait", async () => {
  await world.gateway.serve("mixed", echo);
  const one = await world.enqueue("mixed");
  world.startWorker();
  await world.untilState(one, "done");
  await world.stopWorkers();
  const two = await world.enqueue("mixed", { headers: { "x-delay-seconds": "3600" } });
  const three = await world.enqueue("mixed");
  await world.ask(`/async/calls/${three}`, { method: "DELETE" });
  const { body } = await world.ask<AsyncCall[]>("/async/calls?function=mixed");
  expect(body.map(({ id, state }) => [id, state])).toEqual([
    [one, "done"],
    [two, "queued"],
    [three, "cancelled"],
  ]);
  for (const [state, ids] of Object.entries({
    done: [one],
    queued: [two],
    cancelled: [three],
    running: [],
    retrying: [],
    dead: [],
    expired: [],
  })) {
    expect([state, (await list(`function=mixed&state=${state}`)).ids]).toEqual([state, ids]);
  }
  const first = await list("function=mixed&limit=1");
  expect(first.ids).toEqual([one]);
  expect((await list((first.next ?? "").split("?")[1] ?? "")).ids).toEqual([two]);
});

test("a list has the calls that run, with what is known of them", async () => {
  const held = await world.serveHeld("busy");
  const id = await world.enqueue("busy/p");
  await world.enqueue("busy", { headers: { "x-delay-seconds": "3600" } });
  world.startWorker();
  await until("the call", () => held.length === 1);
  await world.untilState(id, "running");
  const { body } = await world.ask<AsyncCall[]>("/async/calls?function=busy&state=running");
  expect(body).toMatchObject([{ id, state: "running", path: "/p", bytes: 5 }]);
  held[0]?.end();
  await world.untilState(id, "done");
});

test("a list is that of one namespace", async () => {
  await world.gateway.serve("placed", echo);
  const id = await world.enqueue("placed");
  expect((await list("namespace=openfaas-fn&limit=1000")).ids).toContain(id);
  expect((await list("namespace=team-a")).ids).toEqual([]);
});

test.each([
  [
    "function=*",
    'function: expected the function\'s name, or name.namespace; all when absent, got "*"',
  ],
  ["function=a.b", 'namespace: expected a function namespace, got "b"'],
  ["limit=0", 'limit: expected a whole number from 1 to 1000; 100 when absent, got "0"'],
  ["limit=1001", 'limit: expected a whole number from 1 to 1000; 100 when absent, got "1001"'],
  ["after=x", 'after: expected where the last page ended, by its Link header, got "x"'],
  [
    "state=lost",
    "state: expected one of queued, running, retrying, done, dead, cancelled, expired, " +
      'got "lost"',
  ],
])("a list is refused with %s", async (query, message) => {
  const { status, body } = await world.ask<{ message: string }>(`/async/calls?${query}`);
  expect([status, body.message]).toEqual([400, message]);
});

const PATHS = [
  ["GET", "/async/calls"],
  ["GET", "/async/calls/1-abcdefghijklmnop"],
  ["DELETE", "/async/calls/1-abcdefghijklmnop"],
  ["GET", "/async/dead-letters"],
  ["GET", "/async/dead-letters/1"],
  ["DELETE", "/async/dead-letters/1"],
  ["POST", "/async/dead-letters/1/redrive"],
  ["POST", "/async/dead-letters/redrive"],
  ["DELETE", "/async/dead-letters"],
];

test("all of it is answered 503 while NATS is away", async () => {
  await world.nats.halt();
  for (const [method = "", path = ""] of PATHS) {
    const { status, body } = await world.ask<{ code: string }>(path, { method });
    expect([method, path, status, body.code]).toEqual([
      method,
      path,
      503,
      "PLONK_QUEUE_UNAVAILABLE",
    ]);
  }
  await world.startNats();
  await until("the queue", async () => (await world.ask("/async/calls")).status === 200);
});

test("all of it is answered 404 where there is no queue", async () => {
  const gateway = await TestGateway.start();
  try {
    for (const [method = "", path = ""] of PATHS) {
      const headers = { accept: "application/json" };
      const { status, text } = await callSystem(`${gateway.url}${path}`, { method, headers });
      expect([method, path, status, text]).toEqual([
        method,
        path,
        404,
        expect.stringContaining("PLONK_NO_QUEUE"),
      ]);
    }
  } finally {
    await gateway.stop();
  }
});
