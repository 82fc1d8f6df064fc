/** Reads of streams: how few messages they ask for, and that they are the right ones. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  countMessages,
  deleteMessage,
  findMessage,
  readLast,
  readMessages,
} from "../../../../services/gateway/calls/stream-reader.ts";
import { apiError, FakeStreams } from "../../../support/fake-streams.ts";

const STREAM = "S";
let streams: FakeStreams;

beforeEach(() => {
  streams = new FakeStreams();
});

const section = (subjects: string[], from = 1) => ({ stream: STREAM, subjects, from });

/** Messages of the subjects `a.x` and `b.x`, by one letter each; a dot is one that is gone. */
function fill(letters: string): void {
  let gap = 0;
  for (const letter of letters) {
    if (letter === ".") {
      gap += 1;
    } else {
      streams.put(STREAM, `${letter}.x`, { data: letter.repeat(3), gap });
      gap = 0;
    }
  }
}

describe("a message", () => {
  test("is found at its place, with its fields and its size", async () => {
    streams.put(STREAM, "a.x", { fields: [["Plonk-Nonce", "n"]], data: "four" });
    const found = await findMessage(streams.access.manager, STREAM, { seq: 1 });
    expect(found).toMatchObject({ sequence: 1, subject: "a.x", bytes: 4 });
    expect([...(found?.fields ?? [])]).toEqual([["Plonk-Nonce", ["n"]]]);
    expect(Buffer.from(found?.payload ?? []).toString()).toBe("four");
  });

  test("is not found where there is none, and the next of its subject is", async () => {
    fill("a.b.a");
    const { manager } = streams.access;
    expect(await findMessage(manager, STREAM, { seq: 2 })).toBeUndefined();
    expect(await findMessage(manager, STREAM, { seq: 9 })).toBeUndefined();
    const next = { seq: 2, next_by_subj: "a.*" };
    expect(await findMessage(manager, STREAM, next)).toMatchObject({ sequence: 5 });
    expect(await findMessage(manager, STREAM, { ...next, seq: 6 })).toBeUndefined();
  });

  test("is deleted once: somebody else may have done it", async () => {
    fill("aa");
    const { manager } = streams.access;
    expect(await deleteMessage(manager, STREAM, 1)).toBe(true);
    expect(await deleteMessage(manager, STREAM, 1)).toBe(false);
    expect(streams.placesIn(STREAM)).toEqual([2]);
  });

  test.each([
    [10_037, false],
    [10_057, false],
  ])("that JetStream says is gone by %d is no failure", async (code, outcome) => {
    streams.onAsk = () => {
      throw apiError(code);
    };
    expect(await deleteMessage(streams.access.manager, STREAM, 1)).toBe(outcome);
  });

  test.each([
    ["another of JetStream's errors", () => apiError(10_008)],
    ["a lost connection", () => new Error("lost")],
  ])("whose deletion ends by %s is not told to be gone", async (_what, toError) => {
    const error = toError();
    streams.onAsk = () => {
      throw error;
    };
    await expect(deleteMessage(streams.access.manager, STREAM, 1)).rejects.toBe(error);
  });
});

