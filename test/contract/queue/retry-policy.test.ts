/** What functions say of repetitions, by their annotations, and how a message says it. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { VALUE_RULES } from "../../../contract/index.ts";
import {
  parseRetryPolicy,
  readRetryPolicy,
  RETRIED_CODES,
  RETRY_ANNOTATION,
  type RetryPolicy,
  writeRetryPolicy,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";

const PREFIX = "com.openfaas.retry.";

test("OpenFaaS Pro's names and statuses are the platform's", () => {
  expect(RETRY_ANNOTATION).toEqual({
    attempts: "com.openfaas.retry.attempts",
    codes: "com.openfaas.retry.codes",
    minWait: "com.openfaas.retry.min_wait",
    maxWait: "com.openfaas.retry.max_wait",
  });
  expect(RETRIED_CODES).toEqual([408, 429, 500, 502, 503, 504]);
});

describe("annotations", () => {
  test.each<[string, string, Partial<RetryPolicy>]>([
    ["attempts", "1", { attempts: 1 }],
    ["attempts", "1000", { attempts: 1000 }],
    ["attempts", "007", { attempts: 7 }],
    ["attempts", "0", {}],
    ["attempts", "1001", {}],
    ["attempts", "-1", {}],
    ["attempts", "1.5", {}],
    ["attempts", "", {}],
    ["attempts", "many", {}],
    ["attempts", " 5", {}],
    ["attempts", "0x10", {}],
    ["attempts", "1e2", {}],
    ["codes", "429", { codes: [429] }],
    ["codes", "429,503, 504", { codes: [429, 503, 504] }],
    ["codes", "", { codes: [] }],
    ["codes", "600", {}],
    ["codes", "42", {}],
    ["codes", "429,", {}],
    ["codes", "5xx", {}],
    ["min_wait", "0s", { minWaitMs: 0 }],
    ["min_wait", "90", { minWaitMs: 90_000 }],
    ["min_wait", "1m30s", { minWaitMs: 90_000 }],
    ["min_wait", "1.005s", { minWaitMs: 1005 }],
    ["min_wait", "1.4ms", { minWaitMs: 1 }],
    ["min_wait", "-1s", {}],
    ["min_wait", "soon", {}],
    ["max_wait", "24h", { maxWaitMs: 86_400_000 }],
    ["max_wait", "25h", {}],
    ["max_wait", "99999999999999999999", {}],
    ["other", "1", {}],
  ])("%s of %j say %j", (name, value, policy) => {
    expect(readRetryPolicy({ [PREFIX + name]: value })).toEqual(policy);
  });

  test("say all at once, and nothing where there are none", () => {
    const all = {
      [RETRY_ANNOTATION.attempts]: "3",
      [RETRY_ANNOTATION.codes]: "503",
      [RETRY_ANNOTATION.minWait]: "1s",
      [RETRY_ANNOTATION.maxWait]: "2s",
    };
    const policy = { attempts: 3, codes: [503], minWaitMs: 1000, maxWaitMs: 2000 };
    expect(readRetryPolicy(all)).toEqual(policy);
    expect(readRetryPolicy({})).toEqual({});
    expect(readRetryPolicy()).toEqual({});
  });

  test("say something exactly where the rules of functions take them", () => {
    const rules = VALUE_RULES.filter(({ key }) => key.startsWith(PREFIX));
    const texts = fc.oneof(
      fc.stringMatching(/^[0-9]{0,5}(ns|us|ms|s|m|h|\.5s)?$/),
      fc.stringMatching(/^[1-6][0-9]{2}(, ?[0-9]{3})?,?$/),
      fc.string(),
    );
    expect(rules.map(({ key }) => key)).toEqual(Object.values(RETRY_ANNOTATION));
    fc.assert(
      fc.property(fc.constantFrom(...rules), texts, ({ key, accepts }, text) => {
        const isSaid = Object.keys(readRetryPolicy({ [key]: text })).length === 1;
        expect([key, text, isSaid]).toEqual([key, text, accepts(text)]);
      }),
      { numRuns: runs(200) },
    );
  });
});

describe("a policy in a message", () => {
  test.each<[Partial<RetryPolicy>, string]>([
    [{}, ";-;;"],
    [{ attempts: 3 }, "3;-;;"],
    [{ codes: [] }, ";;;"],
    [{ codes: [429, 503] }, ";429,503;;"],
    [{ minWaitMs: 0, maxWaitMs: 86_400_000 }, ";-;0;86400000"],
  ])("of %j is %j", (policy, text) => {
    expect(writeRetryPolicy(policy)).toBe(text);
    expect(parseRetryPolicy(text)).toEqual(policy);
  });

  test.each(["", "3", "3;-;", "3;-;;;", "3;x;;", "-3;-;;", "3;-;1.5;", "12345;-;;", "3;-;;\n"])(
    "that is %j says nothing",
    (text) => {
      expect(parseRetryPolicy(text)).toEqual({});
    },
  );

  test("says what the annotations have said, for any function", () => {
    const durations = fc.stringMatching(/^[0-9]{1,3}(\.[0-9]{1,4})?(ns|us|ms|s|m)$/);
    const codes = fc.array(fc.integer({ min: 100, max: 599 })).map((list) => list.join());
    const annotations = fc.record(
      {
        [RETRY_ANNOTATION.attempts]: fc.integer({ min: 1, max: 1000 }).map(String),
        [RETRY_ANNOTATION.codes]: codes,
        [RETRY_ANNOTATION.minWait]: durations,
        [RETRY_ANNOTATION.maxWait]: durations,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(annotations, (given) => {
        const policy = readRetryPolicy(given);
        expect(Object.keys(policy)).toHaveLength(Object.keys(given).length);
        expect(parseRetryPolicy(writeRetryPolicy(policy))).toEqual(policy);
      }),
      { numRuns: runs(300) },
    );
  });
});
