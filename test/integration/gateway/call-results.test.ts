/** Results of queued calls, kept on a real NATS and read through the gateway. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { AsyncCall } from "../../../contract/index.ts";
import { QUEUE, STREAM } from "../../../contract/queue/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo } from "../../support/gateway.ts";
import { QueuedWorld } from "../../support/queued-world.ts";
import { until } from "../../support/until.ts";
import { basic } from "../../support/users.ts";

const KEEP = { "x-keep-result-seconds": "600" };

const atEnd = collectCleanups(afterAll);
let world: QueuedWorld;

beforeAll(async () => {
  world = await QueuedWorld.create();
  atEnd(() => world.close());
});

afterEach(() => world.stopWorkers());

const toPath = (id: string): string => `/async/calls/${id}/result`;

/** The answer as its bytes are. */
async function read(id: string): Promise<Response> {
  return fetch(world.gateway.url + toPath(id), { headers: { authorization: basic("boss", "p") } });
}

/** Queues a call of a function, whose answer is kept, and waits for its end. */
async function run(
  path: string,
  { state = "done", headers = KEEP }: { state?: string; headers?: Record<string, string> } = {},
): Promise<string> {
  const id = await world.enqueue(path, { headers });
  world.startWorker();
  await world.untilState(id, state);
  return id;
}

describe("a result", () => {
  test("is the function's answer, and says so", async () => {
    let asked: Record<string, unknown> = {};
    await world.gateway.serve("teapot", (request, response) => {
      asked = request.headers;
      request.resume();
      response
        .writeHead(418, [
          "Content-Type",
          "text/tea",
          "X-Own",
          "1",
          "X-Own",
          "2",
          "Set-Cookie",
          "a=b",
        ])
        .end("tea");
    });
    const id = await run("teapot", { headers: { ...KEEP, "x-call-id": "mine" } });
    expect(asked).not.toHaveProperty("x-keep-result-seconds");
    const response = await read(id);
    expect([response.status, await response.text()]).toEqual([418, "tea"]);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/tea",
      "content-length": "3",
      "x-own": "1, 2",
      "x-call-id": "mine",
      "x-function-status": "418",
      "x-function-name": "teapot",
      "x-duration-seconds": expect.stringMatching(/^\d+\.\d{6}$/),
    });
    for (const name of ["set-cookie", "x-plonk-code", "x-plonk-truncated", "user-agent"]) {
      expect(response.headers.has(name)).toBe(false);
    }
    // It can be read again.
    expect((await read(id)).status).toBe(418);
  });

  test("that is a function's 404 is told from ours, which has a code", async () => {
    await world.gateway.serve("missing", (_request, response) => {
      response.writeHead(404).end("nothing here");
    });
    const response = await read(await run("missing"));
    expect([response.status, response.headers.get("x-function-status")]).toEqual([404, "404"]);
    expect(response.headers.has("x-plonk-code")).toBe(false);
    const ours = await read("999999-abcdefghijklmnop");
    expect([ours.status, ours.headers.get("x-plonk-code")]).toEqual([404, "PLONK_CALL_NOT_FOUND"]);
    expect(ours.headers.has("x-function-status")).toBe(false);
  });

  test.each([204, 304])("of %d has no body and no length", async (status) => {
    await world.gateway.serve(`empty${status}`, (_request, response) => {
      response.writeHead(status).end();
    });
    const response = await read(await run(`empty${status}`));
    expect([response.status, await response.text()]).toEqual([status, ""]);
    expect(response.headers.has("content-length")).toBe(false);
  });

  test("may have a status that few know", async () => {
    await world.gateway.serve("odd", (_request, response) => {
      response.writeHead(799).end("odd");
    });
    expect((await world.ask(toPath(await run("odd")))).status).toBe(799);
  });

  test("runs no scripts on the gateway's site, whatever its function says", async () => {
    await world.gateway.serve("page", (_request, response) => {
      const headers = { "content-type": "text/html", "content-security-policy": "script-src *" };
      response.writeHead(200, headers).end("<script>alert(1)</script>");
    });
    const { headers } = await read(await run("page"));
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none';/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test.each([
    [100_000, false, 0],
    [QUEUE.maxInlineBytes + 1, false, 2],
    [QUEUE.maxBodyBytes, false, 32],
    [QUEUE.maxBodyBytes + 1, true, 32],
  ])("of %d bytes comes whole, or says that it is cut: %p", async (bytes, isCut, pieces) => {
    const whole = Buffer.alloc(bytes, "0123456789abcdefg");
    const name = `large${bytes}`;
    await world.gateway.serve(name, (_request, response) => void response.end(whole));
    const id = await run(name);
    const response = await read(id);
    const body = Buffer.from(await response.arrayBuffer());
    expect(body.equals(whole.subarray(0, QUEUE.maxBodyBytes))).toBe(true);
    expect(response.headers.get("x-plonk-truncated")).toBe(isCut ? "true" : null);
    const count = await world.countMessages(STREAM.results, `faas-result.*.*.${id}.piece`);
    expect(count).toBe(pieces);
    expect(await world.countMessages("OBJ_faas-bodies", "$O.*.C.>")).toBe(0);
  });

  test("that broke off is kept as far as it came", async () => {
    await world.gateway.serve("broken", (_request, response) => {
      response.writeHead(200, { "content-length": "10" }).write("12345");
      setImmediate(() => response.destroy());
    });
    const response = await read(await run("broken"));
    expect([await response.text(), response.headers.get("x-plonk-truncated")]).toEqual([
      "12345",
      "true",
    ]);
  });

  test("is the last answer of a call that is dead", async () => {
    await world.gateway.serve("dying", (_request, response) => {
      response.writeHead(500).end("no such luck");
    });
    const response = await read(await run("dying", { state: "dead" }));
    expect([response.status, await response.text()]).toEqual([500, "no such luck"]);
    expect(response.headers.get("x-function-status")).toBe("500");
  });
});

