/** What is kept of an answer, around each limit. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { QUEUE } from "../../../contract/queue/index.ts";
import {
  BEGINNING_BYTES,
  type Capture,
  captureBody,
} from "../../../services/queue-worker/capture.ts";
import { FakeBodies } from "../../support/fake-bodies.ts";
import { runs } from "../../support/property-runs.ts";

const NAME = "AAAAAAAAAAAAAAAA-answer";
let bodies: FakeBodies;
/** Bytes that were read of the answer, and whether its end was seen. */
let seen: { bytes: number; isEnd: boolean };

beforeEach(() => {
  bodies = new FakeBodies();
});

interface Source {
  bytes: number;
  piece?: number;
  /** Breaks off in place of ending. */
  isBroken?: boolean;
}

/** An answer whose bytes count on, so that none is lost, moved or doubled unseen. */
async function* answer({ bytes, piece = 65_536, isBroken = false }: Source) {
  seen = { bytes: 0, isEnd: false };
  while (seen.bytes < bytes) {
    const from = seen.bytes;
    seen.bytes = Math.min(bytes, from + piece);
    yield await Promise.resolve(WHOLE.subarray(from, seen.bytes));
  }
  seen.isEnd = true;
  if (isBroken) {
    throw new Error("terminated");
  }
}

const WHOLE = Buffer.alloc(QUEUE.maxBodyBytes + 70_000, "0123456789abcdefg");

function capture(source: Source, isWanted = true): Promise<Capture> {
  return captureBody(answer(source), { bodies, isWanted, createName: () => NAME });
}

/** Where the answer is, how much of it, and whether it is right. */
function describeKept({ body, isTruncated }: Capture): [string, number, boolean] {
  const isInline = Buffer.isBuffer(body);
  const bytes = isInline ? body : (bodies.kept.get(body.name) ?? Buffer.alloc(0));
  expect(bytes.equals(WHOLE.subarray(0, bytes.length))).toBe(true);
  expect(isInline || body.bytes === bytes.length).toBe(true);
  return [isInline ? "inline" : body.name, bytes.length, isTruncated];
}

describe("an answer for a callback", () => {
  const INLINE = QUEUE.maxInlineBytes;
  const MOST = QUEUE.maxBodyBytes;

  test.each<[number, [string, number, boolean]]>([
    [0, ["inline", 0, false]],
    [1, ["inline", 1, false]],
    [INLINE - 1, ["inline", INLINE - 1, false]],
    [INLINE + 1, [NAME, INLINE + 1, false]],
    [MOST - 1, [NAME, MOST - 1, false]],
    [MOST, [NAME, MOST, false]],
    [MOST + 1, [NAME, MOST, true]],
    [MOST + 70_000, [NAME, MOST, true]],
  ])("of %d bytes is kept as %j", async (bytes, expected) => {
    expect(describeKept(await capture({ bytes }))).toEqual(expected);
    expect(seen).toEqual({ bytes, isEnd: true });
  });

  test("that just fills a message is whole, wherever it is", async () => {
    const [, length, isTruncated] = describeKept(await capture({ bytes: INLINE }));
    expect([length, isTruncated]).toEqual([INLINE, false]);
  });

  test.each<[number, [string, number, boolean]]>([
    [0, ["inline", 0, true]],
    [100, ["inline", 100, true]],
    [INLINE + 100_000, [NAME, INLINE + 100_000, true]],
  ])("that breaks off after %d bytes is kept as %j", async (bytes, expected) => {
    expect(describeKept(await capture({ bytes, isBroken: true }))).toEqual(expected);
  });

  test("is read to its end also where the store fails: until then the function runs", async () => {
    bodies.failsAfter = INLINE + 100_000;
    await expect(capture({ bytes: 1_000_000 })).rejects.toThrow("store: no room");
    expect(seen).toEqual({ bytes: 1_000_000, isEnd: true });
    expect(bodies.kept.size).toBe(0);
  });
});

describe("an answer that nobody waits for", () => {
  test.each<[number, [string, number, boolean]]>([
    [0, ["inline", 0, false]],
    [BEGINNING_BYTES - 1, ["inline", BEGINNING_BYTES - 1, false]],
    [BEGINNING_BYTES, ["inline", BEGINNING_BYTES, false]],
    [BEGINNING_BYTES + 1, ["inline", BEGINNING_BYTES, true]],
    [1_000_000, ["inline", BEGINNING_BYTES, true]],
  ])("of %d bytes is kept as %j", async (bytes, expected) => {
    expect(describeKept(await capture({ bytes }, false))).toEqual(expected);
    expect(seen).toEqual({ bytes, isEnd: true });
    expect(bodies.kept.size).toBe(0);
  });

  test("that breaks off keeps its beginning", async () => {
    const kept = await capture({ bytes: 10_000, isBroken: true }, false);
    expect(describeKept(kept)).toEqual(["inline", BEGINNING_BYTES, true]);
  });
});

test("the pieces in which an answer comes change nothing", async () => {
  const sizes = fc.constantFrom(0, 1, 4095, 4096, 4097, 262_143, 262_145, 300_000);
  const pieces = fc.integer({ min: 700, max: 300_000 });
  await fc.assert(
    fc.asyncProperty(sizes, pieces, fc.boolean(), async (bytes, piece, isWanted) => {
      const usual = describeKept(await capture({ bytes }, isWanted));
      expect(describeKept(await capture({ bytes, piece }, isWanted)).slice(1)).toEqual(
        usual.slice(1),
      );
    }),
    { numRuns: runs(50) },
  );
});
