/** Dead letters: which are shown, sent again and deleted, of whom, and how many at once. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  encodeCall,
  parseCallId,
  type QueuedCall,
  readFields,
  STREAM,
  toLetterFields,
} from "../../../../contract/queue/index.ts";
import type { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import {
  type AsyncPublisher,
  MessageTooLargeError,
} from "../../../../services/gateway/calls/async-publisher.ts";
import { DeadLetterBox } from "../../../../services/gateway/calls/dead-letter-box.ts";
import type { ReadMessage } from "../../../../services/gateway/calls/stream-reader.ts";
import { buryCall, buryCallback, buryOther } from "../../../support/dead-letters.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

const HOME = "home";
let streams: FakeStreams;
let box: DeadLetterBox;

function open(queue: AsyncPublisher = streams.queue): DeadLetterBox {
  const marks = { renew: () => undefined } as unknown as QueueMarks;
  return new DeadLetterBox({ queue, home: HOME, marks, queueOf: ({ name }) => `queue-of-${name}` });
}

beforeEach(() => {
  streams = new FakeStreams();
  box = open();
});

const of = (name: string, namespace = "fn"): Partial<QueuedCall> => ({
  reference: { name, namespace },
});

async function list(range: Partial<Parameters<DeadLetterBox["list"]>[0]> = {}) {
  const { letters, next } = await box.list({ namespace: "fn", limit: 100, ...range });
  return { places: letters.map(({ sequence }) => sequence), next };
}

async function find(sequence: number): Promise<ReadMessage> {
  const letter = await box.find(sequence);
  return letter ?? Promise.reject(new Error(`${sequence}: expected a letter, got none`));
}

describe("a list", () => {
  test("has the newest first, of one function or of all in a namespace", async () => {
    buryCall(streams, of("f"));
    buryCall(streams, of("g"));
    buryCall(streams, of("f", "other"));
    buryCall(streams, of("f"));
    expect(await list()).toEqual({ places: [4, 2, 1], next: undefined });
    expect(await list({ functionName: "f" })).toEqual({ places: [4, 1], next: undefined });
    expect(await list({ namespace: "other" })).toEqual({ places: [3], next: undefined });
  });

  test("has callbacks with the function that they are about, and no others there", async () => {
    buryCallback(streams);
    buryCallback(streams, "http://b.example/", { reference: { name: "g", namespace: "other" } });
    expect((await list()).places).toEqual([1]);
    expect((await list({ functionName: "g" })).places).toEqual([]);
    expect((await list({ namespace: "other", functionName: "g" })).places).toEqual([2]);
  });

  test("has what names no function in the platform's own namespace, and in no function's", async () => {
    buryOther(streams);
    expect((await list()).places).toEqual([]);
    expect((await list({ namespace: HOME })).places).toEqual([1]);
    expect((await list({ namespace: HOME, functionName: "_" })).places).toEqual([]);
  });

  test("reads no payload: answers and bodies may be large", async () => {
    buryCall(streams, { body: Buffer.alloc(200_000, "x") });
    const { letters } = await box.list({ namespace: "fn", limit: 1 });
    expect(letters).toMatchObject([{ bytes: 200_000 }]);
  });

  test("of nothing is empty, also where all have been deleted", async () => {
    expect(await list()).toEqual({ places: [], next: undefined });
    buryCall(streams);
    await box.remove(await find(1));
    expect(await list()).toEqual({ places: [], next: undefined });
  });

  test("is the same page by page, whoever's letters are between them", async () => {
    const KINDS = ["mine", "beside", "callback", "foreign", "other"] as const;
    const bury = {
      mine: () => buryCall(streams, of("f")),
      beside: () => buryCall(streams, of("g")),
      callback: () => buryCallback(streams),
      foreign: () =>
        buryCallback(streams, "http://b.example/", { reference: of("f", "x").reference }),
      other: () => buryOther(streams),
    };
    const ask = fc.record({
      kinds: fc.array(fc.constantFrom(...KINDS), { maxLength: 30 }),
      limit: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(ask, async ({ kinds, limit }) => {
        streams = new FakeStreams();
        box = open();
        const places = kinds.map((kind) => [kind, bury[kind]().seq] as const);
        const mine = places.filter(([kind]) => kind === "mine" || kind === "callback");
        const found: number[] = [];
        let before: number | undefined;
        do {
          const page: Awaited<ReturnType<typeof list>> = await list({
            functionName: "f",
            limit,
            before,
          });
          expect(page.places.length).toBeLessThanOrEqual(limit);
          expect(page.next).not.toBe(before ?? Infinity);
          found.push(...page.places);
          before = page.next;
        } while (before !== undefined);
        expect(found).toEqual(mine.map(([, seq]) => seq).reverse());
      }),
    );
  });
});

describe("a letter that is sent again", () => {
  test("waits in the queue that its function has now, under a new id, and is gone here", async () => {
    buryCall(streams, { path: "/p" });
    const { id = "" } = await box.redrive(await find(1));
    const [message] = streams.kept.get(STREAM.calls) ?? [];
    expect(message?.subject).toBe("faas-request.fn.f.queue-of-f");
    const { head } = readFields(message?.header ?? []);
    expect(head).toMatchObject({ "Plonk-Path": "/p", "Plonk-Nonce": parseCallId(id)?.nonce });
    expect(head["Plonk-Nonce"]).not.toBe(LEAST_CALL.nonce);
    expect(Object.keys(head).filter((name) => name.startsWith("Plonk-Dead"))).toEqual([]);
    expect(streams.placesIn(STREAM.dead)).toEqual([]);
  });

  test("stays where it could not be queued", async () => {
    buryCall(streams);
    box = open(streams.queueWith({ publish: () => Promise.reject(new Error("away")) }));
    await expect(box.redrive(await find(1))).rejects.toThrow("away");
    expect(streams.placesIn(STREAM.dead)).toEqual([1]);
  });

  test("is told without an id where an earlier attempt was done with already", async () => {
    buryCall(streams);
    const publish = () => Promise.resolve({ id: undefined, isRepeated: true });
    box = open(streams.queueWith({ publish }));
    expect(await box.redrive(await find(1))).toEqual({});
    expect(streams.placesIn(STREAM.dead)).toEqual([]);
  });

  test("is one message however often that is asked: its id is the letter's", async () => {
    const asked: unknown[] = [];
    const publish = (_call: QueuedCall, options: unknown) => {
      asked.push(options);
      return Promise.reject(new Error("lost"));
    };
    buryCall(streams, {}, { letter: { diedAt: 5 } });
    box = open(streams.queueWith({ publish }));
    const letter = await find(1);
    await expect(box.redrive(letter)).rejects.toThrow("lost");
    await expect(box.redrive(letter)).rejects.toThrow("lost");
    expect(asked).toEqual(Array(2).fill({ queue: "queue-of-f", messageId: "redriven 1 5" }));
  });

  test("of a callback goes to the lane of its host, without what made it a letter", async () => {
    buryCallback(streams);
    expect(await box.redrive(await find(1))).toEqual({ id: "7-AAAAAAAAAAAAAAAA" });
    const [message] = streams.kept.get(STREAM.callbacks) ?? [];
    expect(message?.subject).toMatch(/^faas-callback\.[0-9a-f]{32}$/);
    expect(Buffer.from(message?.data ?? []).toString()).toBe("answer");
    const names = [...(message?.header ?? [])].map(([name]) => name);
    expect(names.sort()).toEqual(["Plonk-Function", "Plonk-Id", "Plonk-Namespace", "Plonk-Url"]);
    expect(streams.placesIn(STREAM.dead)).toEqual([]);
  });

  test("is refused where it is neither, and stays", async () => {
    buryOther(streams);
    await expect(box.redrive(await find(1))).rejects.toThrow(
      "letter: expected a call or a callback, got another message",
    );
    expect(streams.placesIn(STREAM.dead)).toEqual([1]);
  });
});

describe("many that are sent again", () => {
  const all = (range: object = {}) =>
    box.redriveAll({ namespace: "fn", limit: 100, after: 0, ...range });
  const queued = (): string[] =>
    (streams.kept.get(STREAM.calls) ?? []).map(
      ({ header }) => readFields(header).head["Plonk-Path"] ?? "",
    );

  test("go in the order in which they died, up to a number, and tell where to go on", async () => {
    ["/1", "/2", "/3"].forEach((path) => buryCall(streams, { path }));
    expect(await all({ limit: 2 })).toEqual({ redriven: 2, refused: 0, next: 2 });
    expect(queued()).toEqual(["/1", "/2"]);
    expect(await all({ limit: 2, after: 2 })).toEqual({ redriven: 1, refused: 0 });
    expect(queued()).toEqual(["/1", "/2", "/3"]);
  });

  test("are those of the filter, behind one place and before another", async () => {
    for (const path of ["/1", "/2", "/3", "/4"]) {
      buryCall(streams, { path });
      buryCall(streams, { path, ...of("g") });
    }
    expect(await all({ functionName: "f", after: 2, before: 7 })).toMatchObject({ redriven: 2 });
    expect(queued()).toEqual(["/2", "/3"]);
    expect(streams.placesIn(STREAM.dead)).toEqual([1, 2, 4, 6, 7, 8]);
  });

  test("leave behind what no call can be made of, and count it", async () => {
    const { fields } = encodeCall({ ...LEAST_CALL, reference: { name: "g", namespace: "fn" } });
    const letter = { kind: "call", id: "", subject: "", reason: "", attempts: 0 } as const;
    const dead = toLetterFields({ ...letter, status: 0, diedAt: 1, answer: Buffer.alloc(0) });
    streams.put(STREAM.dead, "faas-dead.fn.f", { fields: [...fields, ...dead] });
    buryCall(streams, { path: "/good" });
    expect(await all()).toEqual({ redriven: 1, refused: 1 });
    expect(streams.placesIn(STREAM.dead)).toEqual([1]);
  });

  test("count what this NATS takes in no message as refused", async () => {
    buryCall(streams);
    const publish = () => Promise.reject(new MessageTooLargeError("message: too large"));
    box = open(streams.queueWith({ publish }));
    expect(await all()).toEqual({ redriven: 0, refused: 1 });
  });

  test("end at once where the queue is away: the next ones would fail, too", async () => {
    buryCall(streams);
    buryCall(streams);
    let asked = 0;
    const publish = () => Promise.reject(new Error(`away ${(asked += 1)}`));
    box = open(streams.queueWith({ publish }));
    await expect(all()).rejects.toThrow("away 1");
    expect(asked).toBe(1);
  });

  test("pass over a letter that somebody else has just taken", async () => {
    buryCall(streams);
    streams.onAsk = (what) => {
      if (what === `get ${STREAM.dead}`) {
        streams.kept.set(STREAM.dead, []);
      }
    };
    expect(await all()).toEqual({ redriven: 0, refused: 0 });
  });
});

describe("a deletion", () => {
  test("of one takes its body with it, and is no failure the second time", async () => {
    const body = { name: "large", bytes: 3 };
    streams.bodies.kept.set("large", Buffer.from("big"));
    buryCall(streams, { body });
    const letter = await find(1);
    await box.remove(letter);
    await box.remove(letter);
    expect([streams.placesIn(STREAM.dead), streams.bodies.kept.size]).toEqual([[], 0]);
  });

  test("of all takes what the filter means and nothing else, with the bodies", async () => {
    streams.bodies.kept.set("mine", Buffer.from("1"));
    streams.bodies.kept.set("other", Buffer.from("1"));
    buryCall(streams, { ...of("f"), body: { name: "mine", bytes: 1 } });
    buryCall(streams, { ...of("g"), body: { name: "other", bytes: 1 } });
    buryCallback(streams);
    buryCallback(streams, "http://b.example/", { reference: { name: "g", namespace: "fn" } });
    buryOther(streams);
    const purged = await box.purge({ namespace: "fn", functionName: "f" });
    expect(purged).toEqual({ deleted: 2, isComplete: true });
    expect(streams.placesIn(STREAM.dead)).toEqual([2, 4, 5]);
    expect([...streams.bodies.kept.keys()]).toEqual(["other"]);
  });

  test("of what is before a place leaves the rest", async () => {
    [1, 2, 3].forEach(() => buryCall(streams));
    expect(await box.purge({ namespace: "fn", before: 3 })).toEqual({
      deleted: 2,
      isComplete: true,
    });
    expect(streams.placesIn(STREAM.dead)).toEqual([3]);
  });

  test("of nothing asks JetStream for no purge, which it would take for one of everything", async () => {
    buryCall(streams, of("g"));
    expect(await box.purge({ namespace: "fn", functionName: "f" })).toEqual({
      deleted: 0,
      isComplete: true,
    });
    expect(streams.asked.filter((what) => what.startsWith("purge"))).toEqual([]);
    expect(streams.placesIn(STREAM.dead)).toEqual([1]);
  });

  test("goes on from thousand to thousand, and says so where there are more than ten", async () => {
    for (let count = 0; count < 10_001; count += 1) {
      streams.put(STREAM.dead, "faas-dead.fn.f");
    }
    const first = await box.purge({ namespace: "fn" });
    expect(first).toEqual({ deleted: 10_000, isComplete: false });
    expect(await box.purge({ namespace: "fn" })).toEqual({ deleted: 1, isComplete: true });
  });
});
