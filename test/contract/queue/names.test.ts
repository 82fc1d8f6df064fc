/** Names of the queue: none is that of two things. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  CALL_STATES,
  isFinal,
  parseCallId,
  QUEUE,
  SUBJECT,
  toCallbackLane,
  toCallId,
  toConsumerName,
  toDeadSubject,
  toHostToken,
  toLane,
  toReference,
  toStateSubject,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";

const NONCE = "abcdefgh_-ABCD12";

describe("the id of a call", () => {
  test("is its place and its nonce", () => {
    expect(toCallId({ sequence: 12, nonce: NONCE })).toBe(`12-${NONCE}`);
    expect(parseCallId(`12-${NONCE}`)).toEqual({ sequence: 12, nonce: NONCE });
  });

  test("is read as it was written, for any call", () => {
    const ids = fc.record({
      sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      nonce: fc.stringMatching(/^[A-Za-z0-9_-]{16}$/),
    });
    fc.assert(
      fc.property(ids, (id) => {
        expect(parseCallId(toCallId(id))).toEqual(id);
      }),
    );
  });

  test.each([
    "",
    "12",
    NONCE,
    `0-${NONCE}`,
    `-1-${NONCE}`,
    `01-${NONCE}`,
    `1.5-${NONCE}`,
    `12-${NONCE}x`,
    `12-${NONCE.slice(1)}`,
    `12-${NONCE.slice(1)}.`,
    `12-${NONCE.slice(1)}*`,
    `12-${NONCE}\n`,
    ` 12-${NONCE}`,
    `12345678901234567-${NONCE}`,
  ])("is not %j", (text) => {
    expect(parseCallId(text)).toBeUndefined();
  });

  test("is one token of a subject, whatever text is one", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("1", "2", "-", "a", "_", ".", "*", ">", " ", "\n") }),
        (text) => {
          const id = parseCallId(text + NONCE);
          expect(id === undefined || /^[\w-]+$/.test(text + NONCE)).toBe(true);
        },
      ),
      { numRuns: runs(300) },
    );
  });
});

describe("the places of a function", () => {
  const reference = { name: "cat", namespace: "dev" };

  test("are named by its namespace and its name", () => {
    expect(toLane(reference, "slow")).toBe("faas-request.dev.cat.slow");
    expect(toDeadSubject(reference)).toBe("faas-dead.dev.cat");
    expect(toStateSubject(reference, `12-${NONCE}`)).toBe(`faas-state.dev.cat.12-${NONCE}`);
    expect(toConsumerName(toLane(reference, "slow"))).toBe("faas-workers_dev_cat_slow");
  });

  test("tell whose they are", () => {
    const subjects = [
      toLane(reference, "slow"),
      toDeadSubject(reference),
      toStateSubject(reference, `12-${NONCE}`),
    ];
    expect(subjects.map(toReference)).toEqual([reference, reference, reference]);
  });

  test("are nobody's where others publish", () => {
    expect(toReference(QUEUE.subject)).toEqual({ namespace: "", name: "" });
    expect(toConsumerName(QUEUE.subject)).toBe("faas-workers");
  });

  test("are those of no other function", () => {
    const labels = fc.oneof(
      fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,4}[a-z0-9])?$/),
      fc.constantFrom("a", "a-b", "b", "a--b"),
    );
    const references = fc.record({ name: labels, namespace: labels });
    fc.assert(
      fc.property(references, references, (one, other) => {
        const isSame = one.name === other.name && one.namespace === other.namespace;
        const consumers = [
          toConsumerName(toLane(one, "slow")),
          toConsumerName(toLane(other, "slow")),
        ];
        expect(toLane(one, "slow") === toLane(other, "slow")).toBe(isSame);
        expect(toDeadSubject(one) === toDeadSubject(other)).toBe(isSame);
        expect(consumers[0] === consumers[1]).toBe(isSame);
        expect(consumers[0]).toMatch(/^[\w-]+$/);
        expect(toReference(toLane(one, "slow"))).toEqual(one);
      }),
      { numRuns: runs(300) },
    );
  });

  test("have a consumer's name that is a file's name, also the longest", () => {
    const longest = { name: "n".repeat(63), namespace: "s".repeat(63) };
    expect(toConsumerName(toLane(longest, "q".repeat(32)))).toHaveLength(173);
  });
});

describe("the lane of a host", () => {
  const laneOf = (url: string): string => toCallbackLane(toHostToken(new URL(url)));

  test("is one token behind its prefix, whatever the host is", () => {
    expect(laneOf("http://a.example/b?c")).toBe("faas-callback.b8e7453371a024daae06f3164492c0af");
    for (const url of ["http://[::1]:8080", "https://\u65e5\u672c.example", "http://1.2.3.4"]) {
      expect(laneOf(url)).toMatch(/^faas-callback\.[0-9a-f]{32}$/);
    }
  });

  test("is shared by all addresses there, and by no others", () => {
    expect(laneOf("http://A.example/x")).toBe(laneOf("http://a.example/y"));
    expect(laneOf("http://a.example:81/")).not.toBe(laneOf("http://a.example/"));
    expect(laneOf("http://b.example/")).not.toBe(laneOf("http://a.example/"));
  });

  test("has a consumer of its own", () => {
    expect(toConsumerName(toCallbackLane("ab12"))).toBe("faas-workers_ab12");
  });
});

test("what is said to whoever listens is in no stream's subjects", () => {
  expect(SUBJECT).toEqual({ hint: "faas-hint", cancel: "faas-cancel", load: "faas-load" });
});

test.each(CALL_STATES)("the state %s is final only where nothing more happens", (state) => {
  expect(isFinal({ state })).toBe(["done", "dead", "cancelled", "expired"].includes(state));
});
