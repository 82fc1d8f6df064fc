/** Memory for large bodies: who waits, who is next, and what is given back. */
import { describe, expect, test } from "@jest/globals";
import { ByteBudget } from "../../../services/queue-worker/byte-budget.ts";

/** Work that ends when it is told to; `log` has what began, in order. */
function createWork(budget: ByteBudget): {
  log: string[];
  begin: (name: string, bytes: number) => { end: () => void; done: Promise<string> };
} {
  const log: string[] = [];
  return {
    log,
    begin: (name, bytes) => {
      const gate = Promise.withResolvers<string>();
      const done = budget.use(bytes, () => {
        log.push(name);
        return gate.promise;
      });
      return { end: () => gate.resolve(name), done };
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a budget of 10 bytes", () => {
  test("lets in what fits, at once, and gives back what the work gave", async () => {
    const { log, begin } = createWork(new ByteBudget(10));
    const works = [begin("a", 4), begin("b", 6), begin("none", 0)];
    await settle();
    expect(log).toEqual(["a", "b", "none"]);
    works.forEach(({ end }) => end());
    expect(await Promise.all(works.map(({ done }) => done))).toEqual(["a", "b", "none"]);
  });

  test("makes others wait in their order, so that a large one is not passed over", async () => {
    const { log, begin } = createWork(new ByteBudget(10));
    const first = begin("first", 6);
    const large = begin("large", 9);
    const small = begin("small", 1);
    await settle();
    expect(log).toEqual(["first"]);
    first.end();
    await first.done;
    await settle();
    expect(log).toEqual(["first", "large", "small"]);
    large.end();
    small.end();
    await Promise.all([large.done, small.done]);
  });

  test("gives all of it to what is larger", async () => {
    const { log, begin } = createWork(new ByteBudget(10));
    const huge = begin("huge", 1000);
    const next = begin("next", 1);
    await settle();
    expect(log).toEqual(["huge"]);
    huge.end();
    await huge.done;
    next.end();
    expect(await next.done).toBe("next");
  });

  test("has its bytes back from work that fails", async () => {
    const budget = new ByteBudget(10);
    const failed = budget.use(10, () => Promise.reject(new Error("no")));
    await expect(failed).rejects.toThrow("no");
    expect(await budget.use(10, () => Promise.resolve("yes"))).toBe("yes");
  });
});