describe("before its end", () => {
  test("a call says where it is, and its result is there as soon as it is done", async () => {
    const held = await world.serveHeld("slow");
    const id = await world.enqueue("slow", { headers: KEEP });
    const ask = () => world.ask<AsyncCall>(toPath(id));
    const queued = await ask();
    expect([queued.status, queued.headers.get("retry-after")]).toEqual([202, "1"]);
    expect(queued.body).toMatchObject({ id, state: "queued", functionName: "slow" });
    expect(queued.headers.has("x-function-status")).toBe(false);
    world.startWorker();
    await until("the run", () => held.length === 1);
    // The worker says so and calls the function on two connections.
    await world.untilState(id, "running");
    expect(await ask()).toMatchObject({ status: 202, body: { state: "running" } });
    held[0]?.writeHead(202).end("accepted by the function");
    await until("its result", async () => (await ask()).headers.has("x-function-status"));
    expect(await ask()).toMatchObject({ status: 202, body: "accepted by the function" });
  });

  test("a result whose last part is not there is not seen", async () => {
    await world.serveHeld("killed");
    const id = await world.enqueue("killed", { headers: KEEP });
    const connection = await world.connection();
    await connection.request(`faas-result.openfaas-fn.killed.${id}.piece`, "half of it");
    expect(await world.ask(toPath(id))).toMatchObject({ status: 202, body: { state: "queued" } });
    await world.ask(`/async/calls/${id}`, { method: "DELETE" });
  });
});

describe("there is no result", () => {
  test("of a call that did not ask for one", async () => {
    await world.gateway.serve("plain", echo);
    const id = await world.enqueue("plain");
    const refused = { status: 404, body: { code: "PLONK_RESULT_NOT_FOUND" } };
    expect(await world.ask(toPath(id))).toMatchObject(refused);
    world.startWorker();
    await world.untilState(id, "done");
    expect(await world.ask(toPath(id))).toMatchObject(refused);
  });

  test("of a call that was cancelled", async () => {
    await world.gateway.serve("kept", echo);
    const id = await world.enqueue("kept", { headers: KEEP });
    expect((await world.ask(`/async/calls/${id}`, { method: "DELETE" })).status).toBe(202);
    const { status, body } = await world.ask(toPath(id));
    expect([status, body]).toMatchObject([
      410,
      {
        code: "PLONK_RESULT_GONE",
        message: "result: the call is cancelled, and had no answer",
      },
    ]);
  });

  test("when its time is over, and nothing is left of it but that it was", async () => {
    await world.gateway.serve("short", (_request, response) => {
      response.end("x".repeat(300 * 1024));
    });
    const id = await run("short", { headers: { "x-keep-result-seconds": "1" } });
    await until("its end", async () => (await world.ask(toPath(id))).status === 410);
    const { body } = await world.ask(toPath(id));
    expect(body).toMatchObject({ code: "PLONK_RESULT_GONE", message: "result: its time is over" });
    const left = async (): Promise<string[]> => {
      const { streams } = await world.manager();
      const { state } = await streams.info(STREAM.results, { subjects_filter: ">" });
      return Object.keys(state.subjects ?? {}).filter((subject) => subject.includes(id));
    };
    await until("the space", async () => (await left()).length < 2);
    expect(await left()).toEqual([`faas-result.openfaas-fn.short.${id}.over`]);
    expect(await world.ask(toPath(id))).toMatchObject({ status: 410 });
  });

  test.each(["none", "*", ">", "1-abcdefghijklmnop.piece", "%2a"])("of %s", async (id) => {
    expect(await world.ask(toPath(id))).toMatchObject({
      status: 404,
      body: { code: "PLONK_CALL_NOT_FOUND" },
    });
  });
});

describe("the right to call the function", () => {
  test("is what reading takes: who may only read states sees no answer", async () => {
    await world.gateway.serve("mine", echo);
    const id = await run("mine");
    const users = ["boss", "own", "call", "read", "team"];
    const answers = await Promise.all(users.map((user) => world.ask(toPath(id), { user })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 403, 404]);
    expect(answers[3]?.body).toMatchObject({
      code: "PLONK_FORBIDDEN",
      message: expect.stringContaining("invoke"),
    });
    const nobody = await world.ask(toPath(id), { headers: { authorization: "" } });
    expect([nobody.status, nobody.headers.get("x-plonk-code")]).toEqual([
      401,
      "PLONK_UNAUTHORIZED",
    ]);
  });
});
