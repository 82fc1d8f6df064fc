/** The audit's own judgement, on logs in which something was made wrong. */
import { describe, expect, test } from "@jest/globals";
import { check } from "./checker.ts";
import type { CallRecord, Evidence, FaultWindow, Letter, Run, RunEnd } from "./evidence.ts";

const id = (sequence: number): string => `${sequence}-${"n".repeat(15)}${sequence % 10}`;

function call(number: number, more: Partial<CallRecord> = {}): CallRecord {
  const usual = { number, sentAt: 1000 * number, ids: [id(number)], acceptances: 1, refusals: [] };
  return { ...usual, hasCallback: false, ...more };
}

function run(number: number, end: RunEnd = "done", startedAt = 1000 * number + 100): Run {
  return { number, id: id(number), startedAt, endedAt: startedAt + 50, end, isDamaged: false };
}

function letter(number: number, kind = "call"): Letter {
  return {
    id: id(number),
    number,
    kind,
    reason: "status 500 after 6 attempts",
    diedAt: 1000 * number + 200,
  };
}

function window(from: number, to: number, more: Partial<FaultWindow> = {}): FaultWindow {
  return { kind: "worker killed", from, to, harms: ["ack"], canLeaveGhosts: false, ...more };
}

function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    calls: [call(1), call(2), call(3)],
    runs: [run(1), run(2), run(3)],
    letters: [],
    calledBack: new Set(),
    windows: [],
    stream: { lastSequence: 3, sequences: new Set(), known: 0 },
    isFinal: true,
    ...more,
  };
}

const kinds = (more: Partial<Evidence>): string[] =>
  check(evidence(more)).breaches.map(({ kind }) => kind);

describe("a clean audit", () => {
  test("has no breach, and a balance that adds up", () => {
    const { breaches, balance } = check(
      evidence({
        calls: [call(1), call(2), call(3, { cancelledAt: 3500 })],
        runs: [run(1), run(2, "failed")],
        letters: [letter(2)],
      }),
    );
    expect(breaches).toEqual([]);
    const parts = {
      waiting: 0,
      running: 0,
      done: 1,
      dead: 1,
      cancelled: 1,
      ghosts: 0,
      returned: 0,
    };
    expect(balance).toEqual({ accepted: 3, ...parts });
  });

  test("knows of repetitions by the rules", () => {
    const runs = [run(1, "failed"), run(1, "busy", 1400), run(1, "done", 2000), run(2), run(3)];
    expect(check(evidence({ runs }))).toMatchObject({ breaches: [], repetitions: {} });
  });

  test("lets calls wait before its end", () => {
    const stream = { lastSequence: 3, sequences: new Set([3]), known: 1 };
    const { breaches, balance } = check(
      evidence({ runs: [run(1), run(2)], stream, isFinal: false }),
    );
    expect(breaches).toEqual([]);
    expect(balance).toMatchObject({ waiting: 1, done: 2 });
  });

  test("lets calls run whose request had no clear answer", () => {
    const refusals = [{ reason: "no answer", isUnknown: true }];
    const calls = [call(1), call(2), call(3, { ids: [], acceptances: 0, refusals })];
    expect(check(evidence({ calls }))).toMatchObject({ breaches: [], unknownRuns: 1 });
  });
});

describe("a lost call", () => {
  test.each<[string, Partial<Evidence>]>([
    ["that never ran", { runs: [run(1), run(2)] }],
    ["of which no run came to its end", { runs: [run(1), run(2), run(3, "cut")] }],
    [
      "of which only the callback has a letter",
      { runs: [run(1), run(2)], letters: [letter(3, "callback")] },
    ],
    [
      "that the queue said to know",
      {
        calls: [
          call(1),
          call(2),
          call(3, { ids: [], refusals: [{ reason: "none", isUnknown: true }] }),
        ],
        runs: [run(1), run(2)],
      },
    ],
  ])("is one %s", (_what, more) => {
    expect(kinds(more)).toEqual(["lost"]);
  });

  test("is told by its number and its id", () => {
    const { breaches } = check(evidence({ runs: [run(1), run(2)] }));
    const text = `call 3 (${id(3)}) is nowhere; its runs: none`;
    expect(breaches).toEqual([{ kind: "lost", text }]);
  });
});

