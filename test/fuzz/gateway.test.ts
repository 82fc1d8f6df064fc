/**
 * The gateway process, all its four entries, against a corpus by CVE class and generated cases,
 * checked one by one.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runs, SEED } from "../support/property-runs.ts";
import { until } from "../support/until.ts";
import { allSeeds } from "./corpus/index.ts";
import { describeFailure, runCorpus, runGenerated } from "./run.ts";
import { FuzzWorld } from "./world.ts";

const CASES = runs(10_000);

let world: FuzzWorld;
let socketsAtStart = 0;

beforeAll(async () => {
  const env = { NODE_OPTIONS: "--max-old-space-size=96" };
  world = await FuzzWorld.start({ env, isWhole: true });
  socketsAtStart = world.gateway.sockets;
});

afterAll(() => world.stop());

describe("the gateway", () => {
  test("keeps its word for every seed, whole, in halves and some byte by byte", async () => {
    const tally = await runCorpus(world);
    expect(tally.failures.map((failure) => describeFailure(0, failure))).toEqual([]);
    expect(tally.cases).toBeGreaterThan(allSeeds.length * 2);
    expect(tally.passed).toBeGreaterThan(500);
  });

  test(
    `keeps its word for ${CASES} generated cases`,
    async () => {
      const tally = await runGenerated(world, { seed: SEED, cases: CASES });
      expect(tally.failures.map((failure) => describeFailure(SEED, failure))).toEqual([]);
      expect(tally.cases).toBe(CASES);
      expect(tally.unconfirmed.length).toBeLessThan(CASES / 500);
      expect(tally.passed).toBeGreaterThan(CASES / 5);
      const { sync, async, upgrade, REST } = tally.entries;
      expect(Math.min(sync, async, upgrade, REST)).toBeGreaterThan(CASES / 20);
      expect(tally.accepted).toBeGreaterThan(CASES / 30);
      expect(tally.upgraded).toBeGreaterThan(CASES / 200);
      expect(tally.managed).toBeGreaterThan(CASES / 500);
    },
    runs(300_000),
  );

  test("is still the same process, with its memory and sockets as before", async () => {
    await until("a ready gateway", () => world.gateway.isReady());
    expect(world.gateway.hasEnded).toBe(false);
    expect(world.gateway.memoryMiB).toBeLessThan(400);
    // Connections to the function stay open for a few seconds after the last call, and those to the
    // API server come and go; a leak would leave one of every few cases.
    const isClosed = (): boolean => world.gateway.sockets <= socketsAtStart + 8;
    await until("sockets to be closed", isClosed);
  });
});
