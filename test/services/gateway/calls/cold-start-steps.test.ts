/** Calls that have waited for a pod: how many go at once when it comes. */
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { Place } from "../../../../services/gateway/calls/admission.ts";
import { ColdStarts } from "../../../../services/gateway/calls/cold-starts.ts";
import type { Failure } from "../../../../services/gateway/errors.ts";
import type { Endpoints } from "../../../../services/gateway/upstream/endpoints.ts";
import { ANY_PLACE, FunctionFeed, functionOf, Pods } from "../../../support/call-parts.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { createKeptLog } from "../../../support/logs.ts";

const REFERENCE = { name: "f", namespace: "fn" };

let pods: Pods;
/** Of the calls that wait no more, in their order, the code of a failure. */
let gone: Map<number, string | undefined>;

/** Ends all that is due now. */
const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

/** Has a hundred calls wait. */
function wait(environment: Record<string, string> = {}, ...places: Place[]): void {
  const functions = new FunctionFeed();
  functions.put(functionOf("f", { replicas: 1, environment }));
  const coldStarts = new ColdStarts({
    config: { timeoutMs: 5000, queueLength: 100 },
    functions: functions.watch,
    endpoints: pods as unknown as Endpoints,
    scale: () => Promise.resolve(),
    logger: createKeptLog().logger,
  });
  const { signal } = new AbortController();
  const end = (index: number) => (failure: Failure | undefined) =>
    void gone.set(index, failure?.code);
  for (let index = 0; index < 100; index += 1) {
    const place = places[index % places.length] ?? ANY_PLACE;
    void coldStarts.wait(REFERENCE, signal, place).then(end(index));
  }
}

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout");
  pods = new Pods();
  gone = new Map();
});

afterEach(() => {
  jest.useRealTimers();
});

test("calls go few at first, those that have waited longest, then more and more", async () => {
  wait();
  pods.come("fn/f");
  await settle();
  expect([...gone.keys()]).toEqual(Array.from({ length: 16 }, (_, index) => index));
  // Another change is no reason for another step.
  pods.come("fn/f");
  await settle();
  expect(gone.size).toBe(16);
  await jest.advanceTimersByTimeAsync(20);
  expect(gone.size).toBe(48);
  await jest.advanceTimersByTimeAsync(20);
  expect([gone.size, jest.getTimerCount()]).toEqual([100, 0]);
});

test("calls go as there are places among those in flight, and in their order", async () => {
  let places = 5;
  wait({}, { wait: () => undefined, goOn: () => places-- > 0 });
  pods.come("fn/f");
  await settle();
  expect([...gone.keys()]).toEqual([0, 1, 2, 3, 4]);
  await jest.advanceTimersByTimeAsync(100);
  expect(gone.size).toBe(5);
  places = 2;
  await jest.advanceTimersByTimeAsync(20);
  expect([...gone.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(new Set(gone.values())).toEqual(new Set([undefined]));
});

test("calls go though there are no places for upgrades that have waited longer", async () => {
  const upgrade = { wait: () => undefined, goOn: () => false };
  wait({}, upgrade, ANY_PLACE);
  pods.come("fn/f");
  await settle();
  const odd = Array.from({ length: 50 }, (_, index) => 2 * index + 1);
  expect([...gone.keys()]).toEqual(odd.slice(0, 16));
  await jest.advanceTimersByTimeAsync(40);
  expect([...gone.keys()]).toEqual(odd);
});

test("a fault in a step ends no process, and those that wait hear of the end of their time", async () => {
  wait(
    {},
    {
      wait: () => undefined,
      goOn: () => {
        if (gone.size === 16) {
          throw new TypeError("a fault of ours");
        }
        return true;
      },
    },
  );
  pods.come("fn/f");
  await settle();
  await jest.advanceTimersByTimeAsync(5000);
  expect([...gone.values()].filter((code) => code === "PLONK_NO_ENDPOINTS")).toHaveLength(84);
});

test("calls go as pods have places, where the function says how many a pod has", async () => {
  wait({ max_inflight: "10" });
  pods.come("fn/f");
  await settle();
  expect(gone.size).toBe(10);
  pods.inFlight = 10;
  await jest.advanceTimersByTimeAsync(100);
  expect(gone.size).toBe(10);
  pods.inFlight = 7;
  await jest.advanceTimersByTimeAsync(20);
  expect(gone.size).toBe(13);
  pods.inFlight = 12;
  await jest.advanceTimersByTimeAsync(4880);
  expect([...gone.values()].filter((code) => code === "PLONK_NO_ENDPOINTS")).toHaveLength(87);
});

test("calls wait again when the pods go, and begin anew", async () => {
  wait();
  pods.come("fn/f");
  await settle();
  pods.ready.clear();
  await jest.advanceTimersByTimeAsync(100);
  expect(gone.size).toBe(16);
  pods.come("fn/f");
  await settle();
  expect(gone.size).toBe(32);
});
