/** Which upstream a call gets, and who hears of changes; without a cluster behind it. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { Endpoints } from "../../../../services/gateway/upstream/endpoints.ts";
import type { Upstream } from "../../../../services/gateway/upstream/upstream.ts";
import { SilentUpstream, SliceFeed } from "../../../support/call-parts.ts";
import { fakeOnly } from "../../../support/clock.ts";

const [A, B, C] = ["http://192.0.2.1:80", "http://192.0.2.2:80", "http://192.0.2.3:80"] as const;

let slices: SliceFeed;
let endpoints: Endpoints;
let changes: string[];

function create(toServiceOrigin?: (key: string) => string): void {
  slices = new SliceFeed();
  changes = [];
  endpoints = new Endpoints(slices.watch, {
    createUpstream: (origin) => new SilentUpstream(origin),
    toServiceOrigin,
  });
  endpoints.on("change", (key) => changes.push(key));
}

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout");
  create();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Upstreams as often as they are picked, by origin. */
function pickAll(count: number, avoided?: ReadonlySet<Upstream>): Map<string, number> {
  const picked = new Map<string, number>();
  for (let turn = 0; turn < count; turn++) {
    const origin = endpoints.pick("fn/f", avoided)?.origin ?? "none";
    picked.set(origin, (picked.get(origin) ?? 0) + 1);
  }
  return picked;
}

/** The upstream at an origin. */
function at(origin: string): Upstream {
  const passed = new Set<Upstream>();
  for (;;) {
    const upstream = endpoints.pick("fn/f", passed);
    if (upstream === undefined || upstream.origin === origin) {
      return upstream ?? new SilentUpstream("none");
    }
    passed.add(upstream);
  }
}

describe("of several upstreams", () => {
  test("idle ones take turns", () => {
    slices.put("f-1", [A, B, C]);
    expect(pickAll(30)).toEqual(
      new Map([
        [A, 10],
        [B, 10],
        [C, 10],
      ]),
    );
  });

  test("equally busy ones take turns, too", () => {
    slices.put("f-1", [A, B]);
    at(A).inFlight = 4;
    at(B).inFlight = 4;
    expect([...pickAll(10).values()]).toEqual([5, 5]);
  });

  test("calls that end late are spread evenly", () => {
    slices.put("f-1", [A, B, C]);
    for (let call = 0; call < 31; call++) {
      const upstream = endpoints.pick("fn/f");
      if (upstream !== undefined) {
        upstream.inFlight += 1;
      }
    }
    expect([A, B, C].map((origin) => at(origin).inFlight).sort()).toEqual([10, 10, 11]);
  });

  test("one that has failed comes after all others, however busy they are", () => {
    slices.put("f-1", [A, B, C]);
    at(A).eject();
    at(B).inFlight = 90;
    at(C).inFlight = 91;
    expect(pickAll(9)).toEqual(new Map([[B, 9]]));
  });

  test("the least busy of those that have failed is taken where all have", () => {
    slices.put("f-1", [A, B]);
    [A, B].forEach((origin) => at(origin).eject());
    at(A).inFlight = 1;
    expect(pickAll(4)).toEqual(new Map([[B, 4]]));
  });

  test("one that has failed is as good as others after two seconds", () => {
    slices.put("f-1", [A, B]);
    at(A).eject();
    jest.advanceTimersByTime(1999);
    expect(pickAll(4)).toEqual(new Map([[B, 4]]));
    jest.advanceTimersByTime(1);
    expect(pickAll(4).size).toBe(2);
  });

  test("the best is picked that is neither avoided nor, if there is another, ejected", () => {
    const pod = fc.record({
      inFlight: fc.nat(4),
      isEjected: fc.boolean(),
      isAvoided: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(pod, { maxLength: 6 }), fc.nat(20), (pods, turns) => {
        create();
        slices.put(
          "f-1",
          pods.map((_, index) => `http://192.0.2.${index}:80`),
        );
        const avoided = new Set<Upstream>();
        const states = pods.map(({ inFlight, isEjected, isAvoided }, index) => {
          const upstream = at(`http://192.0.2.${index}:80`);
          upstream.inFlight = inFlight;
          if (isEjected) {
            upstream.eject();
          }
          if (isAvoided) {
            avoided.add(upstream);
          }
          return { upstream, rank: inFlight + (isEjected ? 100 : 0) };
        });
        pickAll(turns);
        const picked = endpoints.pick("fn/f", avoided);
        const candidates = states.filter(({ upstream }) => !avoided.has(upstream));
        const best = Math.min(...candidates.map(({ rank }) => rank));
        const ofBest = candidates.filter(({ rank }) => rank === best);
        const isOfBest = ofBest.some(({ upstream }) => upstream === picked);
        expect(candidates.length === 0 ? picked === undefined : isOfBest).toBe(true);
      }),
    );
  });
});

