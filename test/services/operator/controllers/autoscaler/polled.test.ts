/** Numbers that are asked for beside the decisions. */
import { describe, expect, it } from "@jest/globals";
import { Polled } from "../../../../../services/operator/controllers/autoscaler/polled.ts";

interface World {
  polled: Polled<number>;
  clock: { now: number };
  /** Keys that were asked for and are not answered yet, the latest last. */
  open: { key: string; answer: (value: number | Error) => Promise<void> }[];
  failures: string[];
}

function createWorld(): World {
  const clock = { now: 0 };
  const open: World["open"] = [];
  const failures: string[] = [];
  const polled = new Polled<number>({
    now: () => clock.now,
    read: (key) =>
      new Promise((resolve, reject) => {
        const answer = async (value: number | Error): Promise<void> => {
          open.splice(
            open.findIndex((each) => each.answer === answer),
            1,
          );
          (value instanceof Error ? reject : resolve)(value as number);
          await new Promise(setImmediate);
        };
        open.push({ key, answer });
      }),
    onFailure: (key, error) => failures.push(`${key}: ${String(error)}`),
  });
  return { polled, clock, open, failures };
}

describe("Polled", () => {
  it("never waits: the first answer comes later", async () => {
    const { polled, open } = createWorld();
    expect(polled.get("a")).toBeUndefined();
    expect(polled.get("a")).toBeUndefined();
    expect(open.map(({ key }) => key)).toStrictEqual(["a"]);
    await open[0]?.answer(5);
    expect(polled.get("a")).toBe(5);
    expect(open).toStrictEqual([]);
  });

  it("asks again every 15 s, and keeps an answer for 40 s", async () => {
    const { polled, clock, open } = createWorld();
    polled.get("a");
    await open[0]?.answer(5);
    clock.now = 14_999;
    polled.get("a");
    expect(open).toHaveLength(0);
    clock.now = 15_000;
    expect(polled.get("a")).toBe(5);
    expect(open).toHaveLength(1);
    clock.now = 40_000;
    expect(polled.get("a")).toBe(5);
    clock.now = 40_001;
    expect(polled.get("a")).toBeUndefined();
    // The one that was asked then is not answered yet.
    expect(open).toHaveLength(1);
  });

  it("tells of the first of several failures, and asks on", async () => {
    const { polled, clock, open, failures } = createWorld();
    for (const answer of [new Error("away"), new Error("away"), 7, new Error("gone")]) {
      polled.get("a");
      await open[0]?.answer(answer);
      clock.now += 15_000;
    }
    expect(failures).toStrictEqual(["a: Error: away", "a: Error: gone"]);
    expect(polled.get("a")).toBe(7);
  });

  it("asks for eight at the same time, and for the others later", async () => {
    const { polled, open } = createWorld();
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
    keys.forEach((key) => polled.get(key));
    expect(open).toHaveLength(8);
    await open[0]?.answer(0);
    await open[0]?.answer(0);
    expect(open.map(({ key }) => key)).toStrictEqual(keys.slice(2));
  });

  it("asks for those first that wait longest, so that each has its turn", async () => {
    const { polled, clock, open } = createWorld();
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const asked = new Set<string>();
    for (let look = 0; look < 30; look++) {
      keys.forEach((key) => polled.get(key));
      open.forEach(({ key }) => asked.add(key));
      // Each answer takes three looks, and eight are asked for at once.
      clock.now += 1000;
      if (look % 3 === 2) {
        for (const { answer } of [...open]) {
          await answer(1);
        }
      }
    }
    expect([...asked].sort()).toStrictEqual([...keys].sort());
  });

  it("forgets what nobody has asked for between two sweeps", async () => {
    const { polled, open } = createWorld();
    polled.get("a");
    await open[0]?.answer(5);
    polled.sweep();
    polled.get("a");
    polled.sweep();
    expect(polled.get("a")).toBe(5);
    polled.sweep();
    polled.sweep();
    expect(polled.get("a")).toBeUndefined();
  });
});
