/** Which faults explain that a call was run twice, on logs in which something was made wrong. */
import { describe, expect, test } from "@jest/globals";
import { call, evidence, id, kinds, run, window } from "../support/audit-evidence.ts";
import { check } from "./checker.ts";
import type { FaultWindow, Run } from "./evidence.ts";

describe("a repetition", () => {
  const again = [run(1), run(2), run(2, "done", 2500), run(3)];

  test.each<[string, FaultWindow[], number]>([
    ["while nothing was broken", [], 1],
    ["when the fault was over before its first run had ended", [window(0, 2149)], 1],
    ["when the fault began after the queue had been told", [window(4151, 9000)], 1],
    ["long after the fault", [window(2150, 2160)], 0],
    ["while only what harms nothing was broken", [window(0, 9000, { harms: [] })], 1],
    ["when an acknowledgement was lost", [window(2200, 2300)], 0],
  ])("of a call that is done %s", (_when, windows, breaches) => {
    const found = kinds({ runs: again, windows });
    expect(found).toEqual(Array.from({ length: breaches }, () => "unexplained repetition"));
  });

  /** Two runs of call 2, at these workers and times. */
  const twice = (first: Partial<Run>, second: Partial<Run>): Run[] => [
    run(1),
    { ...run(2), worker: 0, ...first },
    { ...run(2), worker: 1, ...second },
    run(3),
  ];
  const LONG = { startedAt: 2100, endedAt: 6000 };
  const DURING = { startedAt: 5000, endedAt: 5100 };
  const CUT = { startedAt: 2100, endedAt: 2500, end: "cut" as const };
  const AFTER = { startedAt: 4000, endedAt: 4050 };

  test.each<[string, Run[], Partial<FaultWindow>, boolean]>([
    ["a lease of that worker", twice(LONG, DURING), { harms: ["lease"], worker: 0 }, true],
    ["a lease of any worker", twice(LONG, DURING), { harms: ["lease"] }, true],
    ["a lease of another worker", twice(LONG, DURING), { harms: ["lease"], worker: 1 }, false],
    [
      "a lease, though it is the same worker",
      twice(LONG, { ...DURING, worker: 0 }),
      { harms: ["lease"] },
      false,
    ],
    ["an acknowledgement, though it runs", twice(LONG, DURING), { harms: ["ack"] }, false],
    ["a lease before its run", twice(LONG, DURING), { harms: ["lease"], from: 0, to: 2099 }, false],
    [
      "a lease after the second run began",
      twice(LONG, DURING),
      { harms: ["lease"], from: 5001 },
      false,
    ],
    [
      "the answer to a run that was cut",
      twice(CUT, AFTER),
      { harms: ["answer"], worker: 0, from: 2400, to: 2600 },
      true,
    ],
    [
      "a full disk since, after which it is there again",
      twice({ endedAt: 2150 }, { startedAt: 60_000, endedAt: 60_050 }),
      { harms: ["key", "return"], from: 8000, to: 9000 },
      true,
    ],
    [
      "a full disk before",
      twice({ endedAt: 2150 }, { startedAt: 60_000, endedAt: 60_050 }),
      { harms: ["key", "return"], from: 1000, to: 2149 },
      false,
    ],
    [
      "an acknowledgement that is lost, long before",
      twice({ endedAt: 2150 }, { startedAt: 60_000, endedAt: 60_050 }),
      { harms: ["ack"], from: 2100, to: 2200 },
      false,
    ],
    [
      "an acknowledgement that JetStream loses, long before",
      twice({ endedAt: 2150 }, { startedAt: 60_000, endedAt: 60_050 }),
      { harms: ["ack", "key"], from: 2100, to: 2200 },
      true,
    ],
    [
      "the answer of another worker",
      twice(CUT, AFTER),
      { harms: ["answer"], worker: 1, from: 2400, to: 2600 },
      false,
    ],
    ["an acknowledgement of a run that was cut", twice(CUT, AFTER), { harms: ["ack"] }, false],
    ["a large body of a run that was cut", twice(CUT, AFTER), { harms: ["lease"] }, true],
    [
      "the queue of another worker than the one that was cut",
      twice(CUT, AFTER),
      { harms: ["lease"], worker: 1 },
      false,
    ],
    [
      "a lease that ended while the first waited for its turn",
      twice({ startedAt: 12_000, endedAt: 12_010 }, { startedAt: 12_100, endedAt: 12_110 }),
      { harms: ["lease"], worker: 0 },
      true,
    ],
    [
      "a lease that ended long before the first",
      twice({ startedAt: 12_001, endedAt: 12_010 }, { startedAt: 12_100, endedAt: 12_110 }),
      { harms: ["lease"] },
      false,
    ],
    ["an answer after the cut", twice(CUT, AFTER), { harms: ["answer"], from: 3501 }, false],
    [
      "what was held up on its way to the second",
      twice({}, AFTER),
      { harms: ["late"], worker: 1, from: 1500, to: 3900 },
      true,
    ],
    [
      "what was held up on its way to the first",
      twice({}, AFTER),
      { harms: ["late"], worker: 0, from: 1500, to: 3900 },
      false,
    ],
    [
      "what was held up long before",
      twice({}, AFTER),
      { harms: ["late"], from: 500, to: 999 },
      false,
    ],
  ])("is explained by %s: %#", (...[, runs, more, isExplained]) => {
    const windows = [window(2200, 9000, more)];
    expect(kinds({ runs, windows })).toEqual(isExplained ? [] : ["unexplained repetition"]);
  });

  test("is explained by no fault of a minute ago", () => {
    const runs = twice({}, { startedAt: 40_000, endedAt: 40_050 });
    expect(kinds({ runs, windows: [window(2200, 2300)] })).toEqual(["unexplained repetition"]);
  });

  test("is counted by its causes", () => {
    const windows = [window(2200, 2300), window(2000, 2600, { kind: "NATS killed" })];
    const { repetitions } = check(evidence({ runs: again, windows }));
    expect(repetitions).toEqual({ "NATS killed or worker killed": 1 });
  });

  test("by the rules begins after the failed run has ended", () => {
    expect(kinds({ runs: [run(1, "failed"), run(1, "done", 1120), run(2), run(3)] })).toEqual([
      "unexplained repetition",
    ]);
  });

  test("is a call that was accepted twice in spite of its key", () => {
    const ids = [id(3), id(4)];
    const calls = [call(1), call(2), call(3, { ids, acceptances: 2, acceptedAt: 3200 })];
    const runs = [run(1), run(2), run(3), { ...run(3), id: id(4) }];
    const stream = { lastSequence: 4, sequences: new Set<number>(), known: 0 };
    expect(kinds({ calls, runs, stream })).toContain("unexplained repetition");
    const windows = [window(3000, 3100, { kind: "NATS killed", harms: ["key"] })];
    const verdict = check(evidence({ calls, runs, stream, windows }));
    expect(verdict).toMatchObject({ forgottenKeys: 1, repetitions: { "NATS killed": 1 } });
    for (const other of [window(3000, 3100), window(3201, 9000, { harms: ["key"] })]) {
      expect(kinds({ calls, runs, stream, windows: [other] })).toContain("unexplained repetition");
    }
  });
});
