/** Another upstream for a call that has none, or whose last one has failed. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { ColdStarts } from "../../../../services/gateway/calls/cold-starts.ts";
import type { FunctionState } from "../../../../services/gateway/calls/function-states.ts";
import {
  type FailedAttempt,
  UpstreamSelector,
} from "../../../../services/gateway/calls/upstream-selector.ts";
import { type Failure, failures } from "../../../../services/gateway/errors.ts";
import { Endpoints } from "../../../../services/gateway/upstream/endpoints.ts";
import type { Upstream } from "../../../../services/gateway/upstream/upstream.ts";
import { ANY_PLACE, SilentUpstream, SliceFeed } from "../../../support/call-parts.ts";
import { fakeOnly } from "../../../support/clock.ts";

const [A, B, C] = ["http://192.0.2.1:80", "http://192.0.2.2:80", "http://192.0.2.3:80"] as const;
const REFERENCE = { name: "f", namespace: "fn" };
const STATE = { key: "fn/f", reference: REFERENCE } as FunctionState;
const REFUSED = failures.upstreamFailed("Can't reach f.fn.");

let slices: SliceFeed;
let endpoints: Endpoints;
let selector: UpstreamSelector;
let found: (Upstream | Failure)[];
let faults: unknown[];
/** Upstreams by origin. */
let created: Map<string, Upstream>;
/** Cold starts that are waited for. */
let starts: {
  resolve: (failure: Failure | undefined) => void;
  reject: (error: Error) => void;
  signal: AbortSignal;
}[];

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout", "performance");
  created = new Map();
  slices = new SliceFeed();
  endpoints = new Endpoints(slices.watch, {
    createUpstream: (origin) => {
      const upstream = new SilentUpstream(origin);
      created.set(origin, upstream);
      return upstream;
    },
  });
  starts = [];
  found = [];
  faults = [];
  const wait: ColdStarts["wait"] = (reference, signal, place) => {
    expect([reference, place]).toEqual([REFERENCE, ANY_PLACE]);
    return new Promise((resolve, reject) => starts.push({ resolve, reject, signal }));
  };
  selector = new UpstreamSelector(
    { endpoints, coldStarts: { wait } as unknown as ColdStarts },
    STATE,
    ANY_PLACE,
  );
});

afterEach(() => {
  jest.useRealTimers();
});

async function find(failed?: FailedAttempt): Promise<void> {
  selector.find(
    failed,
    (result) => found.push(result),
    (error) => faults.push(error),
  );
  await jest.advanceTimersByTimeAsync(0);
}

/** Finds another upstream in the place of this one. */
async function replace(origin: string, failure: Failure = REFUSED): Promise<void> {
  await find({ upstream: at(origin), failure });
}

function at(origin: string): Upstream {
  const upstream = created.get(origin);
  if (upstream === undefined) {
    throw new Error(`expected an upstream at ${origin}`);
  }
  return upstream;
}

const results = (): unknown[] =>
  found.map((result) => ("origin" in result ? result.origin : result.code));

describe("a call without an upstream", () => {
  test("gets the one that there is", async () => {
    slices.put("f-1", [A]);
    await find();
    expect(results()).toEqual([A]);
  });

  test("waits for a cold start where there is none, and gets what comes of it", async () => {
    await find();
    expect([results(), starts.length]).toEqual([[], 1]);
    slices.put("f-1", [B]);
    starts[0]?.resolve(undefined);
    await jest.advanceTimersByTimeAsync(0);
    expect(results()).toEqual([B]);
  });

  test("waits again where the pod has gone before the call had it", async () => {
    await find();
    starts[0]?.resolve(undefined);
    await jest.advanceTimersByTimeAsync(0);
    expect([results(), starts.length]).toEqual([[], 2]);
  });

  test("hears why there will be none", async () => {
    await find();
    starts[0]?.resolve(failures.queueFull("f.fn"));
    await jest.advanceTimersByTimeAsync(0);
    expect(results()).toEqual(["PLONK_QUEUE_FULL"]);
  });
});

