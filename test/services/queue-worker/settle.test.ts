/** What becomes of a call after a run: which answers are repeated, how often, after how long. */
import { describe, expect, test } from "@jest/globals";
import { type Failure, failures } from "../../../services/gateway/errors.ts";
import {
  type CallFacts,
  decide,
  type Decision,
  type Outcome,
  parseRetryAfter,
  type SettleRules,
} from "../../../services/queue-worker/settle.ts";

const HOUR_MS = 3_600_000;

const RULES: SettleRules = {
  policy: {
    attempts: 4,
    codes: [408, 429, 500, 502, 503, 504],
    minWaitMs: 1000,
    maxWaitMs: 10_000,
  },
  maxAgeMs: HOUR_MS,
  random: () => 1,
};

const FIRST: CallFacts = { attempts: 0, deliveryCount: 1, ageMs: 0 };

/** A decision about a first run, in a word. */
function sayOf(outcome: Outcome, rules = RULES): string {
  const decision = decide(outcome, FIRST, rules);
  return decision.kind === "retry" ? decision.why : decision.kind;
}

function waitOf(outcome: Outcome, facts: Partial<CallFacts> = {}): number | undefined {
  const decision = decide(outcome, { ...FIRST, ...facts }, RULES);
  return decision.kind === "retry" ? decision.waitMs : undefined;
}

describe("a function's own answer", () => {
  test.each([408, 500, 502, 503, 504])("of %d has failed", (status) => {
    expect(decide({ status }, FIRST, RULES)).toEqual({
      kind: "retry",
      why: "failed",
      waitMs: 1000,
      attempts: 1,
    });
  });

  test.each([200, 202, 204, 301, 400, 401, 404, 413, 418, 499, 501, 599])(
    "of %d is the end of it",
    (status) => {
      expect(decide({ status }, FIRST, RULES)).toEqual({ kind: "done" });
    },
  );

  test("of 429 says that it is busy, which is no attempt", () => {
    expect(decide({ status: 429 }, FIRST, RULES)).toEqual({
      kind: "retry",
      why: "busy",
      waitMs: 250,
      attempts: 0,
    });
  });

  test("is repeated by the function's own statuses", () => {
    const rules = { ...RULES, policy: { ...RULES.policy, codes: [404] } };
    const says = [404, 429, 500].map((status) => sayOf({ status }, rules));
    expect(says).toEqual(["failed", "done", "done"]);
  });

  test("that is the last of its attempts makes it a dead letter", () => {
    const at = (attempts: number): Decision =>
      decide({ status: 503 }, { ...FIRST, attempts, deliveryCount: 90 }, RULES);
    expect(at(2)).toMatchObject({ kind: "retry", attempts: 3 });
    expect(at(3)).toEqual({ kind: "dead", reason: "status 503 after 4 attempts", attempts: 4 });
    expect(at(9)).toEqual({ kind: "dead", reason: "status 503 after 10 attempts", attempts: 10 });
  });

  test("fails as often as it may, however old the call is", () => {
    const facts = { ...FIRST, ageMs: 100 * HOUR_MS };
    expect(decide({ status: 500 }, facts, RULES)).toMatchObject({ kind: "retry", why: "failed" });
  });
});

/** For each code of the gateway: what becomes of a call that it ended. */
const SAYS: Record<keyof typeof failures, ReturnType<typeof sayOf>> = {
  // The call itself is wrong, and will be.
  badRequest: "dead",
  badCallbackUrl: "dead",
  pageNotFound: "dead",
  methodNotAllowed: "dead",
  extensionsTooLarge: "dead",
  messageTooLarge: "dead",
  codingNotTaken: "dead",
  expectationFailed: "dead",
  headersTooLarge: "dead",
  unauthorized: "dead",
  forbidden: "dead",
  notAdmitted: "dead",
  crossSite: "dead",
  originNotAllowed: "dead",
  // The platform could not run it now.
  requestTimeout: "infrastructure",
  tooManyFailedLogins: "infrastructure",
  checkFailed: "infrastructure",
  issuerUnavailable: "infrastructure",
  loginBusy: "infrastructure",
  internal: "infrastructure",
  scalingFailed: "infrastructure",
  noEndpoints: "infrastructure",
  overloaded: "infrastructure",
  queueFull: "infrastructure",
  starting: "infrastructure",
  unknownKey: "infrastructure",
  // The function is full.
  tooManyCalls: "busy",
  // The function may have run, or what is missing may come.
  upstreamFailed: "failed",
  upstreamTimeout: "failed",
  functionNotFound: "failed",
  noAuthentication: "failed",
  noQueueKey: "failed",
  // Said by other paths than a function's.
  queueUnavailable: "failed",
  queueStoreFull: "failed",
  assetsMissing: "failed",
  logsUnavailable: "failed",
  storeFailed: "failed",
  storeUnavailable: "failed",
  resultNotFound: "dead",
  resultGone: "dead",
  namespaceNotFound: "dead",
  secretNotFound: "dead",
  callNotFound: "dead",
  deadLetterNotFound: "dead",
  noQueue: "dead",
  noStore: "dead",
  conflict: "dead",
  kubernetes: "dead",
  notImplemented: "done",
};