describe("a section", () => {
  test("has the messages of its subjects from its place on, and no more than are wanted", async () => {
    fill("abaab");
    const read = async (subjects: string[], from: number, limit: number): Promise<number[]> =>
      (await readMessages(streams.access, section(subjects, from), limit)).map((m) => m.sequence);
    expect(await read(["a.*"], 1, 100)).toEqual([1, 3, 4]);
    expect(await read(["a.*", "b.*"], 2, 100)).toEqual([2, 3, 4, 5]);
    expect(await read(["a.*"], 1, 2)).toEqual([1, 3]);
    expect(await read(["a.*"], 1, 0)).toEqual([]);
    expect(await read(["c.*"], 1, 100)).toEqual([]);
    expect(await countMessages(streams.access, section(["a.*"], 2))).toBe(2);
  });

  test("before the first place is the whole", async () => {
    fill("ab");
    expect(await countMessages(streams.access, section(["*.x"], -5))).toBe(2);
  });

  test("has no payloads unless they are asked for, and knows how large they are", async () => {
    fill("a");
    const [bare] = await readMessages(streams.access, section(["a.*"]), 1);
    expect([bare?.bytes, bare?.payload.length]).toEqual([3, 0]);
    const whole = { ...section(["a.*"]), hasPayloads: true };
    const [full] = await readMessages(streams.access, whole, 1);
    expect([full?.bytes, Buffer.from(full?.payload ?? []).toString()]).toEqual([3, "aaa"]);
  });

  test.each([1, 2, 3])(
    "is read whole where only %i come in time, again and again",
    async (most) => {
      fill("aaaaa");
      streams.maxFetched = most;
      const read = await readMessages(streams.access, section(["a.*"]), 100);
      expect(read.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
      const some = await readMessages(streams.access, section(["a.*"]), 4);
      expect(some.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    },
  );

  test("ends where what was counted has gone meanwhile", async () => {
    fill("aaa");
    const counted = { num_pending: 5 };
    const { manager, client } = streams.access;
    const add = async (...given: Parameters<typeof manager.consumers.add>) => ({
      ...(await manager.consumers.add(...given)),
      ...counted,
    });
    const consumers = { ...manager.consumers, add };
    const access = { client, manager: { ...manager, consumers } };
    expect(await readMessages(access, section(["a.*"]), 100)).toHaveLength(3);
    streams.kept.set(STREAM, []);
    expect(await readMessages(access, section(["a.*"]), 100)).toEqual([]);
  });

  test("leaves no consumer behind, whatever comes of it", async () => {
    fill("aa");
    await readMessages(streams.access, section(["a.*"]), 1);
    expect(streams.looks).toBe(0);
    const broken = { ...streams.access, client: {} } as unknown as typeof streams.access;
    await expect(readMessages(broken, section(["a.*"]), 1)).rejects.toThrow(TypeError);
    expect(streams.looks).toBe(0);
  });

  test("is read though its consumer could not be deleted, which JetStream does by itself", async () => {
    fill("a");
    streams.onAsk = (what) => {
      if (what.startsWith("forget")) {
        throw new Error("away");
      }
    };
    expect(await readMessages(streams.access, section(["a.*"]), 1)).toHaveLength(1);
  });
});

describe("the last messages", () => {
  const RUN = fc.record({
    letter: fc.constantFrom("a", "b", "."),
    length: fc.integer({ min: 1, max: 15 }),
  });
  const LETTERS = fc
    .array(RUN, { maxLength: 10 })
    .map((parts) => parts.map(({ letter, length }) => letter.repeat(length)).join(""));

  test("are the last ones before a place, at most twice as many as asked for", async () => {
    const ask = fc.record({
      letters: LETTERS,
      before: fc.integer({ min: 1, max: 150 }),
      limit: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(ask, async ({ letters, before, limit }) => {
        streams = new FakeStreams();
        fill(letters);
        const [first = 1] = streams.placesIn(STREAM);
        const place = Math.min(before, streams.lastOf(STREAM) + 1);
        const all = Array.from(letters, (letter, index) =>
          letter === "a" ? [index + 1] : [],
        ).flat();
        const earlier = all.filter((sequence) => sequence < place);
        const range = { first, before: place, limit };
        const read = await readLast(streams.access, section(["a.*"]), range);
        const found = read.map(({ sequence }) => sequence);
        expect(found.slice(-limit)).toEqual(earlier.slice(-limit));
        expect(found.length).toBeLessThanOrEqual(2 * limit);
      }),
    );
  });

  test("are found in few steps among very many", async () => {
    streams.put(STREAM, "a.x");
    for (let count = 0; count < 3000; count += 1) {
      streams.put(STREAM, "b.x");
    }
    const range = { first: 1, before: 3002, limit: 2 };
    const read = await readLast(streams.access, section(["a.*"]), range);
    expect(read.map(({ sequence }) => sequence)).toEqual([1]);
    const looks = streams.asked.filter((what) => what.startsWith("look"));
    expect(looks.length).toBeLessThan(20);
  });
});