describe("a false acceptance", () => {
  test("is a place beyond the end of the stream", () => {
    const stream = { lastSequence: 2, sequences: new Set<number>(), known: 0 };
    expect(kinds({ stream })).toEqual(["false acceptance"]);
  });

  test("is one place for two calls", () => {
    const ids = ["3-aaaaaaaaaaaaaaaa"];
    const calls = [call(1), call(2, { ids }), call(3)];
    const runs = [run(1), { ...run(2), id: ids[0] ?? "" }, run(3)];
    expect(kinds({ calls, runs })).toEqual(["false acceptance"]);
  });
});

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
      "the answer of another worker",
      twice(CUT, AFTER),
      { harms: ["answer"], worker: 1, from: 2400, to: 2600 },
      false,
    ],
    [
      "an acknowledgement of a run that was cut",
      twice(CUT, AFTER),
      { harms: ["ack", "lease"] },
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

describe("conservation is broken", () => {
  test("by a message that nobody has asked for", () => {
    const stream = { lastSequence: 4, sequences: new Set<number>(), known: 0 };
    expect(kinds({ stream })).toEqual(["conservation"]);
  });

  test("by a message that no consumer knows of, which then waits for ever", () => {
    const stream = { lastSequence: 3, sequences: new Set([3]), known: 0 };
    expect(kinds({ runs: [run(1), run(2)], stream })).toEqual(["stuck", "conservation"]);
  });

  test("by a call that is done and comes back, unless the disk was full since", () => {
    const stream = { lastSequence: 3, sequences: new Set([3]), known: 0 };
    const full = { kind: "disk full", canReturn: true };
    const verdict = check(evidence({ stream, windows: [window(9000, 9900, full)] }));
    expect(verdict).toMatchObject({ breaches: [], balance: { done: 2, ghosts: 0, returned: 1 } });
    // Over before the call was done; and one that was never run.
    const before = [window(1000, 3149, full)];
    expect(kinds({ stream, windows: before })).toEqual(["stuck", "conservation"]);
    const none = { runs: [run(1), run(2)], windows: [window(9000, 9900, full)] };
    expect(kinds({ stream, ...none })).toEqual(["stuck", "conservation"]);
  });

  test("by two dead letters of one call", () => {
    const more = { runs: [run(1), run(2)], letters: [letter(3), letter(3)] };
    expect(kinds(more)).toEqual(["conservation"]);
  });

  test("by a call that is done and stays, unless the disk was full", () => {
    const stream = { lastSequence: 3, sequences: new Set([3]), known: 0 };
    expect(kinds({ stream })).toEqual(["stuck", "conservation"]);
    const windows = [window(3000, 4000, { kind: "disk full", canLeaveGhosts: true })];
    const { breaches, balance } = check(evidence({ stream, windows }));
    expect(breaches).toEqual([]);
    expect(balance).toMatchObject({ waiting: 0, done: 2, ghosts: 1 });
    // Done before the disk was full, or after it was free again.
    for (const [from, to] of [
      [4151, 5000],
      [2000, 3149],
    ] as const) {
      const others = [window(from, to, { kind: "disk full", canLeaveGhosts: true })];
      expect(kinds({ stream, windows: others })).toEqual(["stuck", "conservation"]);
    }
  });
});

describe("a call that was cancelled", () => {
  const calls = [call(1), call(2), call(3, { cancelledAt: 3500 })];

  test("is one whatever becomes of it, and lost if nobody has cancelled it", () => {
    const cut = [run(1), run(2), run(3, "cut")];
    expect(check(evidence({ calls, runs: cut }))).toMatchObject({
      breaches: [],
      balance: { done: 2, cancelled: 1 },
    });
    expect(kinds({ runs: cut })).toEqual(["lost"]);
  });

  test("may be one where its cancellation had no clear answer", () => {
    const unclear = [call(1), call(2), call(3, { isCancelUnclear: true })];
    expect(check(evidence({ calls: unclear, runs: [run(1), run(2)] }))).toMatchObject({
      breaches: [],
      balance: { cancelled: 1 },
    });
  });

  test("has no run that begins later, but where its message was held up", () => {
    const runs = [run(1), run(2), { ...run(3, "done", 4600), worker: 1 }];
    const late = { harms: ["late" as const], from: 3000, to: 4500 };
    const found = (...windows: FaultWindow[]): string[] => kinds({ calls, runs, windows });
    expect(found()).toEqual(["run after cancellation"]);
    expect(found(window(0, 0, { ...late, worker: 0 }))).toEqual(["run after cancellation"]);
    expect(found(window(0, 0, { ...late, to: 1599 }))).toEqual(["run after cancellation"]);
    expect(found(window(0, 0, { ...late, worker: 1 }))).toEqual([]);
  });
});

describe("a run is wrong", () => {
  test.each<[string, Partial<Evidence>, string]>([
    [
      "of a number never sent",
      { runs: [run(1), run(2), run(3), run(9)] },
      "run without acceptance",
    ],
    [
      "of a call that was refused",
      {
        calls: [
          call(1),
          call(2),
          call(3, { ids: [], acceptances: 0, refusals: [{ reason: "400", isUnknown: false }] }),
        ],
        stream: { lastSequence: 2, sequences: new Set(), known: 0 },
      },
      "run without acceptance",
    ],
    ["before its time", { calls: [call(1), call(2), call(3, { delaySeconds: 1 })] }, "too early"],
    [
      "with another body",
      { runs: [run(1), run(2), { ...run(3), isDamaged: true }] },
      "damaged body",
    ],
    [
      "without its callback",
      { calls: [call(1), call(2), call(3, { hasCallback: true })] },
      "lost callback",
    ],
  ])("%s", (_what, more, kind) => {
    expect(kinds(more)).toContain(kind);
  });

  test("no more when its callback has come, has a letter, or was cancelled with it", () => {
    const hasCallback = true;
    const calls = [
      call(1, { hasCallback }),
      call(2, { hasCallback }),
      call(3, { hasCallback, cancelledAt: 3120 }),
    ];
    const more = { calls, calledBack: new Set([id(1)]), letters: [letter(2, "callback")] };
    expect(kinds(more)).toEqual([]);
  });
});
