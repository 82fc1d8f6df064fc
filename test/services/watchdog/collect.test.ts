/** Bodies and outputs that are needed whole, within their limit. */
import { describe, expect, test } from "@jest/globals";
import { collect, sizeOf } from "../../../services/watchdog/collect.ts";

async function* repeat(piece: Buffer, count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index += 1) {
    yield await Promise.resolve(piece);
  }
}

const collectAll = async (piece: Buffer, count: number): Promise<Buffer[]> =>
  (await collect(repeat(piece, count), Infinity)) ?? [];

describe("what is collected", () => {
  test.each([0, 1, 1023, 1024, 1025, 5000])("is whole, of %d pieces", async (count) => {
    const pieces = await collectAll(Buffer.from("ab"), count);
    expect(Buffer.concat(pieces).toString()).toBe("ab".repeat(count));
    expect(sizeOf(pieces)).toBe(2 * count);
  });

  test("is few pieces however small they come, as each takes memory of its own", async () => {
    expect((await collectAll(Buffer.from("a"), 50_000)).length).toBeLessThan(1024 + 50);
  });

  test("is not copied where the pieces are large", async () => {
    const large = Buffer.alloc(64 * 1024);
    const pieces = await collectAll(large, 2000);
    expect([pieces.length, new Set(pieces)]).toStrictEqual([2000, new Set([large])]);
  });

  test("is at most as much as the limit, and no more is read", async () => {
    const source = repeat(Buffer.from("ab"), 1_000_000);
    expect(await collect(repeat(Buffer.from("ab"), 500), 1000)).toHaveLength(500);
    expect(await collect(source, 999)).toBeUndefined();
    expect(await source.next()).toEqual({ done: true, value: undefined });
  });
});
