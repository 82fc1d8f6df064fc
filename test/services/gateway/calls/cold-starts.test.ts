/** Calls that wait for a pod: who waits, who scales, and how the wait ends. */
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { FunctionReference } from "../../../../contract/index.ts";
import { ColdStarts } from "../../../../services/gateway/calls/cold-starts.ts";
import type { Failure } from "../../../../services/gateway/errors.ts";
import type { Endpoints } from "../../../../services/gateway/upstream/endpoints.ts";
import { KubernetesError } from "../../../../services/lib/kubernetes.ts";
import { ANY_PLACE, FunctionFeed, functionOf, Pods } from "../../../support/call-parts.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";

const REFERENCE = { name: "f", namespace: "fn" };
const OTHER = { name: "g", namespace: "fn" };

const REFUSAL = new KubernetesError("quota exceeded", 403, "Forbidden");

interface Scaling {
  asked: [name: string, replicas: number];
  resourceVersion: string | undefined;
  succeed: () => void;
  fail: (error: Error) => void;
}

let functions: FunctionFeed;
let pods: Pods;
let log: KeptLog;
let scalings: Scaling[];
let coldStarts: ColdStarts;

function create(config: { timeoutMs: number; queueLength: number } | undefined): void {
  functions = new FunctionFeed();
  pods = new Pods();
  log = createKeptLog();
  scalings = [];
  coldStarts = new ColdStarts({
    config,
    functions: functions.watch,
    endpoints: pods as unknown as Endpoints,
    scale: ({ name, resourceVersion }, replicas) =>
      new Promise((succeed, fail) =>
        scalings.push({ asked: [name, replicas], resourceVersion, succeed, fail }),
      ),
    logger: log.logger,
  });
}

const asked = (): Scaling["asked"][] => scalings.map((scaling) => scaling.asked);

/** Ends all that is due now. */
const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

/** A wait, and `waiting` as long as it has not ended. */
function wait(reference: FunctionReference = REFERENCE, signal = new AbortController().signal) {
  const wait: { outcome: Failure | undefined | "waiting" } = { outcome: "waiting" };
  void coldStarts.wait(reference, signal, ANY_PLACE).then((outcome) => (wait.outcome = outcome));
  return wait;
}

const codeOf = ({ outcome }: ReturnType<typeof wait>): string | undefined =>
  typeof outcome === "object" ? outcome.code : outcome;

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout");
  create({ timeoutMs: 5000, queueLength: 3 });
  functions.put(functionOf("f", { replicas: 0 }));
  functions.put(functionOf("g", { replicas: 0 }));
});

afterEach(() => {
  jest.useRealTimers();
});

