/** What the gateway tells the operator of the load of its functions. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { GatewayLoads } from "../../../../contract/gateway-loads.ts";
import { isValid } from "../../../../contract/schema-findings.ts";
import { Admission } from "../../../../services/gateway/calls/admission.ts";
import {
  type FunctionState,
  FunctionStates,
} from "../../../../services/gateway/calls/function-states.ts";
import { LoadsReader } from "../../../../services/gateway/calls/loads.ts";
import { forgetDeleted, GatewayMetrics } from "../../../../services/gateway/metrics.ts";
import { Registry } from "../../../../services/lib/metrics.ts";
import { FunctionFeed, functionOf, NO_LIMITS } from "../../../support/call-parts.ts";

let functions: FunctionFeed;
let states: FunctionStates;
let admission: Admission;
let asked: number;
let waiting: Record<string, number> | undefined;
let reader: LoadsReader;

beforeEach(() => {
  jest.useFakeTimers();
  functions = new FunctionFeed();
  const metrics = new GatewayMetrics(new Registry());
  forgetDeleted(metrics, functions.watch);
  states = new FunctionStates({
    functions: functions.watch,
    functionNamespace: "fn",
    metrics,
    timeouts: NO_LIMITS,
    maxInflightPerFunction: 0,
    queueNames: [],
  });
  admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: 0 });
  asked = 0;
  waiting = {};
  const read = (): Promise<Record<string, number> | undefined> => {
    asked += 1;
    return Promise.resolve(waiting);
  };
  reader = new LoadsReader({ states, depths: { read } });
  functions.put(functionOf("f"));
  functions.put(functionOf("g"));
});

afterEach(() => {
  jest.useRealTimers();
});

function find(segment: string): FunctionState {
  const state = states.find(segment);
  if (state === undefined) {
    throw new Error(`expected a function for ${segment}, got none`);
  }
  return state;
}

async function read(query = ""): Promise<GatewayLoads> {
  const loads = await reader.read(new URLSearchParams(query));
  expect(isValid(GatewayLoads, loads)).toBe(true);
  return loads;
}

const loadOf = async (name: string): Promise<unknown> => (await read()).functions[name];

describe("functions", () => {
  test("are those that were called, each once however it was spelled", async () => {
    expect((await read()).functions).toEqual({});
    find("f");
    find("f.fn");
    expect((await read()).functions).toEqual({ "f.fn": [0, 0, 0, 0] });
  });

  test("have calls that began, and those that are in flight", async () => {
    const state = find("f");
    for (let call = 0; call < 3; call++) {
      admission.enter(state);
      state.metrics.start();
    }
    admission.leave(state);
    expect(await loadOf("f.fn")).toEqual([3, 2, 0, 0]);
  });

  test("have upgraded connections with the calls, and those that wait apart", async () => {
    const state = find("f");
    admission.enter(state, "upgraded");
    admission.enter(state);
    admission.enter(state);
    admission.wait(state, "inFlight");
    jest.advanceTimersByTime(5000);
    expect(await loadOf("f.fn")).toEqual([0, 2, 1, 0]);
  });

  test.each(["inFlight", "upgraded"] as const)(
    "are idle since the last one ended, and not while one is there: %s",
    async (kind) => {
      const state = find("f");
      jest.advanceTimersByTime(1000);
      expect(await loadOf("f.fn")).toEqual([0, 0, 0, 1000]);
      admission.enter(state, kind);
      jest.advanceTimersByTime(2000);
      expect(await loadOf("f.fn")).toEqual([0, 1, 0, 0]);
      admission.leave(state, kind);
      jest.advanceTimersByTime(30);
      expect(await loadOf("f.fn")).toEqual([0, 0, 0, 30]);
    },
  );

  test("are not idle while something waits for a pod, and are when it has gone", async () => {
    const state = find("f");
    admission.enter(state);
    admission.wait(state, "inFlight");
    jest.advanceTimersByTime(2000);
    expect(await loadOf("f.fn")).toEqual([0, 0, 1, 0]);
    admission.leave(state, "waiting");
    jest.advanceTimersByTime(70);
    expect(await loadOf("f.fn")).toEqual([0, 0, 0, 70]);
  });

  test("that were deleted are gone, and begin anew where they come back", async () => {
    const state = find("f");
    state.metrics.start();
    admission.enter(state);
    find("g");
    functions.remove("fn/f");
    expect(Object.keys((await read()).functions)).toEqual(["g.fn"]);
    functions.put(functionOf("f"));
    find("f.fn");
    admission.leave(state);
    expect(await loadOf("f.fn")).toEqual([0, 0, 0, 0]);
  });
});

test("the age is that of the gateway", async () => {
  expect(await read()).toEqual({ ageMs: 0, functions: {} });
  jest.advanceTimersByTime(1500);
  expect(await read()).toMatchObject({ ageMs: 1500 });
});

describe("the queue", () => {
  test.each(["", "queue=0", "queue", "other=1"])("is not asked with %j", async (query) => {
    expect([await read(query), asked]).toEqual([{ ageMs: 0, functions: {} }, 0]);
  });

  test("is told of where it is asked for", async () => {
    waiting = { "f.fn": 3 };
    expect(await read("queue=1")).toMatchObject({ queue: { "f.fn": 3 } });
    expect(await read("other=2&queue=1")).toMatchObject({ queue: { "f.fn": 3 } });
  });

  test("is absent where it cannot be asked, and empty where there is none", async () => {
    waiting = undefined;
    expect(await read("queue=1")).not.toHaveProperty("queue");
    reader = new LoadsReader({ states, depths: undefined });
    expect(await read("queue=1")).toMatchObject({ queue: {} });
  });
});