describe("the gateway's own answer", () => {
  const table: Record<string, (...values: never[]) => Failure> = failures;

  test("is decided on for each of its codes", () => {
    expect(Object.keys(SAYS).sort()).toEqual(Object.keys(failures).sort());
  });

  test.each(Object.entries(SAYS))("%s: %s", (name, said) => {
    const { status = 409, code = "" } = table[name]?.() ?? {};
    expect(code).toMatch(/^PLONK_[A-Z_]+$/);
    expect(sayOf({ status, code })).toBe(said);
  });

  test("that refuses a call names its code", () => {
    expect(decide({ status: 403, code: "PLONK_FORBIDDEN" }, FIRST, RULES)).toEqual({
      kind: "dead",
      reason: "the gateway refused it: PLONK_FORBIDDEN",
      attempts: 0,
    });
  });

  test("that goes by is not of the statuses that a function names", () => {
    const rules = { ...RULES, policy: { ...RULES.policy, codes: [] } };
    const { status, code } = failures.overloaded();
    expect(sayOf({ status, code }, rules)).toBe("infrastructure");
    expect(sayOf({ status: 429, code: failures.tooManyCalls(1).code }, rules)).toBe("busy");
    expect(sayOf({ status: 502, code: failures.upstreamFailed("").code }, rules)).toBe("done");
  });

  test("that nobody knows is read by its status", () => {
    const says = [404, 500, 501, 503].map((status) => sayOf({ status, code: "PLONK_NEW" }));
    expect(says).toEqual(["dead", "failed", "done", "failed"]);
  });
});

describe("what nothing but the platform keeps back", () => {
  test("uses up no attempt, and ends by age", () => {
    const at = (ageMs: number, outcome: Outcome): Decision =>
      decide(outcome, { attempts: 3, deliveryCount: 1, ageMs }, RULES);
    const answer = { status: 503, code: "PLONK_STARTING" };
    expect(at(HOUR_MS - 1000, { status: 0 })).toEqual({
      kind: "retry",
      why: "infrastructure",
      waitMs: 1000,
      attempts: 3,
    });
    expect(at(HOUR_MS - 999, { status: 0 })).toEqual({
      kind: "dead",
      reason: "not run in 3599 s: no answer",
      attempts: 3,
    });
    expect(at(HOUR_MS, answer)).toMatchObject({ reason: "not run in 3600 s: status 503" });
    expect(at(HOUR_MS, { status: 429 })).toMatchObject({ reason: "not run in 3600 s: status 429" });
  });
});

describe("the wait", () => {
  const rounds = [1, 2, 3, 4, 5, 6, 7, 8];

  test("after a failure doubles with the attempts, up to the longest", () => {
    const waits = [0, 1, 2].map((attempts) => waitOf({ status: 500 }, { attempts }));
    expect(waits).toEqual([1000, 2000, 4000]);
    const policy = { ...RULES.policy, attempts: 100 };
    const late = decide({ status: 500 }, { ...FIRST, attempts: 90 }, { ...RULES, policy });
    expect(late).toMatchObject({ waitMs: 10_000 });
  });

  test("for a full function begins short, and doubles with the deliveries", () => {
    const waits = rounds.map((deliveryCount) => waitOf({ status: 429 }, { deliveryCount }));
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test("for the platform doubles with the deliveries, up to half a minute", () => {
    const waits = rounds.map((deliveryCount) => waitOf({ status: 0 }, { deliveryCount }));
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  test.each<[Outcome, number]>([
    [{ status: 503, retryAfterMs: 3000 }, 3000],
    [{ status: 503, retryAfterMs: 0 }, 0],
    [{ status: 503, retryAfterMs: 3_600_000 }, 10_000],
    [{ status: 429, retryAfterMs: 3000 }, 3000],
    [{ status: 429, retryAfterMs: Infinity }, 10_000],
    [{ status: 429, retryAfterMs: 0 }, 100],
    [{ status: 503, code: "PLONK_OVERLOADED", retryAfterMs: 0 }, 100],
    [{ status: 500, retryAfterMs: 3000 }, 1000],
    [{ status: 503, code: "PLONK_OVERLOADED", retryAfterMs: 20_000 }, 20_000],
    [{ status: 503, code: "PLONK_OVERLOADED", retryAfterMs: 40_000 }, 30_000],
  ])("after %j is %d ms", (outcome, milliseconds) => {
    expect(waitOf(outcome)).toBe(milliseconds);
  });

  test.each<[Outcome, number]>([
    [{ status: 500 }, 0],
    [{ status: 429 }, 100],
    [{ status: 0 }, 1000],
  ])("after %j is %d ms where the function wants none", (outcome, milliseconds) => {
    const policy = { ...RULES.policy, minWaitMs: 0, maxWaitMs: 0 };
    const decision = decide(outcome, FIRST, { ...RULES, policy });
    expect(decision).toMatchObject({ kind: "retry", waitMs: milliseconds });
  });

  test("has jitter of half of it, where nobody says otherwise", () => {
    const rules = { policy: RULES.policy, maxAgeMs: RULES.maxAgeMs };
    for (let count = 0; count < 100; count += 1) {
      const decision = decide({ status: 500 }, FIRST, rules);
      const waitMs = decision.kind === "retry" ? decision.waitMs : NaN;
      expect(waitMs).toBeGreaterThanOrEqual(500);
      expect(waitMs).toBeLessThanOrEqual(1000);
    }
  });
});

describe("parseRetryAfter", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");

  test.each([
    ["5", 5000],
    ["0", 0],
    ["Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
    ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
    ["Saturday, 21-Nov-26 10:00:30 GMT", 30_000],
    ["9".repeat(400), Infinity],
    ["soon", undefined],
    ["", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["5, 7", undefined],
    ["2026-11-21", undefined],
    ["Sat, 99 Nov 2026 10:00:30 GMT", undefined],
    [undefined, undefined],
  ])("of %s is %s ms", (value, milliseconds) => {
    expect(parseRetryAfter(value, now)).toBe(milliseconds);
  });
});