describe("a call of a function without replicas", () => {
  test("waits until the function's pod is ready, and no longer", async () => {
    const calls = [wait(), wait()];
    await settle();
    expect(calls.map(codeOf)).toEqual(["waiting", "waiting"]);
    pods.come("fn/f");
    await settle();
    expect(calls.map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("is not woken by another function's pod, nor by a pod that goes away", async () => {
    const call = wait();
    pods.come("fn/g");
    pods.emit("change", "fn/f");
    await settle();
    expect(codeOf(call)).toBe("waiting");
  });

  test("asks for replicas once, however many wait", async () => {
    [wait(), wait(), wait()].map(codeOf);
    await settle();
    expect(asked()).toEqual([["f", 1]]);
    wait(OTHER);
    expect(asked()).toEqual([
      ["f", 1],
      ["g", 1],
    ]);
  });

  test.each([
    [undefined, 1],
    ["0", 1],
    ["4", 4],
    ["many", 1],
  ])("with the minimum %s asks for %d", (min, replicas) => {
    const labels = min === undefined ? {} : { "com.openfaas.scale.min": min };
    functions.put(functionOf("f", { replicas: 0, labels }));
    wait();
    expect(asked()).toEqual([["f", replicas]]);
    expect(log.text()).toContain(`"functionName":"f.fn","replicas":${replicas}`);
  });

  test("asks again when somebody takes the replicas away, but not while it is asking", async () => {
    wait();
    functions.put(functionOf("f", { replicas: 0 }));
    expect(asked()).toHaveLength(1);
    scalings[0]?.succeed();
    await settle();
    functions.put(functionOf("f", { replicas: 1 }));
    expect(asked()).toHaveLength(1);
    functions.put(functionOf("f", { replicas: 0 }));
    expect(asked()).toHaveLength(2);
  });

  test("is 500 with the reason when it cannot be scaled, and so are all that wait", async () => {
    const [one, two, other] = [wait(), wait(), wait(OTHER)];
    scalings[0]?.fail(REFUSAL);
    await settle();
    const failure = {
      status: 500,
      code: "PLONK_SCALING_FAILED",
      message: "Can't scale f.fn: quota exceeded",
    };
    expect([one.outcome, two.outcome, codeOf(other)]).toEqual([failure, failure, "waiting"]);
    expect(log.text()).toContain("scaling from zero failed");
  });

  test.each([
    ["nobody answered", new Error("connect ECONNREFUSED")],
    ["the API server has too much to do", new KubernetesError("slow down", 429, "TooManyRequests")],
    ["it failed", new KubernetesError("no etcd", 500, "InternalError")],
    ["the function has changed meanwhile", new KubernetesError("changed", 409, "Conflict")],
  ])("asks again after a moment where %s, and waits", async (_why, error) => {
    create({ timeoutMs: 10 * 60_000, queueLength: 3 });
    functions.put(functionOf("f", { replicas: 0 }));
    const call = wait();
    for (let attempt = 0; attempt < 30; attempt++) {
      expect(asked()).toHaveLength(attempt + 1);
      scalings[attempt]?.fail(error);
      // Half of the wait is by chance, and none is longer.
      await jest.advanceTimersByTimeAsync(Math.min(100 * 2 ** attempt, 2000));
      functions.put(functionOf("f", { replicas: 0 }));
    }
    expect(codeOf(call)).toBe("waiting");
    scalings.at(-1)?.succeed();
    pods.come("fn/f");
    await settle();
    expect(call.outcome).toBeUndefined();
  });

  test("asks no more once there are replicas, or nobody waits", async () => {
    const leaving = new AbortController();
    wait(REFERENCE, leaving.signal);
    wait(OTHER);
    scalings.forEach(({ fail }) => fail(new Error("a moment's trouble")));
    functions.put(functionOf("g", { replicas: 1 }));
    leaving.abort();
    await jest.advanceTimersByTimeAsync(1000);
    expect(asked()).toHaveLength(2);
  });

  test("does not overrule who has scaled meanwhile", () => {
    const metadata = { name: "f", namespace: "fn", resourceVersion: "7" };
    functions.put({ ...functionOf("f", { replicas: 0 }), metadata });
    wait();
    expect(scalings[0]?.resourceVersion).toBe("7");
  });

  test("asks anew after a refusal", async () => {
    wait();
    scalings[0]?.fail(REFUSAL);
    await settle();
    const second = wait();
    expect(asked()).toHaveLength(2);
    scalings[1]?.succeed();
    pods.come("fn/f");
    await settle();
    expect(second.outcome).toBeUndefined();
  });

  test("does not suffer from the failure of a scaling that nobody waits for any more", async () => {
    const leaving = new AbortController();
    wait(REFERENCE, leaving.signal);
    leaving.abort();
    const later = wait();
    scalings[0]?.fail(REFUSAL);
    await settle();
    expect(codeOf(later)).toBe("waiting");
  });
});

describe("a call of a function with replicas, none of which is ready", () => {
  test("waits and asks for nothing", async () => {
    functions.put(functionOf("f", { replicas: 2 }));
    const call = wait();
    await settle();
    expect([codeOf(call), asked()]).toEqual(["waiting", []]);
  });
});

describe("a wait ends", () => {
  test("with 503 when its time is over, to the millisecond", async () => {
    const call = wait();
    await jest.advanceTimersByTimeAsync(4999);
    expect(codeOf(call)).toBe("waiting");
    await jest.advanceTimersByTimeAsync(1);
    expect(call.outcome).toEqual({
      status: 503,
      code: "PLONK_NO_ENDPOINTS",
      message: "No endpoints available for: f.fn.",
      retryAfterSeconds: 2,
    });
  });

  test("each by its own time", async () => {
    const early = wait();
    await jest.advanceTimersByTimeAsync(3000);
    const late = wait();
    await jest.advanceTimersByTimeAsync(2000);
    expect([codeOf(early), codeOf(late)]).toEqual(["PLONK_NO_ENDPOINTS", "waiting"]);
    await jest.advanceTimersByTimeAsync(3000);
    expect(codeOf(late)).toBe("PLONK_NO_ENDPOINTS");
  });

  test("never at once, however long it may last: no timer counts that far", async () => {
    create({ timeoutMs: 1000 * 3_600_000, queueLength: 3 });
    functions.put(functionOf("f", { replicas: 0 }));
    const call = wait();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(codeOf(call)).toBe("waiting");
    pods.come("fn/f");
    await settle();
    expect(codeOf(call)).toBeUndefined();
  });

  test("with 404 when the function is deleted", async () => {
    const [call, other] = [wait(), wait(OTHER)];
    functions.remove("fn/f");
    await settle();
    expect([codeOf(call), codeOf(other)]).toEqual(["PLONK_FUNCTION_NOT_FOUND", "waiting"]);
  });

  test("with 404 at once where there is no such function", async () => {
    const call = wait({ name: "none", namespace: "fn" });
    await settle();
    expect(call.outcome).toMatchObject({ message: "error finding function none.fn" });
    expect(asked()).toEqual([]);
  });

  test("without a trace on a caller that stays", async () => {
    const { signal } = new AbortController();
    wait(REFERENCE, signal);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    pods.come("fn/f");
    await settle();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("when the caller goes away, whose timer goes too", async () => {
    const leaving = new AbortController();
    const call = wait(REFERENCE, leaving.signal);
    leaving.abort();
    await settle();
    expect([codeOf(call), jest.getTimerCount()]).toEqual(["PLONK_NO_ENDPOINTS", 0]);
  });

  test("before it begins where the caller has gone already", async () => {
    const call = wait(REFERENCE, AbortSignal.abort());
    await settle();
    expect([codeOf(call), asked()]).toEqual(["PLONK_NO_ENDPOINTS", []]);
  });
});

describe("the queue of a function", () => {
  const FULL = {
    status: 503,
    code: "PLONK_QUEUE_FULL",
    message: "Too many calls wait for f.fn to start.",
    retryAfterSeconds: 2,
  };

  test("is full at its length, for this function alone", async () => {
    const calls = [wait(), wait(), wait(), wait()];
    const other = wait(OTHER);
    await settle();
    expect(calls.slice(0, 3).map(codeOf)).toEqual(["waiting", "waiting", "waiting"]);
    expect(calls[3]?.outcome).toEqual(FULL);
    expect(codeOf(other)).toBe("waiting");
  });

  test.each([
    ["1", 1],
    ["5", 5],
    ["0", 0],
    ["some", 3],
  ])("has the length of the annotation %s", async (text, length) => {
    functions.put(functionOf("f", { replicas: 0, annotations: { "plonk/max-waiting": text } }));
    const calls = Array.from({ length: 7 }, () => wait());
    await settle();
    expect(calls.filter((call) => codeOf(call) === "waiting")).toHaveLength(length);
    expect(asked()).toEqual(length === 0 ? [] : [["f", 1]]);
  });

  test("has room again for each that leaves, whatever way", async () => {
    const leaving = new AbortController();
    [wait(), wait(), wait(REFERENCE, leaving.signal)].map(codeOf);
    leaving.abort();
    const [fits, full] = [wait(), wait()];
    await settle();
    expect([codeOf(fits), codeOf(full)]).toEqual(["waiting", "PLONK_QUEUE_FULL"]);
    await jest.advanceTimersByTimeAsync(5000);
    expect(codeOf(wait())).toBe("waiting");
  });
});

test("without scaling from zero nobody waits and nothing is asked", async () => {
  create(undefined);
  functions.put(functionOf("f", { replicas: 0 }));
  const call = wait();
  await settle();
  expect([codeOf(call), asked(), jest.getTimerCount()]).toEqual(["PLONK_NO_ENDPOINTS", [], 0]);
});