describe("a change", () => {
  test("is told once, with the function's key", () => {
    slices.put("f-1", [A]);
    slices.put("g-1", [B], { routeKey: "fn/g" });
    slices.remove("f-1");
    expect(changes).toEqual(["fn/f", "fn/g", "fn/f"]);
  });

  test("of a slice that is nobody's is told to nobody", () => {
    slices.put("x", [A], { routeKey: undefined });
    slices.remove("x");
    expect(changes).toEqual([]);
  });

  test("of one slice leaves the others as they are", () => {
    slices.put("f-1", [A]);
    slices.put("f-2", [B]);
    const before = at(B);
    slices.put("f-1", [C]);
    expect(pickAll(4)).toEqual(
      new Map([
        [B, 2],
        [C, 2],
      ]),
    );
    expect(at(B)).toBe(before);
  });

  test("closes what is in no slice any more, and only that", () => {
    slices.put("f-1", [A, B]);
    slices.put("f-2", [B]);
    const [a, b] = [at(A), at(B)];
    slices.remove("f-1");
    expect([a.isClosed, b.isClosed]).toEqual([true, false]);
    slices.remove("f-2");
    expect([b.isClosed, endpoints.has("fn/f")]).toEqual([true, false]);
  });

  test("that brings a pod back makes a new upstream, without what was said of the old one", () => {
    slices.put("f-1", [A]);
    const before = at(A);
    before.eject();
    slices.put("f-1", []);
    slices.put("f-1", [A]);
    expect(at(A)).not.toBe(before);
    expect([at(A).isEjected, at(A).isClosed]).toEqual([false, false]);
  });
});

describe("pods of a dual-stack Service, which are in a slice of each family", () => {
  const ids = ["a", "b"];
  const origins = {
    v4: ids.map((_, index) => `http://192.0.2.${index}:80`),
    v6: ids.map((_, index) => `http://[2001:db8::${index}]:80`),
  };

  /** What one family's slice says, by pods: whether each leaves; undefined: it is not in there. */
  function tell(family: keyof typeof origins, leaves: readonly (boolean | undefined)[]): void {
    const pods = leaves.flatMap((isLeaving, index) => {
      const [id = "", origin = ""] = [ids[index], origins[family][index]];
      return isLeaving === undefined ? [] : [{ id, origin, isLeaving }];
    });
    slices.put(`f-${family}`, [], { pods });
  }

  const picked = (): string[] => [...pickAll(12).keys()].sort();
  const wanted = (...indexes: number[]): (string | undefined)[] =>
    indexes.map((index) => origins.v4[index]);

  test.each([
    ["v4", "v6"],
    ["v6", "v4"],
  ] as const)("are one upstream each, at %s first and then at %s", (first, second) => {
    tell(first, [false, false]);
    expect(picked()).toEqual(origins[first]);
    tell(second, [false, false]);
    expect(picked()).toEqual(wanted(0, 1));
  });

  test("are at the only address that they have", () => {
    tell("v4", [false]);
    tell("v6", [undefined, false]);
    expect(picked()).toEqual([origins.v4[0], origins.v6[1]]);
  });

  test.each([
    ["v4", "v6"],
    ["v6", "v4"],
  ] as const)("leave as soon as %s says so, whatever %s still says", (first, second) => {
    tell("v4", [false, false]);
    tell("v6", [false, false]);
    tell(first, [true, false]);
    expect(picked()).toEqual(wanted(1));
    tell(second, [true, false]);
    expect(picked()).toEqual(wanted(1));
    tell(first, [true, true]);
    // Both have been ready here: for a moment they are all there is.
    expect(picked()).toEqual(wanted(0, 1));
  });

  test("get no calls of the function that has their name next", () => {
    tell("v4", [false]);
    tell("v6", [false]);
    endpoints.abandon("fn/f", "1");
    expect(endpoints.has("fn/f")).toBe(false);
    tell("v4", [false, false]);
    expect(picked()).toEqual(wanted(1));
  });
});

