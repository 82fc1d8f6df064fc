/** Queued calls on a real NATS: seen in each of their states, and cancelled. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { AsyncCall } from "../../../contract/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo } from "../../support/gateway.ts";
import { QueuedWorld } from "../../support/queued-world.ts";
import { until } from "../../support/until.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const atEnd = collectCleanups(afterAll);
let world: QueuedWorld;

beforeAll(async () => {
  world = await QueuedWorld.create();
  atEnd(() => world.close());
});

afterEach(() => world.stopWorkers());

async function read(id: string): Promise<AsyncCall> {
  const { status, body } = await world.ask<AsyncCall>(`/async/calls/${id}`);
  expect(status).toBe(200);
  return body;
}

describe("a call", () => {
  test("is queued, then runs, then is done, and is shown without headers and body", async () => {
    const held = await world.serveHeld("seen");
    const headers = { "x-call-id": "mine", "x-expires-seconds": "600", "x-secret": "s" };
    const id = await world.enqueue("seen/a/b?token=t", { headers, body: "12345" });
    const queued = await read(id);
    expect(queued).toEqual({
      id,
      functionName: "seen",
      namespace: "openfaas-fn",
      state: "queued",
      attempts: 0,
      callId: "mine",
      acceptedAt: expect.stringMatching(RFC_3339),
      expiresAt: expect.stringMatching(RFC_3339),
      method: "POST",
      path: "/a/b",
      bytes: 5,
    });
    world.startWorker();
    await world.untilState(id, "running");
    expect(await read(id)).toEqual({ ...queued, state: "running" });
    await until("the call", () => held.length === 1);
    held[0]?.end();
    await world.untilState(id, "done");
    expect(await read(id)).toEqual({
      id,
      functionName: "seen",
      namespace: "openfaas-fn",
      state: "done",
      attempts: 0,
      status: 200,
    });
  });

  test("that is delayed says when it is due", async () => {
    await world.gateway.serve("later", echo);
    const id = await world.enqueue("later", { headers: { "x-delay-seconds": "3600" } });
    const { state, acceptedAt = "", nextAt = "" } = await read(id);
    expect(state).toBe("queued");
    expect(Date.parse(nextAt) - Date.parse(acceptedAt)).toBe(3_600_000);
  });

  test("that failed says why it is run again, and when", async () => {
    await world.gateway.serve("again", (_request, response) => {
      response.writeHead(500).end();
    });
    const id = await world.enqueue("again");
    world.startWorker({ max_attempts: "3", initial_retry_wait: "1h", max_retry_wait: "1h" });
    await world.untilState(id, "retrying");
    expect(await read(id)).toMatchObject({
      attempts: 1,
      status: 500,
      reason: "failed",
      nextAt: expect.stringMatching(RFC_3339),
    });
  });

  test("that is dead tells of its letter", async () => {
    await world.gateway.serve("dying", (_request, response) => {
      response.writeHead(500).end("no");
    });
    const id = await world.enqueue("dying/x", { body: "123" });
    world.startWorker();
    await world.untilState(id, "dead");
    expect(await read(id)).toEqual({
      id,
      functionName: "dying",
      namespace: "openfaas-fn",
      state: "dead",
      attempts: 2,
      status: 500,
      reason: "status 500 after 2 attempts",
      deadLetter: 1,
      callId: id,
      acceptedAt: expect.stringMatching(RFC_3339),
      method: "POST",
      path: "/x",
      bytes: 3,
    });
  });

  test("that was not begun in time is expired", async () => {
    await world.gateway.serve("late", echo);
    const id = await world.enqueue("late", { headers: { "x-expires-seconds": "1" } });
    const { expiresAt = "" } = await read(id);
    await until("its end", () => Date.now() > Date.parse(expiresAt));
    world.startWorker();
    await world.untilState(id, "expired");
    expect(await read(id)).toMatchObject({ reason: "it was not begun in time", path: "" });
  });

  test.each(["none", "*", "999999-abcdefghijklmnop", "0-abcdefghijklmnop"])(
    "is not found by %s",
    async (id) => {
      for (const method of ["GET", "DELETE"]) {
        const { status, body } = await world.ask(`/async/calls/${id}`, { method });
        expect([status, (body as { code: string }).code]).toEqual([404, "PLONK_CALL_NOT_FOUND"]);
      }
    },
  );

  test("is not found by a place without its nonce", async () => {
    await world.gateway.serve("guessed", echo);
    const id = await world.enqueue("guessed");
    const [place = ""] = id.split("-");
    expect((await world.ask(`/async/calls/${place}-AAAAAAAAAAAAAAAA`)).status).toBe(404);
  });
});

describe("a cancelled call", () => {
  test("that waits is never run, and was what is answered", async () => {
    let runs = 0;
    await world.gateway.serve("kept", (request, response) => {
      runs += 1;
      echo(request, response);
    });
    const waiting = await world.enqueue("kept");
    const delayed = await world.enqueue("kept", { headers: { "x-delay-seconds": "3600" } });
    const control = await world.enqueue("kept");
    for (const id of [waiting, delayed]) {
      const { status, body } = await world.ask<AsyncCall>(`/async/calls/${id}`, {
        method: "DELETE",
      });
      expect([status, body]).toMatchObject([202, { id, state: "queued", functionName: "kept" }]);
      expect(await read(id)).toMatchObject({ id, state: "cancelled", attempts: 0 });
    }
    world.startWorker();
    await world.untilState(control, "done");
    expect(runs).toBe(1);
    const { body } = await world.ask("/async/calls?function=kept&state=queued");
    expect(body).toEqual([]);
  });

  test("that runs is ended, and not run again", async () => {
    let runs = 0;
    let ended = 0;
    await world.gateway.serve("cut", (request, response) => {
      runs += 1;
      request.resume();
      response.on("close", () => (ended += 1));
    });
    const id = await world.enqueue("cut");
    world.startWorker();
    await until("the run", () => runs === 1);
    // Its worker has said so, but nobody waits for that.
    await world.untilState(id, "running");
    const { status, body } = await world.ask(`/async/calls/${id}`, { method: "DELETE" });
    expect([status, body]).toMatchObject([202, { state: "running" }]);
    await until("the end of the run", () => ended === 1);
    // Its worker has told the queue, and is free for others.
    await world.stopWorkers();
    expect(await read(id)).toMatchObject({ state: "cancelled" });
    expect(runs).toBe(1);
    expect(world.workerLog.text()).not.toMatch(/"level":"(?:error|fatal)".*cut/);
  });

  test("that is to be run again is not", async () => {
    await world.gateway.serve("gone", (_request, response) => {
      response.writeHead(500).end();
    });
    const id = await world.enqueue("gone");
    world.startWorker({ max_attempts: "9", initial_retry_wait: "1h", max_retry_wait: "1h" });
    await world.untilState(id, "retrying");
    expect((await world.ask(`/async/calls/${id}`, { method: "DELETE" })).status).toBe(202);
    expect(await read(id)).toMatchObject({ state: "cancelled", attempts: 1 });
  });

  test("with a large body leaves nothing behind", async () => {
    await world.gateway.serve("large", echo);
    const countPieces = (): Promise<number> => world.countMessages("OBJ_faas-bodies", "$O.*.C.>");
    const id = await world.enqueue("large", { body: "x".repeat(300 * 1024) });
    expect(await countPieces()).toBeGreaterThan(0);
    expect(await read(id)).toMatchObject({ bytes: 300 * 1024 });
    expect((await world.ask(`/async/calls/${id}`, { method: "DELETE" })).status).toBe(202);
    expect((await world.ask(`/async/calls/${id}`, { method: "DELETE" })).status).toBe(409);
    expect(await countPieces()).toBe(0);
  });

  test("is cancelled once; what is over is not", async () => {
    await world.gateway.serve("over", echo);
    const id = await world.enqueue("over");
    world.startWorker();
    await world.untilState(id, "done");
    const { status, body } = await world.ask(`/async/calls/${id}`, { method: "DELETE" });
    expect([status, body]).toMatchObject([
      409,
      { code: "PLONK_CONFLICT", message: "the call is done already" },
    ]);
  });

  test("may be so by OpenFaaS Pro's path, which else is a call of a function", async () => {
    await world.gateway.serve("pro", echo);
    const id = await world.enqueue("pro");
    const answer = await world.ask(`/async-function/${id}`, { method: "DELETE" });
    expect([answer.status, answer.body]).toMatchObject([202, { id, state: "queued" }]);
    expect(await read(id)).toMatchObject({ state: "cancelled" });
    const other = await world.ask(`/async-function/pro`, { method: "DELETE" });
    expect([other.status, other.headers.get("location")]).toEqual([
      202,
      expect.stringContaining("/async/calls/"),
    ]);
    // A function's name can look like an id.
    await world.gateway.serve("1-abcdefghijklmnop", echo);
    const odd = await world.ask("/async-function/1-abcdefghijklmnop", { method: "DELETE" });
    expect([odd.status, odd.headers.get("location")]).toEqual([
      202,
      expect.stringContaining("/async/calls/"),
    ]);
  });
});

describe("rights", () => {
  test("are asked for in the namespace of the call", async () => {
    await world.gateway.serve("mine", echo);
    const id = await world.enqueue("mine");
    const statuses = async (method: string, path: string): Promise<Record<string, number>> => {
      const users = ["call", "team", "read"];
      const all = users.map(async (user) => {
        return [user, (await world.ask(path, { user, method })).status] as const;
      });
      return Object.fromEntries(await Promise.all(all));
    };
    const call = `/async/calls/${id}`;
    expect(await statuses("GET", call)).toEqual({ call: 403, team: 404, read: 200 });
    expect(await statuses("DELETE", call)).toEqual({ call: 403, team: 404, read: 403 });
    const pro = `/async-function/${id}`;
    expect(await statuses("DELETE", pro)).toEqual({ call: 403, team: 404, read: 403 });
    const all = "/async/calls?function=mine.openfaas-fn";
    expect(await statuses("GET", all)).toEqual({ call: 403, team: 403, read: 200 });
    expect((await world.ask(call, { headers: { authorization: "" } })).status).toBe(401);
    expect((await world.ask(call, { user: "own", method: "DELETE" })).status).toBe(202);
  });

  test("are not lent to another site's page, and what is changed is in the audit log", async () => {
    const id = await world.enqueue("mine");
    const path = `/async/calls/${id}`;
    const headers = { "sec-fetch-site": "cross-site" };
    expect((await world.ask(path, { method: "DELETE", headers })).status).toBe(403);
    const before = world.gateway.log.text().length;
    expect((await world.ask(path, { method: "DELETE", user: "own" })).status).toBe(202);
    // Lines are written after their answers: that of the refusal may come now, too.
    const find = (): string | undefined =>
      world.gateway.log
        .text()
        .slice(before)
        .split("\n")
        .find((each) => each.includes('"audit"') && !each.includes('"status":403'));
    await until("the line", () => find() !== undefined);
    expect(JSON.parse(find() ?? "")).toMatchObject({
      who: "own",
      method: "DELETE",
      route: "/async/calls/:id",
      target: "mine.openfaas-fn",
      status: 202,
    });
  });
});
