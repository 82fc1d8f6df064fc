/** What is known of a function that is called, and for how long. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { FunctionSpec } from "../../../../contract/index.ts";
import {
  type FunctionState,
  FunctionStates,
} from "../../../../services/gateway/calls/function-states.ts";
import { GatewayMetrics } from "../../../../services/gateway/metrics.ts";
import { Registry } from "../../../../services/lib/metrics.ts";
import { FunctionFeed, functionOf } from "../../../support/call-parts.ts";

const PLATFORM = { connectMs: 1000, firstByteMs: 2000, idleMs: 3000, callMs: 4000 };

let functions: FunctionFeed;
let registry: Registry;
let states: FunctionStates;

beforeEach(() => {
  functions = new FunctionFeed();
  registry = new Registry();
  states = new FunctionStates({
    functions: functions.watch,
    functionNamespace: "fn",
    metrics: new GatewayMetrics(registry),
    timeouts: PLATFORM,
    maxInflightPerFunction: 7,
    queueNames: ["slow"],
  });
});

function declare(name: string, spec: Partial<FunctionSpec> = {}, namespace = "fn"): void {
  functions.put({ ...functionOf(name, spec), metadata: { name, namespace } });
}

function find(segment: string): FunctionState {
  const state = states.find(segment);
  if (state === undefined) {
    throw new Error(`expected a function for ${segment}, got none`);
  }
  return state;
}

describe("a segment", () => {
  test.each([
    ["f", "fn/f", "f.fn"],
    ["f.fn", "fn/f", "f.fn"],
    ["f.other", "other/f", "f.other"],
  ])("%s names %s", (segment, key, displayName) => {
    declare("f");
    declare("f", {}, "other");
    const [namespace = "", name] = key.split("/");
    expect(find(segment)).toMatchObject({
      key,
      displayName,
      reference: { name, namespace },
      ...{ inFlight: 0, upgraded: 0, heldBytes: 0 },
    });
  });

  test.each(["g", "f.other", "f.", ".fn", "f.fn.fn", "F", "fn"])("%s names none", (segment) => {
    declare("f");
    expect(states.find(segment)).toBeUndefined();
  });

  test("without a namespace is never another namespace's function", () => {
    declare("f", {}, "other");
    expect(states.find("f")).toBeUndefined();
    expect(states.find("f.fn")).toBeUndefined();
  });
});

describe("the state of a function", () => {
  test("is one however it is called, so that its calls are counted together", () => {
    declare("f");
    const [short, full] = [find("f"), find("f.fn")];
    expect(full).toBe(short);
    expect(find("f")).toBe(short);
  });

  test("is among those that were called, once, until the function is deleted", () => {
    declare("f");
    declare("g");
    expect(states.called()).toEqual(new Set());
    const state = find("f");
    find("f.fn");
    expect([...states.called()]).toEqual([state]);
    functions.remove("fn/f");
    expect(states.called()).toEqual(new Set());
  });

  test("is another one for a function of the same name elsewhere", () => {
    declare("f");
    declare("f", {}, "other");
    expect(find("f.other")).not.toBe(find("f"));
  });

  test("stays while the function changes, with the calls in flight", () => {
    declare("f");
    const state = find("f");
    state.inFlight = 3;
    declare("f", { labels: { "plonk/max-inflight": "9" } });
    expect(find("f")).toBe(state);
    expect([state.inFlight, state.maxInflight]).toEqual([3, 9]);
  });

  test("is not worked out anew where nothing has changed", () => {
    declare("f");
    const { timeouts } = find("f");
    expect(find("f").timeouts).toBe(timeouts);
    declare("f");
    expect(find("f").timeouts).not.toBe(timeouts);
  });

  test("is shown as it is now, also by the other spelling", () => {
    declare("f");
    [find("f"), find("f.fn")].map(({ key }) => key);
    declare("f", { annotations: { "plonk/private": "true" } });
    expect(find("f.fn").isPrivate).toBe(true);
    expect(find("f").isPrivate).toBe(true);
    declare("f");
    expect(find("f").isPrivate).toBe(false);
  });

  test("goes with the function, under both spellings", () => {
    declare("f");
    const before = [find("f"), find("f.fn")];
    functions.remove("fn/f");
    expect([states.find("f"), states.find("f.fn")]).toEqual([undefined, undefined]);
    declare("f");
    for (const state of before) {
      state.inFlight = 5;
      expect([find("f").inFlight, find("f.fn").inFlight]).toEqual([0, 0]);
      expect(find("f")).not.toBe(state);
    }
    expect(find("f")).toBe(find("f.fn"));
  });

  test("of another namespace goes with its own function only", () => {
    declare("f");
    declare("f", {}, "other");
    const [own, other] = [find("f"), find("f.other")];
    functions.remove("other/f");
    expect(states.find("f.other")).toBeUndefined();
    expect(find("f")).toBe(own);
    declare("f", {}, "other");
    expect(find("f.other")).not.toBe(other);
  });

  test("is hidden as long as the watch shows no such function", () => {
    declare("f");
    const state = find("f");
    const resource = functions.get("fn/f");
    // A namespace that has lost its mark: its functions are still there.
    functions.get = () => undefined;
    expect(states.find("f")).toBeUndefined();
    functions.get = () => resource;
    expect(find("f")).toBe(state);
  });

  test("counts under the name with the namespace", async () => {
    declare("f");
    find("f").metrics.start();
    find("f.fn").metrics.start();
    expect(await registry.metrics()).toContain('{function_name="f.fn"} 2');
  });
});

describe("a function's settings", () => {
  test("are the platform's where it has none", () => {
    declare("f");
    expect(find("f")).toMatchObject({ timeouts: PLATFORM, maxInflight: 7, isPrivate: false });
  });

  test.each<[Partial<FunctionSpec>, Partial<FunctionState["timeouts"]>]>([
    [{ labels: { "plonk/call-timeout": "90s" } }, { callMs: 90_000 }],
    [{ labels: { "plonk/call-timeout": "0" } }, { callMs: 0 }],
    [{ labels: { "plonk/first-byte-timeout": "1m" } }, { firstByteMs: 60_000 }],
    [{ labels: { "plonk/idle-timeout": "250ms" } }, { idleMs: 250 }],
    [{ labels: { "plonk/call-timeout": "soon" } }, {}],
    [{ environment: { exec_timeout: "5s" } }, { callMs: 5000 }],
    [
      { environment: { exec_timeout: "5s" }, labels: { "plonk/call-timeout": "6s" } },
      { callMs: 6000 },
    ],
    [{ annotations: { "plonk/call-timeout": "90s" } }, {}],
  ])("%j are the time-outs %j", (spec, own) => {
    declare("f", spec);
    expect(find("f").timeouts).toEqual({ ...PLATFORM, ...own });
  });

  test.each([
    ["0", 0],
    ["3", 3],
    ["-1", 7],
    ["1.5", 7],
    ["", 7],
  ])("a limit of %j calls is %d", (text, maxInflight) => {
    declare("f", { labels: { "plonk/max-inflight": text } });
    expect(find("f").maxInflight).toBe(maxInflight);
  });
});

describe("a function that is not there", () => {
  test("is said not to exist once all functions are known", () => {
    expect(states.explain("f")).toEqual({
      status: 404,
      code: "PLONK_FUNCTION_NOT_FOUND",
      message: "error finding function f.fn",
    });
    expect(states.explain("f.other").message).toBe("error finding function f.other");
  });

  test("is 503 before that", () => {
    functions.hasSynced = false;
    expect(states.explain("f")).toEqual({
      status: 503,
      code: "PLONK_STARTING",
      message: "The gateway does not know its functions yet.",
      retryAfterSeconds: 1,
    });
  });
});

test("states are found for what exists and for nothing else, whatever comes and goes", () => {
  const place = fc.constantFrom("fn/a", "fn/b", "other/a");
  const step = fc.record({ key: place, isThere: fc.boolean(), isShort: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const exists = new Set<string>();
      for (const key of ["fn/a", "fn/b", "other/a"]) {
        functions.remove(key);
      }
      for (const { key, isThere, isShort } of steps) {
        const [namespace = "", name = ""] = key.split("/");
        if (isThere) {
          declare(name, {}, namespace);
          exists.add(key);
        } else {
          functions.remove(key);
          exists.delete(key);
        }
        const segment = isShort && namespace === "fn" ? name : `${name}.${namespace}`;
        expect(states.find(segment)?.key).toBe(exists.has(key) ? key : undefined);
      }
    }),
  );
});