describe("a call whose upstream has failed", () => {
  test("gets another one at once, and the failed one is shunned by all", async () => {
    slices.put("f-1", [A, B]);
    const failed = at(A);
    await replace(A);
    expect([results(), failed.isEjected]).toEqual([[B], true]);
  });

  test("does not come back to any that has failed it while there are others", async () => {
    slices.put("f-1", [A, B, C]);
    await replace(A);
    const [first] = results();
    await replace(String(first));
    expect(new Set([A, ...results()])).toEqual(new Set([A, B, C]));
  });

  test("waits 25 ms for another one, and then tries the same again", async () => {
    slices.put("f-1", [A]);
    await replace(A);
    await jest.advanceTimersByTimeAsync(24);
    expect(results()).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(results()).toEqual([A]);
  });

  test("gets a new one as soon as it is known", async () => {
    slices.put("f-1", [A]);
    await replace(A);
    await jest.advanceTimersByTimeAsync(10);
    slices.put("f-1", [A, B]);
    await jest.advanceTimersByTimeAsync(0);
    expect(results()).toEqual([B]);
  });

  test("waits twice as long each time, and gives up within two seconds", async () => {
    slices.put("f-1", [A]);
    const begin = performance.now();
    const waits: number[] = [];
    await replace(A);
    for (let turn = 0; turn < 12 && results().at(-1) !== REFUSED.code; turn++) {
      const before = performance.now();
      while (found.length === turn && performance.now() - before < 3000) {
        await jest.advanceTimersByTimeAsync(1);
      }
      waits.push(performance.now() - before);
      if (results().at(-1) !== REFUSED.code) {
        await replace(A);
      }
    }
    expect(waits.slice(0, 6)).toEqual([25, 50, 100, 200, 400, 800]);
    expect(results()).toEqual([...Array<string>(6).fill(A), REFUSED.code]);
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  test("is answered with the failure of the last one", async () => {
    slices.put("f-1", [A]);
    await replace(A);
    await jest.advanceTimersByTimeAsync(1995);
    const last = failures.upstreamTimeout("f.fn");
    await replace(A, last);
    expect(found.at(-1)).toBe(last);
  });

  test("waits for a cold start where all pods have gone meanwhile", async () => {
    slices.put("f-1", [A]);
    const failed = { upstream: at(A), failure: REFUSED };
    slices.remove("f-1");
    await find(failed);
    expect([results(), starts.length]).toEqual([[], 1]);
  });
});

describe("a fault of ours", () => {
  const fault = new TypeError("a fault of ours");

  test("in the search is told, and calls nobody back", async () => {
    jest.spyOn(endpoints, "pick").mockImplementation(() => {
      throw fault;
    });
    await find();
    expect([results(), faults]).toEqual([[], [fault]]);
  });

  test("in a cold start is told, too", async () => {
    await find();
    starts[0]?.reject(fault);
    await jest.advanceTimersByTimeAsync(0);
    expect([results(), faults]).toEqual([[], [fault]]);
  });

  test("in who takes what is found is told", async () => {
    slices.put("f-1", [A]);
    const take = (): never => {
      throw fault;
    };
    selector.find(undefined, take, (error) => faults.push(error));
    await jest.advanceTimersByTimeAsync(0);
    expect(faults).toEqual([fault]);
  });
});

describe("a search that is cancelled", () => {
  test("calls nobody back, whatever comes", async () => {
    await find();
    selector.cancel();
    slices.put("f-1", [A]);
    starts[0]?.resolve(undefined);
    await jest.advanceTimersByTimeAsync(5000);
    expect(results()).toEqual([]);
  });

  test("tells the cold start that nobody waits", async () => {
    await find();
    expect(starts[0]?.signal.aborted).toBe(false);
    selector.cancel();
    expect(starts[0]?.signal.aborted).toBe(true);
  });

  test("leaves no timer and no listener behind", async () => {
    slices.put("f-1", [A]);
    await replace(A);
    expect(endpoints.listenerCount("change")).toBe(1);
    selector.cancel();
    await jest.advanceTimersByTimeAsync(0);
    // That of the ejection is left.
    expect([endpoints.listenerCount("change"), jest.getTimerCount()]).toEqual([0, 1]);
    expect(results()).toEqual([]);
  });

  test("does so also where the result was there already", async () => {
    slices.put("f-1", [A]);
    selector.find(
      undefined,
      (result) => found.push(result),
      (error) => faults.push(error),
    );
    selector.cancel();
    await jest.advanceTimersByTimeAsync(0);
    expect(results()).toEqual([]);
  });
});
