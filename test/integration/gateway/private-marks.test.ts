/**
 * The marks of queued calls of private functions, with a real NATS and a worker: whoever could
 * write into the queue makes no other call with one, and no change of password or key loses a call.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream } from "@nats-io/jetstream";
import {
  decodeCall,
  encodeCall,
  parseCallId,
  QUEUE,
  type QueuedCall,
  STREAM,
  toCallId,
  toHint,
  toLane,
} from "../../../contract/queue/index.ts";
import { drawNonce } from "../../../services/lib/queue/nonce.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { LetterWorld, succeed } from "../../support/letter-world.ts";
import { keyOf } from "../../support/mark-keys.ts";
import { sendFields } from "../../support/queued-message.ts";
import { until } from "../../support/until.ts";
import { basic } from "../../support/users.ts";

const atEnd = collectCleanups(afterAll);
let letters: LetterWorld;

beforeAll(async () => {
  letters = await LetterWorld.create();
  atEnd(() => letters.close());
});

afterEach(() => letters.reset());

interface Enqueued {
  id: string;
  stored: QueuedCall;
  mark: string;
}

/** Has the gateway accept a call of the private function, by who may call it. */
async function accept(path: string, body = "body"): Promise<Enqueued> {
  const headers = { authorization: basic("call", "p") };
  const id = await letters.world.enqueue(`private${path}`, { headers, body });
  const stored = await read(id);
  return { id, stored, mark: stored.headers["X-Plonk-Admitted"]?.[0] ?? "" };
}

/** The call as it is stored. */
async function read(id: string): Promise<QueuedCall> {
  const { streams } = await letters.world.manager();
  const seq = parseCallId(id)?.sequence ?? 0;
  const message = await streams.getMessage(STREAM.calls, { seq });
  return message === null
    ? Promise.reject(new Error("no message"))
    : decodeCall(message.header, message.data);
}

/** Writes a call into the queue past the gateway; resolves with its id. */
async function forge(call: QueuedCall): Promise<string> {
  const connection = await letters.world.connection();
  const lane = toLane(call.reference, QUEUE.name);
  const { fields, payload } = encodeCall(call);
  const { seq } = await jetstream(connection).publish(lane, payload, {
    headers: sendFields(fields),
  });
  connection.publish(toHint(lane));
  return toCallId({ sequence: seq, nonce: call.nonce });
}

const urls = (): string[] => letters.seen.map(({ url }) => url);

describe("who can write into the queue", () => {
  test.each<[string, Partial<QueuedCall>]>([
    ["another path", { path: "/forged" }],
    ["another query", { query: "forged" }],
    ["another method", { method: "DELETE" }],
    ["another body", { body: Buffer.from("forged") }],
    ["no body", { body: Buffer.alloc(0) }],
    ["another id", { nonce: drawNonce() }],
    ["another receiver of the answer", { callback: new URL("http://thief.example/") }],
  ])("cannot use a call's mark for %s", async (_what, changes) => {
    const { id, stored } = await accept("/right?q=1");
    const forged = await forge({ ...stored, ...changes });
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await letters.world.untilState(forged, "dead");
    await letters.world.untilState(id, "done");
    expect(letters.seen).toMatchObject([{ url: "/right?q=1", body: "body" }]);
    expect(letters.seen[0]?.headers).not.toHaveProperty("x-plonk-admitted");
    expect(letters.seen[0]?.headers).not.toHaveProperty("x-plonk-queued");
  });

  test("cannot use it for another private function", async () => {
    letters.world.gateway.declare("closed", { annotations: { "plonk/private": "true" } });
    await letters.world.gateway.settle();
    const { stored } = await accept("/right");
    const reference = { ...stored.reference, name: "closed" };
    const forged = await forge({ ...stored, reference });
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await letters.world.untilState(forged, "dead");
    await until("the call itself", () => letters.seen.length > 0);
    expect(urls()).toEqual(["/right"]);
  });

  test("cannot use it for another large body, not even one that was accepted", async () => {
    const [one, two] = [
      await accept("/one", "1".repeat(300_000)),
      await accept("/two", "2".repeat(300_000)),
    ];
    const forged = await forge({ ...one.stored, body: two.stored.body });
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await letters.world.untilState(forged, "dead");
    await letters.world.untilState(one.id, "done");
    await letters.world.untilState(two.id, "done");
    const got = letters.seen.map(({ url, body }) => [url, body[0], body.length]);
    expect(got.sort()).toEqual([
      ["/one", "1", 300_000],
      ["/two", "2", 300_000],
    ]);
  });

  test("cannot use it in the message of another publisher", async () => {
    const { stored, mark } = await accept("/right");
    const header = { "X-Plonk-Admitted": [mark], "X-Plonk-Queued": [stored.nonce] };
    const connection = await letters.world.connection();
    connection.publish(
      "faas-request",
      JSON.stringify({ Function: "private", Path: "/right", Body: "Zm9yZ2Vk", Header: header }),
    );
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await until("the letter", async () => (await letters.list()).length === 1);
    await until("the call itself", () => letters.seen.length > 0);
    expect(letters.seen.map(({ body }) => body)).toEqual(["body"]);
  });
});

test("a caller's own mark does not get into the queue", async () => {
  const headers = { authorization: basic("call", "p"), "x-plonk-admitted": "forged" };
  const id = await letters.world.enqueue("private", { headers });
  letters.answer = succeed;
  letters.world.startWorker({ max_attempts: "1" });
  await letters.world.untilState(id, "done");
});

test("the largest body that is taken comes to a private function", async () => {
  const body = "0123456789abcdef".repeat(QUEUE.maxBodyBytes / 16);
  const { id } = await accept("/large", body);
  letters.answer = succeed;
  letters.world.startWorker({ max_attempts: "1" });
  await letters.world.untilState(id, "done");
  expect(letters.seen.map((call) => call.body === body)).toEqual([true]);
});

describe("a call that was accepted", () => {
  afterAll(() => letters.world.keys.write(keyOf("a")));

  const toKeyId = ({ mark }: Enqueued): string | undefined => mark.split(".")[1];

  /** Changes the keys, and waits until the gateway marks calls by another one than a call has. */
  async function changeKeys(since: Enqueued, current: string, previous?: string): Promise<void> {
    letters.world.keys.write(current, previous);
    await until("the key", async () => toKeyId(await accept("/probe")) !== toKeyId(since));
  }

  test("before the administrator's password was changed is made after that", async () => {
    const { id } = await accept("/before");
    letters.world.users.write("basic-auth-password", "another-password");
    const headers = { authorization: basic("admin", "another-password") };
    await until("the new password", async () => {
      const response = await fetch(`${letters.world.gateway.url}/system/info`, { headers });
      return response.status === 200;
    });
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await letters.world.untilState(id, "done");
    expect(urls()).toEqual(["/before"]);
  });

  test("before the key was changed is made after that", async () => {
    const before = await accept("/before");
    await changeKeys(before, keyOf("b"), keyOf("a"));
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await letters.world.untilState(before.id, "done");
    await until("a call under the new key", () => urls().includes("/probe"));
  });

  test("under a key that its gateway does not have waits for it, and uses up no attempt", async () => {
    const before = await accept("/early");
    await changeKeys(before, keyOf("c"));
    letters.answer = succeed;
    letters.world.startWorker({ max_attempts: "1" });
    await letters.world.untilState(before.id, "retrying");
    expect(urls()).not.toContain("/early");
    letters.world.keys.write(keyOf("c"), keyOf("b"));
    await letters.world.untilState(before.id, "done");
  });
});
