/** Dead letters that are put into the queue again, on a real NATS. */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { LetterWorld, succeed } from "../../support/letter-world.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
let letters: LetterWorld;

beforeAll(async () => {
  letters = await LetterWorld.create();
  atEnd(() => letters.close());
});

afterEach(() => letters.reset());

describe("a redrive", () => {
  test("runs the call again as a new one, and takes the letter away", async () => {
    const headers = { "x-own": "kept", "x-expires-seconds": "3600" };
    const [id = ""] = await letters.bury(["f/p?q=1"], { headers, body: "payload" });
    const sequence = await letters.sequenceOf(id);
    letters.answer = succeed;
    letters.seen = [];
    const { status, body } = await letters.ask<{ id: string }>(`/${sequence}/redrive`, "POST");
    expect([status, body]).toEqual([202, { id: expect.stringMatching(/^\d+-[\w-]{16}$/) }]);
    expect(body.id).not.toBe(id);
    expect((await letters.ask(`/${sequence}`)).status).toBe(404);
    letters.world.startWorker();
    await letters.world.untilState(body.id, "done");
    expect(letters.seen).toMatchObject([
      { url: "/p?q=1", body: "payload", headers: { "x-own": "kept", "x-call-id": body.id } },
    ]);
  });

  test("of an expired call runs it, as its time is over", async () => {
    const id = await letters.world.enqueue("f", { headers: { "x-expires-seconds": "1" } });
    await until("its end", async () => {
      const { body } = await letters.world.ask<{ expiresAt: string }>(`/async/calls/${id}`);
      return Date.now() > Date.parse(body.expiresAt);
    });
    letters.world.startWorker();
    await letters.world.untilState(id, "expired");
    letters.answer = succeed;
    const path = `/${await letters.sequenceOf(id)}/redrive`;
    const { body } = await letters.ask<{ id: string }>(path, "POST");
    await letters.world.untilState(body.id, "done");
    expect(letters.seen).toHaveLength(1);
  });

  test("keeps a large body until the call is done", async () => {
    const text = "x".repeat(300 * 1024);
    const [id = ""] = await letters.bury(["f"], { body: text });
    letters.answer = succeed;
    letters.seen = [];
    const path = `/${await letters.sequenceOf(id)}/redrive`;
    const { body } = await letters.ask<{ id: string }>(path, "POST");
    letters.world.startWorker();
    await letters.world.untilState(body.id, "done");
    expect(letters.seen.map((call) => call.body.length)).toEqual([text.length]);
  });

  test("of all has a filter, a limit and a count", async () => {
    await letters.bury(["f/1", "g/1", "f/2", "f/3"]);
    const first = await letters.ask<{ next: number }>(`/redrive?function=f&limit=2`, "POST");
    expect(first.body).toEqual({ redriven: 2, refused: 0, next: expect.any(Number) });
    const rest = `/redrive?function=f&after=${first.body.next}`;
    expect((await letters.ask(rest, "POST")).body).toEqual({ redriven: 1, refused: 0 });
    expect((await letters.list()).map(({ functionName }) => functionName)).toEqual(["g"]);
    letters.answer = succeed;
    letters.seen = [];
    letters.world.startWorker();
    await until("the calls", () => letters.seen.length === 3);
    expect(letters.seen.map(({ url }) => url).sort()).toEqual(["/1", "/2", "/3"]);
  });

  test("renews the mark of a private function's call, and makes none", async () => {
    const queue = async (user?: string): Promise<string> => {
      const headers: Record<string, string> =
        user === undefined ? {} : { authorization: `Basic ${btoa(`${user}:p`)}` };
      const id = await letters.world.enqueue("private", { headers });
      letters.world.startWorker({ max_attempts: "1" });
      await letters.world.untilState(id, "dead");
      await letters.world.stopWorkers();
      return id;
    };
    const id = await queue("call");
    const manager = await letters.world.manager();
    const stored = await manager.streams.getMessage(STREAM.dead, {
      seq: await letters.sequenceOf(id),
    });
    const field = stored?.header.keys().find((name) => /^http-x-plonk-admitted$/i.test(name));
    const mark = stored?.header.get(field ?? "") ?? "";
    expect(mark).toMatch(/^\d{13}\.[\w-]{8}\.[\w-]{43}\.[\w-]{43}$/);
    letters.answer = succeed;
    const redrive = `/${await letters.sequenceOf(id)}/redrive`;
    const { body } = await letters.ask<{ id: string }>(redrive, "POST", "own");
    const message = await manager.streams.getMessage(STREAM.calls, {
      seq: Number(body.id.split("-")[0]),
    });
    const renewed = message?.header.get(field ?? "") ?? "";
    expect(Number(renewed.split(".")[0])).toBeGreaterThan(Number(mark.split(".")[0]));
    letters.world.startWorker();
    await letters.world.untilState(body.id, "done");
  });

  test("sends a callback again", async () => {
    const got: string[] = [];
    let status = 400;
    const receiver: Server = createServer((request, response) => {
      request.resume();
      got.push(String(request.headers["x-call-id"]));
      response.writeHead(status).end();
    });
    await listen(receiver, 0, "127.0.0.1");
    const { port } = receiver.address() as AddressInfo;
    try {
      letters.answer = succeed;
      // The gateway refuses addresses of this machine; another publisher's call has one, too.
      const id = `1-${randomBytes(12).toString("base64url")}`;
      const connection = await letters.world.connection();
      connection.publish(
        "faas-request",
        JSON.stringify({
          Function: "f",
          Header: { "X-Call-Id": [id] },
          CallbackUrl: { Scheme: "http", Host: `127.0.0.1:${port}`, Path: "/hidden" },
        }),
      );
      letters.world.startWorker();
      await until("the letter", async () => (await letters.list()).length === 1);
      const [letter] = await letters.list("function=f");
      expect(letter).toMatchObject({
        kind: "callback",
        functionName: "f",
        namespace: "openfaas-fn",
        callbackHost: `127.0.0.1:${port}`,
        status: 400,
        bytes: 2,
      });
      expect(JSON.stringify(letter)).not.toContain("hidden");
      status = 200;
      const path = `/${letter?.sequence ?? 0}/redrive`;
      expect((await letters.ask(path, "POST")).status).toBe(202);
      await until("the callback", () => got.length === 2);
      expect(got).toEqual([id, id]);
      expect(await letters.list()).toEqual([]);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
  });
});
