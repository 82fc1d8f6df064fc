/** The audit's own judgement, on logs in which something was made wrong. */
import { describe, expect, test } from "@jest/globals";
import { call, evidence, id, kinds, letter, run, window } from "../support/audit-evidence.ts";
import { check } from "./checker.ts";
import type { Evidence, FaultWindow } from "./evidence.ts";

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

describe("conservation is broken", () => {
  test("by a message that nobody has asked for", () => {
    const stream = { lastSequence: 4, sequences: new Set<number>(), known: 0 };
    expect(kinds({ stream })).toEqual(["conservation"]);
  });

  test("by a message that no consumer knows of, which then waits for ever", () => {
    const stream = { lastSequence: 3, sequences: new Set([3]), known: 0 };
    expect(kinds({ runs: [run(1), run(2)], stream })).toEqual(["stuck", "conservation"]);
  });

  test("by a call that is done and stays", () => {
    const stream = { lastSequence: 3, sequences: new Set([3]), known: 1 };
    expect(kinds({ stream })).toEqual(["stuck"]);
  });

  test("by two dead letters of one call", () => {
    const more = { runs: [run(1), run(2)], letters: [letter(3), letter(3)] };
    expect(kinds(more)).toEqual(["conservation"]);
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
