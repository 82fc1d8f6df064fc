/** One message of a consumer, or the word that there is none: answers in any order. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import type { Delivery } from "../../../services/queue-worker/delivery.ts";
import { ConsumerGoneError, Puller } from "../../../services/queue-worker/pull.ts";
import { fakeOnly } from "../../support/clock.ts";
import { FakeNats } from "../../support/fake-nats.ts";
import { runs } from "../../support/property-runs.ts";

let nats: FakeNats;
let puller: Puller;

beforeEach(() => {
  nats = new FakeNats();
  puller = new Puller(nats.connection, "_INBOX_queue-worker");
});

afterEach(() => {
  // Without this, time-outs of questions that no test answers would keep Jest waiting.
  puller.reset();
  jest.useRealTimers();
});

const pull = (consumer = "c"): Promise<number | undefined> =>
  puller.pull("STREAM", consumer).then((delivery) => delivery?.sequence);

describe("a question", () => {
  test("is JetStream's for one message that is there now", () => {
    pull().catch(() => undefined);
    const [inbox = ""] = nats.subjects;
    expect(inbox).toMatch(/^_INBOX_queue-worker\.[A-Za-z0-9]{22}\.>$/);
    expect(nats.asked).toEqual([
      {
        subject: "$JS.API.CONSUMER.MSG.NEXT.STREAM.c",
        text: '{"batch":1,"no_wait":true}',
        reply: inbox.replace(">", "STREAM.c"),
      },
    ]);
  });

  test("is answered by a message", async () => {
    const asked = puller.pull("STREAM", "c");
    nats.give("c", 17);
    expect(await asked).toMatchObject({ stream: "STREAM", consumer: "c", sequence: 17 });
  });

  test.each([404, 408])("is answered by %d: there is none now", async (code) => {
    const asked = pull();
    nats.answer(0, code);
    expect(await asked).toBeUndefined();
  });

  test.each([
    [409, "Consumer Deleted"],
    [503, "No Responders"],
  ])("is answered by %d: there is no such consumer", async (code, description) => {
    const asked = pull();
    nats.answer(0, code, description);
    await expect(asked).rejects.toThrow(
      new ConsumerGoneError(`consumer c: ${code} ${description}`),
    );
  });

  test("is given up after five seconds", async () => {
    fakeOnly("setTimeout", "clearTimeout");
    const errors: unknown[] = [];
    const asked = pull().catch((error: unknown) => errors.push(error));
    await jest.advanceTimersByTimeAsync(4999);
    expect(errors).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await asked;
    expect(errors).toEqual([new Error("JetStream: no answer")]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("leaves no timer behind when it is answered", async () => {
    fakeOnly("setTimeout", "clearTimeout");
    const asked = pull();
    expect(jest.getTimerCount()).toBe(1);
    nats.give("c", 1);
    await asked;
    expect(jest.getTimerCount()).toBe(0);
  });

  test("has no answer any more where the connection was lost", async () => {
    const asked = [pull("a"), pull("a"), pull("b")];
    puller.reset();
    const outcomes = await Promise.allSettled(asked);
    const lost = { status: "rejected", reason: new Error("JetStream: the connection was lost") };
    expect(outcomes).toEqual([lost, lost, lost]);
  });
});

describe("what is done with", () => {
  const take = async (sequence = 17): Promise<Delivery> => {
    const asked = puller.pull("STREAM", "c");
    nats.give("c", sequence);
    const delivery = await asked;
    if (delivery === undefined) {
      throw new Error("expected a message, got none");
    }
    return delivery;
  };

  test("is said by its own subject, and known when that is answered", async () => {
    const events: string[] = [];
    const [first, second] = [await take(17), await take(18)];
    const known = [first, second].map((delivery) =>
      delivery.confirm().then(() => events.push(`${delivery.sequence} known`)),
    );
    const [inbox = ""] = nats.subjects;
    const said = [17, 18].map((sequence, index) => ({
      subject: `$JS.ACK.STREAM.c.1.${sequence}.1.1795906000000000000.0`,
      text: "+ACK",
      reply: inbox.replace(">", `numbered.${index + 1}`),
    }));
    expect(nats.asked.slice(2)).toEqual(said);
    nats.hear(3);
    await known[1];
    nats.hear(2);
    await known[0];
    expect(events).toEqual(["18 known", "17 known"]);
  });

  test("is not known where nobody has heard it, or the connection was lost", async () => {
    const unheard = (await take()).confirm();
    nats.answer(1, 503, "No Responders");
    await expect(unheard).rejects.toThrow("JetStream: nobody has heard what is done with");
    const lost = (await take()).confirm();
    puller.reset();
    await expect(lost).rejects.toThrow("JetStream: the connection was lost");
  });

  test("is not known where the connection is closed, which leaves no timer behind", async () => {
    fakeOnly("setTimeout", "clearTimeout");
    const delivery = await take();
    nats.failure = new Error("closed");
    await expect(delivery.confirm()).rejects.toThrow("closed");
    await expect(pull()).rejects.toThrow("closed");
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("a message that nobody waits for", () => {
  test("is given back: another worker may have it", () => {
    nats.give("c", 17);
    expect(nats.said).toEqual(["17 -NAK"]);
  });

  test("is given back after its question was given up", async () => {
    const asked = pull();
    puller.reset();
    await expect(asked).rejects.toThrow("lost");
    nats.give("c", 17);
    expect(nats.said).toEqual(["17 -NAK"]);
  });

  test("is the answer of the next question, if there is one", async () => {
    const lost = pull();
    puller.reset();
    await expect(lost).rejects.toThrow("lost");
    const asked = pull();
    nats.give("c", 17);
    expect(await asked).toBe(17);
    nats.answer(1, 404);
    expect(nats.said).toEqual([]);
  });

  test("is nobody's of another consumer", async () => {
    const asked = pull("a");
    nats.give("b", 17);
    nats.give("a", 18);
    expect(await asked).toBe(18);
    expect(nats.said).toEqual(["17 -NAK"]);
  });

  test("is not what a late status, or an error, is", () => {
    pull().catch(() => undefined);
    nats.fail(new Error("permissions violation"));
    nats.answer(0, 404);
    nats.answer(0, 404);
    expect(nats.said).toEqual([]);
  });
});

test("in whatever order answers come, each question has one, and none is another lane's", async () => {
  const consumers = fc.constantFrom("a", "b", "c");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(consumers, fc.boolean()), { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      async (questions, order) => {
        const fresh = new FakeNats();
        const own = new Puller(fresh.connection, "_INBOX");
        const asked = questions.map(async ([consumer]) => {
          const delivery = await own.pull("STREAM", consumer);
          return delivery === undefined ? `${consumer} none` : `${delivery.consumer} message`;
        });
        const left = questions.map(([consumer, isThere], index) => ({ consumer, isThere, index }));
        while (left.length > 0) {
          const at = (order.next().value ?? 0) % left.length;
          const [next] = left.splice(at, 1);
          if (next?.isThere === true) {
            fresh.give(next.consumer, next.index + 1);
          } else {
            fresh.answer(next?.index ?? 0, 404);
          }
        }
        const expected = questions.map(
          ([consumer, isThere]) => `${consumer} ${isThere ? "message" : "none"}`,
        );
        expect((await Promise.all(asked)).sort()).toEqual(expected.sort());
        expect(fresh.said).toEqual([]);
      },
    ),
    { numRuns: runs(100) },
  );
});
