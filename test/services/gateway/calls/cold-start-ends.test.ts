/** Calls that may not wait for a pod, and those whose wait ends by a fault of ours. */
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { Place } from "../../../../services/gateway/calls/admission.ts";
import { ColdStarts } from "../../../../services/gateway/calls/cold-starts.ts";
import { type Failure, failures } from "../../../../services/gateway/errors.ts";
import type { Endpoints } from "../../../../services/gateway/upstream/endpoints.ts";
import { KubernetesError } from "../../../../services/lib/kubernetes.ts";
import { ANY_PLACE, FunctionFeed, functionOf, Pods } from "../../../support/call-parts.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";

let log: KeptLog;
let coldStarts: ColdStarts;
/** Ends of the requests for replicas. */
let asked: ((error: Error) => void)[];
/** Codes of the failures of those that wait no more. */
let ended: (string | undefined)[];

const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0);

function wait(place: Place = ANY_PLACE): void {
  const { signal } = new AbortController();
  const end = (failure: Failure | undefined): void => void ended.push(failure?.code);
  void coldStarts.wait({ name: "f", namespace: "fn" }, signal, place).then(end);
}

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout");
  log = createKeptLog();
  [asked, ended] = [[], []];
  const functions = new FunctionFeed();
  functions.put(functionOf("f", { replicas: 0 }));
  coldStarts = new ColdStarts({
    config: { timeoutMs: 5000, queueLength: 3 },
    functions: functions.watch,
    endpoints: new Pods() as unknown as Endpoints,
    scale: () => new Promise((_resolve, reject) => asked.push(reject)),
    logger: log.logger,
  });
});

afterEach(() => {
  jest.useRealTimers();
});

test("a call hears why it may not wait, and asks for nothing", async () => {
  const take = jest.fn(() => failures.queueFull());
  wait({ ...ANY_PLACE, wait: take });
  await settle();
  expect([ended, asked, jest.getTimerCount()]).toEqual([["PLONK_QUEUE_FULL"], [], 0]);
});

test("where the function's own queue is full, no place is asked for", async () => {
  [wait, wait, wait].forEach((begin) => begin());
  const take = jest.fn(() => undefined);
  wait({ ...ANY_PLACE, wait: take });
  await settle();
  expect([ended, take.mock.calls]).toEqual([["PLONK_QUEUE_FULL"], []]);
});

test("a fault in who asks for replicas is 500 for all that wait, and the next call asks", async () => {
  [wait, wait].forEach((begin) => begin());
  await settle();
  const error = jest.spyOn(log.logger, "error").mockImplementation(() => {
    throw new TypeError("a fault of ours");
  });
  asked[0]?.(new KubernetesError("quota exceeded", 403, "Forbidden"));
  await settle();
  expect(ended).toEqual(["PLONK_INTERNAL", "PLONK_INTERNAL"]);
  error.mockRestore();
  wait();
  await settle();
  expect(asked).toHaveLength(2);
});
