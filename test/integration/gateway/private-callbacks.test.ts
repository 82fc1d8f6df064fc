/**
 * Callbacks to the platform's own functions, with a real NATS and a worker: to private ones with
 * the rights of the caller who asks for them, and of nobody else.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream } from "@nats-io/jetstream";
import { decodeCall, encodeCallback, STREAM } from "../../../contract/queue/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { LetterWorld, succeed } from "../../support/letter-world.ts";
import { sendFields } from "../../support/queued-message.ts";
import { until } from "../../support/until.ts";
import { basic } from "../../support/users.ts";

const atEnd = collectCleanups(afterAll);
let letters: LetterWorld;

beforeAll(async () => {
  letters = await LetterWorld.create();
  atEnd(() => letters.close());
});

afterEach(async () => {
  await letters.reset();
  const { streams } = await letters.world.manager();
  await streams.purge(STREAM.callbacks);
});

const GATEWAY = "http://gateway:8080";

async function call(
  path: string,
  { callback, user }: { callback: string; user?: string },
): Promise<Response> {
  const authorization = user === undefined ? {} : { authorization: basic(user, "p") };
  return fetch(`${letters.world.gateway.url}/async-function/${path}`, {
    method: "POST",
    headers: { ...authorization, "x-callback-url": `${GATEWAY}${callback}` },
    body: "question",
  });
}

const paths = (): string[] => letters.seen.map(({ url }) => url);

async function untilSeen(count: number): Promise<void> {
  await until(`${count} calls`, () => letters.seen.length === count);
}

/** What the one call that waits will prove its callback with. */
async function readProof(): Promise<string> {
  const { streams } = await letters.world.manager();
  const message = await streams.getMessage(STREAM.calls, { last_by_subj: "faas-request.>" });
  const call = message === null ? undefined : decodeCall(message.header, message.data);
  return call?.callbackProof ?? "";
}

describe("a callback to a private function", () => {
  test("calls it with the rights of the caller, whose credentials no function sees", async () => {
    letters.answer = succeed;
    const response = await call("f/first", {
      callback: "/function/private/cb/./x?y=%20z",
      user: "call",
    });
    expect(response.status).toBe(202);
    letters.world.startWorker();
    await untilSeen(2);
    expect(paths()).toEqual(["/first", "/cb/x?y=%20z"]);
    expect(letters.seen[1]?.body).toBe("ok");
    for (const { headers } of letters.seen) {
      const names = Object.keys(headers);
      expect(names.filter((name) => /authorization|admitted|queued/.test(name))).toEqual([]);
    }
  });

  test("may be queued itself, for a chain of calls", async () => {
    letters.answer = succeed;
    const callback = "/async-function/private/next";
    expect((await call("f/first", { callback, user: "call" })).status).toBe(202);
    letters.world.startWorker();
    await untilSeen(2);
    expect(paths()).toEqual(["/first", "/next"]);
    expect(letters.seen[1]?.body).toBe("ok");
  });

  test("of a private function's call needs the right to call both", async () => {
    letters.answer = succeed;
    const callback = "/function/private/cb";
    expect((await call("private/first", { callback, user: "call" })).status).toBe(202);
    letters.world.startWorker();
    await untilSeen(2);
    expect(paths()).toEqual(["/first", "/cb"]);
  });

  test.each([
    ["no credentials", undefined, 401],
    ["the credentials of somebody who may not call it", "read", 403],
  ])("with %s is refused when it is asked for", async (_kind, user, status) => {
    const callback = "/function/private";
    const asked = user === undefined ? { callback } : { callback, user };
    expect((await call("f", asked)).status).toBe(status);
    expect(await letters.world.countMessages(STREAM.calls, ">")).toBe(0);
  });

  test("is still made after the call was sent again", async () => {
    const callback = "/function/private/cb";
    const response = await call("f/first", { callback, user: "call" });
    letters.answer = (request, reply) => {
      reply.writeHead(request.url === "/first" ? 500 : 200).end();
    };
    letters.world.startWorker({ max_attempts: "1" });
    const id = (response.headers.get("location") ?? "").slice("/async/calls/".length);
    await letters.world.untilState(id, "dead");
    await untilSeen(2);
    letters.seen = [];
    letters.answer = succeed;
    const sequence = await letters.sequenceOf(id);
    expect((await letters.ask(`/${sequence}/redrive`, "POST")).status).toBe(202);
    await untilSeen(2);
    expect(paths()).toEqual(["/first", "/cb"]);
  });

  test("is not made for another path than was asked for, whoever writes into the queue", async () => {
    letters.answer = succeed;
    await call("f", { callback: "/function/private/cb", user: "call" });
    const proof = await readProof();
    const url = new URL(`${GATEWAY}/function/private/other`);
    const { fields, payload } = encodeCallback({
      ...{ id: "1-AAAAAAAAAAAAAAAA", reference: { name: "f", namespace: "openfaas-fn" } },
      ...{ url, proof, headers: {}, body: Buffer.from("forged") },
    });
    const connection = await letters.world.connection();
    await jetstream(connection).publish("faas-callback.forged", payload, {
      headers: sendFields(fields),
    });
    letters.world.startWorker();
    await until("the letter", async () => (await letters.list("limit=10")).length === 1);
    await until("the true one", () => paths().includes("/cb"));
    expect(paths()).not.toContain("/other");
    expect(await letters.list("limit=10")).toMatchObject([{ reason: "status 401" }]);
  });
});

describe("a callback to a function of the platform's own", () => {
  test("that anybody may call needs no right", async () => {
    letters.answer = succeed;
    expect((await call("f/first", { callback: "/function/g/cb" })).status).toBe(202);
    letters.world.startWorker();
    await untilSeen(2);
    expect(paths()).toEqual(["/first", "/cb"]);
  });

  test.each(["/function/nobody", "/async-function/nobody.team-a/x", "/function/.."])(
    "that there is not, %s, is refused",
    async (callback) => {
      const response = await call("f", { callback });
      expect(response.status).toBe(400);
      expect(await response.text()).toMatch(/^X-Callback-Url: expected/);
    },
  );
});
