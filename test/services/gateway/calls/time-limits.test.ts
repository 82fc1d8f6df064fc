/** Whose time is over, by what a call waits for and how its bytes move. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CallProgress,
  findOverdue,
  type Overdue,
  Phase,
  type Transfer,
} from "../../../../services/gateway/calls/time-limits.ts";

const STILL: Transfer = {
  isUploading: false,
  isStuck: false,
  isUnread: false,
  isEventStream: false,
};

/** Each limit is another one, so that a confusion of two shows. */
const LIMITS = { firstByteMs: 1000, idleMs: 2000, readMs: 3000, writeMs: 4000 };

interface Parts extends Partial<Transfer> {
  sinceMs: number;
  isLate?: boolean;
  limits?: Partial<typeof LIMITS>;
}

function progress({ sinceMs, isLate = false, limits, ...transfer }: Parts): CallProgress {
  const { firstByteMs, idleMs, readMs, writeMs } = { ...LIMITS, ...limits };
  const timeouts = { connectMs: 1, callMs: 1, firstByteMs, idleMs };
  return { sinceMs, isLate, transfer: { ...STILL, ...transfer }, timeouts, readMs, writeMs };
}

interface Case {
  what: string;
  phase: Phase;
  transfer: Partial<Transfer>;
  limit: keyof typeof LIMITS;
  whose: Overdue;
}

const CASES: Case[] = [
  {
    what: "the first byte",
    phase: "waiting",
    transfer: {},
    limit: "firstByteMs",
    whose: "function",
  },
  {
    what: "the rest of an upload",
    phase: "waiting",
    transfer: { isUploading: true },
    limit: "readMs",
    whose: "caller",
  },
  {
    what: "a function that does not take the upload",
    phase: "waiting",
    transfer: { isUploading: true, isStuck: true },
    limit: "firstByteMs",
    whose: "function",
  },
  {
    what: "a function whose upload was stuck at its end",
    phase: "waiting",
    transfer: { isStuck: true },
    limit: "firstByteMs",
    whose: "function",
  },
  {
    what: "the rest of the answer",
    phase: "answering",
    transfer: {},
    limit: "idleMs",
    whose: "function",
  },
  {
    what: "the rest of the answer, while the caller sends",
    phase: "answering",
    transfer: { isUploading: true },
    limit: "idleMs",
    whose: "function",
  },
  {
    what: "a caller that does not read",
    phase: "answering",
    transfer: { isUnread: true },
    limit: "writeMs",
    whose: "caller",
  },
  {
    what: "a caller that does not read events",
    phase: "answering",
    transfer: { isUnread: true, isEventStream: true },
    limit: "writeMs",
    whose: "caller",
  },
];

describe("a call that waits for", () => {
  test.each(CASES)("$what has the limit $limit", ({ phase, transfer, limit, whose }) => {
    const at = (sinceMs: number): Overdue | undefined =>
      findOverdue(phase, progress({ sinceMs, ...transfer }));
    expect([at(0), at(LIMITS[limit]), at(LIMITS[limit] + 1)]).toEqual([
      undefined,
      undefined,
      whose,
    ]);
  });

  test.each(CASES)("$what has none where that is 0", ({ phase, transfer, limit }) => {
    const limits = { [limit]: 0 };
    expect(findOverdue(phase, progress({ sinceMs: 1e9, limits, ...transfer }))).toBeUndefined();
  });

  test("events that do not come may wait for ever", () => {
    const silent = progress({ sinceMs: 1e9, isEventStream: true });
    expect(findOverdue(Phase.Answering, silent)).toBeUndefined();
  });

  test.each([Phase.Reading, Phase.Searching, Phase.Tunnelling])(
    "%s has no limit of silence here",
    (phase) => {
      expect(findOverdue(phase, progress({ sinceMs: 1e9 }))).toBeUndefined();
    },
  );
});

describe("a call that is late as a whole", () => {
  test.each<[Phase, Overdue]>([
    [Phase.Reading, "caller"],
    [Phase.Searching, "function"],
    [Phase.Waiting, "function"],
    [Phase.Answering, "function"],
    [Phase.Tunnelling, "function"],
  ])("while %s is the fault of the %s", (phase, whose) => {
    expect(findOverdue(phase, progress({ sinceMs: 0, isLate: true }))).toBe(whose);
  });

  test("is so whatever moves, and whatever has no limit", () => {
    const limits = { firstByteMs: 0, idleMs: 0, readMs: 0, writeMs: 0 };
    const late = { sinceMs: 0, isLate: true, limits, isUnread: true, isEventStream: true };
    expect(findOverdue(Phase.Answering, progress(late))).toBe("function");
    expect(findOverdue(Phase.Waiting, progress({ ...late, isUploading: true }))).toBe("function");
  });
});

describe("findOverdue", () => {
  const phase = fc.constantFrom(...Object.values(Phase));
  const parts = fc.record({
    isUploading: fc.boolean(),
    isStuck: fc.boolean(),
    isUnread: fc.boolean(),
    isEventStream: fc.boolean(),
  });

  test("finds nothing where a byte has just moved", () => {
    fc.assert(
      fc.property(phase, parts, (name, transfer) => {
        expect(findOverdue(name, progress({ sinceMs: 0, ...transfer }))).toBeUndefined();
      }),
    );
  });

  test("does not change its mind as time goes on", () => {
    fc.assert(
      fc.property(phase, parts, fc.nat(10_000), fc.nat(10_000), (...[name, transfer, a, b]) => {
        const [early, later] = [Math.min(a, b), Math.max(a, b)];
        const before = findOverdue(name, progress({ sinceMs: early, ...transfer }));
        if (before !== undefined) {
          expect(findOverdue(name, progress({ sinceMs: later, ...transfer }))).toBe(before);
        }
      }),
    );
  });
});