describe("who waits for a change", () => {
  async function isOver(wait: Promise<void>): Promise<boolean> {
    let isOver = false;
    void wait.then(() => (isOver = true));
    await jest.advanceTimersByTimeAsync(0);
    return isOver;
  }

  test("is not woken by another function's", async () => {
    const wait = endpoints.waitForChange("fn/f", 1000);
    slices.put("g-1", [A], { routeKey: "fn/g" });
    expect(await isOver(wait)).toBe(false);
    slices.put("f-1", [A]);
    expect(await isOver(wait)).toBe(true);
  });

  test("is let go after the time, to the millisecond", async () => {
    const wait = endpoints.waitForChange("fn/f", 1000);
    await jest.advanceTimersByTimeAsync(999);
    expect(await isOver(wait)).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await isOver(wait)).toBe(true);
  });

  test.each<[string, (abort: AbortController) => void]>([
    ["a change", () => slices.put("f-1", [A])],
    ["its abort", (abort) => abort.abort()],
    ["the end of its time", () => jest.advanceTimersByTime(1000)],
  ])("leaves nothing behind after %s", async (_what, end) => {
    const abort = new AbortController();
    const before = endpoints.listenerCount("change");
    const wait = endpoints.waitForChange("fn/f", 1000, abort.signal);
    expect([endpoints.listenerCount("change"), jest.getTimerCount()]).toEqual([before + 1, 1]);
    end(abort);
    expect(await isOver(wait)).toBe(true);
    expect([endpoints.listenerCount("change"), jest.getTimerCount()]).toEqual([before, 0]);
  });
});

describe("where calls go to the Service", () => {
  const SERVICE = "http://f.fn.svc:8080";

  beforeEach(() => create((key) => `http://${key.split("/").reverse().join(".")}.svc:8080`));

  test("its upstream stays while pods come and go, with the calls in flight", () => {
    slices.put("f-1", [A]);
    const service = at(SERVICE);
    service.inFlight = 3;
    slices.put("f-1", [B, C]);
    expect([at(SERVICE) === service, service.isClosed, pickAll(3)]).toEqual([
      true,
      false,
      new Map([[SERVICE, 3]]),
    ]);
  });

  test("it is closed with the last pod, and another one is made with the next", () => {
    slices.put("f-1", [A]);
    const service = at(SERVICE);
    slices.put("f-1", []);
    expect([service.isClosed, endpoints.has("fn/f")]).toEqual([true, false]);
    slices.put("f-1", [A]);
    expect(at(SERVICE)).not.toBe(service);
  });
});

test("closing closes the upstreams of all functions", async () => {
  slices.put("f-1", [A]);
  slices.put("g-1", [B], { routeKey: "fn/g" });
  const all = [at(A), endpoints.pick("fn/g")];
  await endpoints.close();
  expect(all.map((upstream) => upstream?.isClosed)).toEqual([true, true]);
});
