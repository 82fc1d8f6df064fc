/** Kept answers of queued calls, as workers have written them. */
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  encodeResult,
  type KeptResult,
  type ResultBody,
  STREAM,
  toOverSubject,
  toPieceSubject,
  toResultSubject,
} from "../../../../contract/queue/index.ts";
import { KeptResults } from "../../../../services/gateway/calls/kept-results.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";

const ID = "5-AAAAAAAAAAAAAAAA";
const reference = { name: "f", namespace: "fn" };
let streams: FakeStreams;
let results: KeptResults;

beforeEach(() => {
  streams = new FakeStreams();
  results = new KeptResults(streams.queue);
});

function keep(changes: Partial<KeptResult> = {}, id = ID): void {
  const { fields, payload } = encodeResult({
    status: 200,
    headers: { "content-type": ["text/plain"] },
    expiresAt: Date.now() + 60_000,
    body: Buffer.from("answer"),
    ...changes,
  });
  streams.put(STREAM.results, toResultSubject(reference, id), { fields, data: payload });
}

async function readAll(body: ResultBody): Promise<string> {
  const found = await results.find(ID);
  const parts: Uint8Array[] = [];
  for await (const part of results.read(found ?? { id: ID, reference, result: undefined }, body)) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

describe("a result", () => {
  test("is found by its call's id, with whose it is", async () => {
    keep();
    const found = await results.find(ID);
    expect(found).toMatchObject({ id: ID, reference, result: { status: 200 } });
    expect(await readAll(found?.result?.body ?? Buffer.alloc(0))).toBe("answer");
    expect(await results.find("6-AAAAAAAAAAAAAAAA")).toBeUndefined();
  });

  test("of a call that ran twice is that of the run that ended last", async () => {
    keep({ status: 500 });
    keep({ status: 201 });
    expect(await results.find(ID)).toMatchObject({ result: { status: 201 } });
  });

  test("is over at its time, though JetStream has it for a moment longer", async () => {
    const now = Date.now();
    keep({ expiresAt: now });
    jest.spyOn(Date, "now").mockReturnValue(now - 1);
    expect(await results.find(ID)).toMatchObject({ result: { status: 200 } });
    jest.spyOn(Date, "now").mockReturnValue(now);
    expect(await results.find(ID)).toEqual({ id: ID, reference, result: undefined });
    jest.restoreAllMocks();
  });

  test("that is gone has been there, by the word that stays behind it", async () => {
    streams.put(STREAM.results, toOverSubject(reference, ID));
    expect(await results.find(ID)).toEqual({ id: ID, reference, result: undefined });
  });

  test("that is no result counts as one that is over, and not as an answer", async () => {
    const fields: [string, string][] = [
      ["Plonk-Status", "99"],
      ["Plonk-Expires", "9999999999999"],
    ];
    streams.put(STREAM.results, toResultSubject(reference, ID), { fields });
    expect(await results.find(ID)).toEqual({ id: ID, reference, result: undefined });
  });

  test.each(["", "*", ">", "5-*", "5-AAAAAAAAAAAAAAAA.piece", "5", "05-AAAAAAAAAAAAAAAA"])(
    "is not looked for by %j, which could mean others'",
    async (id) => {
      keep();
      streams.asked.length = 0;
      expect(await results.find(id)).toBeUndefined();
      expect(streams.asked).toEqual([]);
    },
  );
});

describe("a body in pieces", () => {
  const piece = (data: string, of = reference, id = ID): number =>
    streams.put(STREAM.results, toPieceSubject(of, id), { data }).seq;

  test("is read in their order, wherever they are", async () => {
    const [second, first] = [piece("two"), piece("one")];
    expect(await readAll({ bytes: 6, pieces: [first, second] })).toBe("onetwo");
  });

  test("ends with an error where one is gone, so that nobody takes it for whole", async () => {
    const pieces = [piece("one"), 99];
    await expect(readAll({ bytes: 6, pieces })).rejects.toThrow("result: a piece of it is gone");
  });

  test("has no piece of another call's, nor of another function's", async () => {
    const foreign = piece("x", reference, "6-AAAAAAAAAAAAAAAA");
    await expect(readAll({ bytes: 1, pieces: [foreign] })).rejects.toThrow("is gone");
    const other = piece("x", { name: "g", namespace: "fn" });
    await expect(readAll({ bytes: 1, pieces: [other] })).rejects.toThrow("is gone");
    keep();
    const { seq = 0 } = streams.kept.get(STREAM.results)?.at(-1) ?? {};
    await expect(readAll({ bytes: 1, pieces: [seq] })).rejects.toThrow("is gone");
  });
});
