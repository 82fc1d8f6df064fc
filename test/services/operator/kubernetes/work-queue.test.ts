import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { ReconcileResult } from "../../../../services/operator/kubernetes/controller.ts";
import { WorkQueue } from "../../../../services/operator/kubernetes/work-queue.ts";
import { runs as toRuns } from "../../../support/property-runs.ts";
import { until } from "../../../support/until.ts";

/** A queue whose handler ends when the test says so. */
function makeGated(concurrency: number) {
  const started: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<ReconcileResult>>();
  const queue = new WorkQueue({
    concurrency,
    handler: (key) => {
      started.push(key);
      const gate = Promise.withResolvers<ReconcileResult>();
      gates.set(key, gate);
      return gate.promise;
    },
  });
  const finish = async (key: string) => {
    gates.get(key)?.resolve({});
    await sleep(0);
  };
  return { queue, started, finish };
}

describe("WorkQueue", () => {
  it("works on a key once, however often it was added before", async () => {
    const { queue, started, finish } = makeGated(4);
    queue.add("a");
    queue.add("a");
    queue.add("b");
    expect(queue.depth).toBe(2);
    queue.open();
    await Promise.all([finish("a"), finish("b")]);
    expect(started).toStrictEqual(["a", "b"]);
    expect(queue.depth).toBe(0);
  });

  it("works on a key that changes meanwhile once more, but never twice at a time", async () => {
    const { queue, started, finish } = makeGated(4);
    queue.open();
    queue.add("a");
    queue.add("a");
    queue.add("a");
    expect(started).toStrictEqual(["a"]);
    await finish("a");
    expect(started).toStrictEqual(["a", "a"]);
    await finish("a");
    expect(started).toStrictEqual(["a", "a"]);
  });

  it("works on no more keys at a time than it may, in order of arrival", async () => {
    const { queue, started, finish } = makeGated(2);
    queue.open();
    for (const key of ["a", "b", "c", "d"]) {
      queue.add(key);
    }
    expect(started).toStrictEqual(["a", "b"]);
    await finish("b");
    expect(started).toStrictEqual(["a", "b", "c"]);
    expect(queue.depth).toBe(1);
    await finish("a");
    expect(started).toStrictEqual(["a", "b", "c", "d"]);
  });

  it("comes back to what fails after a growing wait, and forgets that after a success", async () => {
    const runs: { at: number; error: string | undefined }[] = [];
    let failures = 3;
    const queue = new WorkQueue({
      handler: () => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new Error("no")) : Promise.resolve({});
      },
      backoff: { initialMs: 20, random: () => 1 },
      onRun: ({ error }) => {
        runs.push({ at: performance.now(), error: (error as Error | undefined)?.message });
      },
    });
    queue.open();
    queue.add("a");
    await until("four runs", () => runs.length === 4);
    expect(runs.map(({ error }) => error)).toStrictEqual(["no", "no", "no", undefined]);
    const waits = runs.slice(1).map(({ at }, index) => at - (runs[index]?.at ?? 0));
    expect(waits[0]).toBeGreaterThan(15);
    expect(waits[1]).toBeGreaterThan(35);
    expect(waits[2]).toBeGreaterThan(75);
  });

  it("comes back after the time that the handler asks for, unless the key is added before", async () => {
    let runs = 0;
    const queue = new WorkQueue({
      handler: () => {
        runs += 1;
        return Promise.resolve(runs === 1 ? { requeueAfterMs: 30_000 } : {});
      },
    });
    queue.open();
    queue.add("a");
    await until("the first run", () => runs === 1 && queue.depth === 0);
    queue.add("a");
    await until("the second run", () => runs === 2);
    queue.addAfter("a", 10);
    expect(runs).toBe(2);
    await until("the third run", () => runs === 3);
  });

  it("begins nothing after it is closed, and waits for what runs", async () => {
    const { queue, started, finish } = makeGated(1);
    queue.open();
    queue.add("a");
    queue.add("b");
    let isClosed = false;
    const closed = Promise.all([queue.close(), queue.close()]).then(() => {
      isClosed = true;
    });
    await sleep(0);
    expect(isClosed).toBe(false);
    await finish("a");
    await closed;
    expect(started).toStrictEqual(["a"]);
    expect(queue.depth).toBe(1);
    queue.clear();
    expect(queue.depth).toBe(0);
  });

  it("runs after the last addition of each key, and one run of a key at a time, in any order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom("a", "b", "c"), pause: fc.boolean() })),
        async (additions) => {
          const running = new Set<string>();
          const version = new Map<string, number>();
          const seen = new Map<string, number>();
          const queue = new WorkQueue({
            concurrency: 2,
            handler: async (key) => {
              expect(running.has(key)).toBe(false);
              running.add(key);
              seen.set(key, version.get(key) ?? 0);
              await sleep(0);
              running.delete(key);
              return {};
            },
          });
          queue.open();
          for (const { key, pause } of additions) {
            version.set(key, (version.get(key) ?? 0) + 1);
            queue.add(key);
            if (pause) {
              await sleep(0);
            }
          }
          while (queue.depth > 0 || running.size > 0) {
            await sleep(1);
          }
          expect(seen).toStrictEqual(version);
        },
      ),
      { numRuns: toRuns(30) },
    );
  });
});
