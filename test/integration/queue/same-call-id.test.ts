/** One X-Call-Id for several asynchronous calls, and calls that are the callbacks of others. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
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

/** Calls that the functions got: the path, the call's id and the body. */
const seen = (): unknown[] =>
  letters.seen.map(({ url, headers, body }) => [url, headers["x-call-id"], body]);

test("two calls of different functions with one X-Call-Id are both run, and so is a third", async () => {
  letters.answer = succeed;
  const headers = { "x-call-id": "same" };
  const ids = [
    await letters.world.enqueue("f/one", { headers, body: "1" }),
    await letters.world.enqueue("g/two", { headers, body: "2" }),
    await letters.world.enqueue("f/one", { headers, body: "3" }),
  ];
  expect(new Set(ids).size).toBe(3);
  letters.world.startWorker();
  await until("all calls", () => letters.seen.length === 3);
  expect(seen().sort()).toEqual([
    ["/one", "same", "1"],
    ["/one", "same", "3"],
    ["/two", "same", "2"],
  ]);
});

test("a callback that is another asynchronous call is run, with the X-Call-Id of the first", async () => {
  letters.answer = succeed;
  const callback = "http://gateway:8080/async-function/g/next?a=1";
  const headers = { "x-call-id": "chain", "x-callback-url": callback };
  await letters.world.enqueue("f/first", { headers, body: "question" });
  letters.world.startWorker();
  await until("both calls", () => letters.seen.length === 2);
  expect(seen()).toEqual([
    ["/first", "chain", "question"],
    ["/next?a=1", "chain", "ok"],
  ]);
  await until("an empty queue", async () => {
    const { streams } = await letters.world.manager();
    const counts = [STREAM.calls, STREAM.callbacks].map(
      async (name) => (await streams.info(name)).state.messages,
    );
    return (await Promise.all(counts)).every((count) => count === 0);
  });
});
