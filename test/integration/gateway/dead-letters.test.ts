/** Dead letters on a real NATS: shown, listed and deleted. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { headers } from "@nats-io/transport-node";
import type { DeadLetterDetail, DeadLetterSummary } from "../../../contract/index.ts";
import { STREAM } from "../../../contract/queue/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { LetterWorld } from "../../support/letter-world.ts";
import type { Asked } from "../../support/queued-world.ts";
import { until } from "../../support/until.ts";

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const atEnd = collectCleanups(afterAll);
let letters: LetterWorld;

beforeAll(async () => {
  letters = await LetterWorld.create();
  atEnd(() => letters.close());
});

afterEach(() => letters.reset());

describe("a dead letter", () => {
  test("says what died of what, without the request's headers and body", async () => {
    const headers = { "x-secret": "hidden", "x-call-id": "mine" };
    const [id = ""] = await letters.bury(["f/path?token=hidden"], { headers, body: "hidden body" });
    const expected = {
      sequence: await letters.sequenceOf(id),
      kind: "call",
      id,
      functionName: "f",
      namespace: "openfaas-fn",
      reason: "status 500 after 1 attempts",
      attempts: 1,
      status: 500,
      diedAt: expect.stringMatching(RFC_3339),
      callId: "mine",
      acceptedAt: expect.stringMatching(RFC_3339),
      method: "POST",
      path: "/path",
      bytes: 11,
    };
    expect(await letters.list()).toEqual([expected]);
    const shown = await letters.ask<DeadLetterDetail>(`/${expected.sequence}`);
    expect([shown.status, shown.body]).toEqual([200, { ...expected, answer: "no such luck" }]);
    expect(JSON.stringify(shown.body)).not.toContain("hidden");
  });

  test("shows bytes that are no text as base64, and a cut letter's beginning not at all", async () => {
    letters.answer = (_request, response) => response.writeHead(500).end(Buffer.from([0, 1, 255]));
    const [id = ""] = await letters.bury(["f"]);
    const binary = await letters.ask(`/${await letters.sequenceOf(id)}`);
    expect(binary.body).toMatchObject({ answerBase64: "AAH/" });
    letters.answer = (_request, response) => response.writeHead(500).end(`${"x".repeat(4095)}é`);
    const [other = ""] = await letters.bury(["f"]);
    const cut = await letters.ask(`/${await letters.sequenceOf(other)}`);
    expect(cut.body).toMatchObject({ answer: "x".repeat(4095) });
  });

  test.each(["0", "999999"])("is not found by %s", async (sequence) => {
    for (const [method, path] of [
      ["GET", sequence],
      ["DELETE", sequence],
      ["POST", `${sequence}/redrive`],
    ]) {
      const { status, body } = await letters.ask<{ code: string }>(`/${path ?? ""}`, method);
      expect([status, body.code]).toEqual([404, "PLONK_DEAD_LETTER_NOT_FOUND"]);
    }
  });
});

describe("the list", () => {
  test("has the newest first, page by page, by function", async () => {
    const ids = await letters.bury(["f/1", "g/1", "f/2", "g/2", "f/3", "f/4"]);
    expect((await letters.list()).map(({ id }) => id)).toEqual(ids.toReversed());
    expect((await letters.list("function=g")).map(({ path }) => path)).toEqual(["/2", "/1"]);
    expect(await letters.list("namespace=team-a")).toEqual([]);
    const pages = [];
    for (let next: string | undefined = "?function=f&limit=3"; next !== undefined;) {
      const page: Asked<DeadLetterSummary[]> = await letters.ask(next);
      pages.push(page.body.map(({ path }) => path));
      next = /<[^?]*([^>]+)>/.exec(page.headers.get("link") ?? "")?.[1];
    }
    expect(pages).toEqual([["/4", "/3", "/2"], ["/1"]]);
  });

  test("finds few among many, and not the many", async () => {
    const [id = ""] = await letters.bury(["g"]);
    const manager = await letters.world.manager();
    const letter = await manager.streams.getMessage(STREAM.dead, {
      seq: await letters.sequenceOf(id),
    });
    const connection = await letters.world.connection();
    const header = letter?.header ?? headers();
    // Otherwise all of them would be one.
    header.delete("Nats-Msg-Id");
    for (let turn = 0; turn < 3000; turn++) {
      connection.publish("faas-dead.openfaas-fn.f", "", { headers: header });
    }
    await connection.flush();
    await until(
      "the letters",
      async () => (await letters.world.countMessages(STREAM.dead, ">")) === 3001,
    );
    expect(await letters.list("function=g")).toMatchObject([{ id }]);
    const newest = await letters.list("function=f&limit=5");
    expect(newest.map(({ sequence }) => sequence - (newest[4]?.sequence ?? 0))).toEqual([
      4, 3, 2, 1, 0,
    ]);
    expect(await letters.list(`before=${newest[4]?.sequence ?? 0}&limit=1`)).toMatchObject([
      { sequence: (newest[4]?.sequence ?? 0) - 1 },
    ]);
    const purged = await letters.ask(`?function=f`, "DELETE");
    expect(purged.body).toEqual({ deleted: 3000, isComplete: true });
  });

  test("has what is no call in the platform's own namespace", async () => {
    const connection = await letters.world.connection();
    letters.world.startWorker();
    connection.publish("faas-request", "no JSON");
    await until("the letter", async () => (await letters.list()).length === 1);
    const [letter] = await letters.list();
    expect(letter).toEqual({
      sequence: expect.any(Number),
      kind: "malformed",
      namespace: "openfaas-fn",
      reason: "message: expected JSON, got 7 other bytes",
      attempts: 0,
      diedAt: expect.stringMatching(RFC_3339),
      bytes: 7,
    });
    const path = `/${letter?.sequence ?? 0}`;
    const redriven = await letters.ask<{ message: string }>(`${path}/redrive`, "POST");
    expect([redriven.status, redriven.body.message]).toEqual([
      409,
      "no call can be made of it: letter: expected a call or a callback, got another message",
    ]);
    expect((await letters.ask(`/redrive`, "POST")).body).toEqual({ redriven: 0, refused: 1 });
    expect((await letters.ask(path, "DELETE")).status).toBe(204);
    expect(await letters.list()).toEqual([]);
  });
});

describe("a deletion", () => {
  test("is of one, or of all that a filter has, with their bodies", async () => {
    const countPieces = (): Promise<number> =>
      letters.world.countMessages("OBJ_faas-bodies", "$O.*.C.>");
    const large = "x".repeat(300 * 1024);
    const [one = ""] = await letters.bury(["f/1", "f/2", "g"], { body: large });
    expect(await countPieces()).toBeGreaterThan(0);
    expect((await letters.ask(`/${await letters.sequenceOf(one)}`, "DELETE")).status).toBe(204);
    expect((await letters.list()).map(({ path, functionName }) => [functionName, path])).toEqual([
      ["g", ""],
      ["f", "/2"],
    ]);
    const newest = (await letters.list())[0]?.sequence ?? 0;
    const before = await letters.ask(`?before=${newest}`, "DELETE");
    expect(before.body).toEqual({ deleted: 1, isComplete: true });
    const purged = await letters.ask(`?function=g`, "DELETE");
    expect(purged.body).toEqual({ deleted: 1, isComplete: true });
    expect((await letters.ask("", "DELETE")).body).toEqual({ deleted: 0, isComplete: true });
    expect(await countPieces()).toBe(0);
  });
});

test("rights are asked for in the namespace of the letter", async () => {
  const [id = ""] = await letters.bury(["f"]);
  const letter = `/${await letters.sequenceOf(id)}`;
  const statuses = async (method: string, path: string): Promise<number[]> => {
    const all = ["call", "team", "read"].map((user) => letters.ask(path, method, user));
    return (await Promise.all(all)).map(({ status }) => status);
  };
  expect(await statuses("GET", letter)).toEqual([403, 404, 200]);
  expect(await statuses("DELETE", letter)).toEqual([403, 404, 403]);
  expect(await statuses("POST", `${letter}/redrive`)).toEqual([403, 404, 403]);
  expect(await statuses("GET", `?function=f.openfaas-fn`)).toEqual([403, 403, 200]);
  expect(await statuses("DELETE", `?function=f.openfaas-fn`)).toEqual([403, 403, 403]);
  expect(await statuses("POST", `/redrive?function=f.openfaas-fn`)).toEqual([403, 403, 403]);
  expect((await letters.ask(letter, "DELETE", "own")).status).toBe(204);
});
