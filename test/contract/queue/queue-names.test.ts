/** Queues beside the usual one: which a function's calls wait in, and who runs them. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isMatch } from "../../../contract/grammar.ts";
import { toText } from "../../../contract/index.ts";
import {
  findQueueMistake,
  QUEUE,
  QUEUE_NAME,
  QUEUE_NAMES,
  queueOf,
  readQueueNames,
  runsLane,
  toLane,
  toQueueName,
} from "../../../contract/queue/index.ts";
import { runs } from "../../support/property-runs.ts";

const named = (queue: string): Record<string, string> => ({ "com.openfaas.queue": queue });
const reference = { name: "f", namespace: "dev" };

const queueNames = fc.oneof(
  fc.constantFrom("slow", "a", "a-b", "0"),
  fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,6}[a-z0-9])?$/),
);
const queueLists = fc.uniqueArray(queueNames, { maxLength: 4 });

describe("the queue of a function", () => {
  test("is the usual one where it names none", () => {
    expect(toQueueName()).toBe("faas-request");
    expect(toQueueName({}, ["slow"])).toBe("faas-request");
    expect(toQueueName(named("faas-request"), ["slow"])).toBe("faas-request");
  });

  test("is the one that it names", () => {
    expect(toQueueName(named("slow"), ["quick", "slow"])).toBe("slow");
  });

  test("is the usual one where there is none of the name, and that is a mistake", () => {
    expect(toQueueName(named("slow"))).toBe("faas-request");
    const mistake = findQueueMistake(named("slow"), ["quick"]);
    expect(mistake && toText(mistake)).toBe(
      'annotations["com.openfaas.queue"]: expected a queue of the platform: faas-request, quick, got "slow"',
    );
  });

  test.each([undefined, {}, named("faas-request"), named("quick")])("is right: %j", (given) => {
    expect(findQueueMistake(given, ["quick"])).toBeUndefined();
  });
});

describe("a lane", () => {
  test("tells its queue", () => {
    expect(queueOf(toLane(reference, "slow"))).toBe("slow");
    expect(queueOf(QUEUE.subject)).toBeUndefined();
    expect(queueOf("faas-request.dev.f")).toBeUndefined();
  });

  test("is run by the workers of one queue, whatever queues there are or were", () => {
    fc.assert(
      fc.property(queueLists, fc.option(queueNames, { nil: undefined }), (names, lane) => {
        const workers = [QUEUE.name, ...names];
        const running = workers.filter((queue) => runsLane({ queue, names }, lane));
        const isThere = lane !== undefined && names.includes(lane);
        expect(running).toEqual([isThere ? lane : QUEUE.name]);
      }),
      { numRuns: runs(300) },
    );
  });

  test("is run where the gateway puts the call", () => {
    fc.assert(
      fc.property(queueLists, queueNames, (names, name) => {
        const queue = toQueueName(named(name), names);
        expect(runsLane({ queue, names }, queueOf(toLane(reference, queue)))).toBe(true);
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("the list of queues", () => {
  test("is read as it is written", () => {
    fc.assert(
      fc.property(queueLists, fc.constantFrom(",", ", "), (names, comma) => {
        const text = names.join(comma);
        expect(isMatch(QUEUE_NAMES, text)).toBe(true);
        expect(readQueueNames(text)).toEqual(names);
        names.forEach((name) => expect(isMatch(QUEUE_NAME, name)).toBe(true));
      }),
      { numRuns: runs(200) },
    );
  });

  test.each([",", "a,", ",a", "A", "a b", "a,,b", "-a", "a.b", "a".repeat(33)])(
    "is not %j",
    (text) => {
      expect(isMatch(QUEUE_NAMES, text)).toBe(false);
    },
  );
});
