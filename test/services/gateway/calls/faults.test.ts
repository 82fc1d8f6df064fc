/** A fault of ours on the way of a call ends that call: 500 or cut, and no place is lost. */
import { createServer, type RequestOptions, type Server } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { CallClock } from "../../../../services/gateway/calls/call-clock.ts";
import { Tunnel, Tunnels } from "../../../../services/gateway/calls/tunnel.ts";
import { WorkerLoads } from "../../../../services/gateway/calls/worker-loads.ts";
import type { TrustedPeers } from "../../../../services/gateway/http/trusted-peers.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { stopServer } from "../../../support/network.ts";
import { answer, beginProxyCall, type Begun } from "../../../support/proxy-call.ts";
import { until } from "../../../support/until.ts";

const A = "http://192.0.2.1:80";

const fail = (): never => {
  throw new TypeError("a fault of ours");
};

let server: Server;
let port: number;
let world: CallWorld;

beforeAll(async () => {
  server = createServer();
  port = await listen(server, 0, "127.0.0.1");
});

afterAll(() => stopServer(server));

beforeEach(() => {
  world = new CallWorld();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const begin = (options: RequestOptions = {}): Promise<Begun> =>
  beginProxyCall({ server, port, world, health: { isStopping: false } }, options);

/** What the caller gets: a status, or the end of its connection. */
async function outcomeOf({ caller, answer: answered }: Begun): Promise<number | "cut"> {
  const cut = new Promise<"cut">((resolve) => {
    caller.once("close", () => resolve("cut"));
  });
  const whole = answered.then(async (incoming) => {
    await text(incoming);
    return incoming.statusCode ?? 0;
  });
  return Promise.race([whole.catch(() => "cut" as const), cut]);
}

/** All places are given back. */
async function expectNothingLeft({ caller }: Begun): Promise<void> {
  caller.destroy();
  await until("the end", () => world.state.inFlight === 0);
  expect(world.admission.inFlight).toBe(0);
  expect(world.sentTo().map((origin) => world.at(origin).inFlight)).toEqual(
    world.sentTo().map(() => 0),
  );
}

describe("a call", () => {
  beforeEach(() => {
    world.slices.put("f-1", [A]);
  });

  test("whose small body is there is 500", async () => {
    const upstream = world.at(A);
    jest.spyOn(upstream, "dispatch").mockImplementation(fail);
    const begun = await begin({ method: "POST", headers: { "content-length": "4" } });
    begun.caller.end("abcd");
    expect(await outcomeOf(begun)).toBe(500);
    await expectNothingLeft(begun);
    expect([world.counted, upstream.inFlight]).toEqual([["start", "end 500"], 0]);
  });

  test("that has waited for a pod is 500", async () => {
    world.slices.remove("f-1");
    const begun = await begin();
    begun.caller.end();
    world.slices.put("f-1", [A]);
    jest.spyOn(world.at(A), "dispatch").mockImplementation(fail);
    world.coldStarts[0]?.(undefined);
    expect(await outcomeOf(begun)).toBe(500);
    await expectNothingLeft(begun);
  });

  test("whose time is looked at is 500", async () => {
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
    try {
      const begun = await begin();
      begun.caller.end();
      jest.spyOn(begun.proxy, "transfer").mockImplementation(fail);
      jest.advanceTimersByTime(100);
      expect(await outcomeOf(begun)).toBe(500);
      jest.useRealTimers();
      await expectNothingLeft(begun);
    } finally {
      jest.useRealTimers();
    }
  });

  test("whose function is to be read again is cut", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 200, {});
    begun.proxy.onResponseData(begun.held, Buffer.alloc(16 * 1024 * 1024));
    expect(begun.held.paused).toBe(true);
    begun.held.resume = fail;
    expect(await outcomeOf(begun)).toBe("cut");
    await expectNothingLeft(begun);
    expect(begun.held.aborted).toBe(true);
  });

  test("whose head is sent by itself is cut", async () => {
    const begun = await begin();
    begun.caller.end();
    jest.spyOn(begun.response, "flushHeaders").mockImplementation(fail);
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 200, {});
    expect(await outcomeOf(begun)).toBe("cut");
    await expectNothingLeft(begun);
  });

  test("that cannot be answered at all is cut", async () => {
    const begun = await begin();
    begun.caller.end();
    jest.spyOn(begun.response, "writeHead").mockImplementation(fail);
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseError(begun.held, new TypeError("a fault of ours"));
    expect(await outcomeOf(begun)).toBe("cut");
    await expectNothingLeft(begun);
    expect(world.counted).toEqual(["start", "end 500"]);
  });

  test("gives its place back where its end is not counted", async () => {
    jest.spyOn(world.state.metrics, "end").mockImplementation(fail);
    const begun = await begin();
    begun.caller.end();
    answer(begun, "fine");
    expect(await outcomeOf(begun)).toBe(200);
    await expectNothingLeft(begun);
  });

  test("gives its place back where its request cannot be ended", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.held.abort = fail;
    await expectNothingLeft(begun);
    expect(world.counted).toEqual(["start", "end 499"]);
  });

  test("gives its place back where it cannot even begin", async () => {
    const peers = { peerOf: fail } as unknown as TrustedPeers;
    const begun = beginProxyCall({ server, port, world, peers, health: { isStopping: false } });
    await expect(begun).rejects.toThrow("a fault of ours");
    server.closeAllConnections();
    await until("the end", () => world.state.inFlight === 0);
  });
});

describe("a tunnel", () => {
  /** Node's own pipe calls it without one. */
  const failWithCallback = (callback?: unknown): never =>
    (callback === undefined ? undefined : fail()) as never;
  let clock: CallClock;
  let ends: Record<"client" | "upstream" | "browser" | "pod", Duplex>;

  beforeEach(() => {
    clock = new CallClock();
    const [client, browser] = duplexPair();
    const [upstream, pod] = duplexPair();
    ends = { client, browser, upstream, pod };
    Object.values(ends).forEach((end) => end.on("error", () => undefined).resume());
    const tunnels = new Tunnels();
    new Tunnel({ client, upstream, tunnels, clock, idleMs: 0 }).start();
  });

  const stop = (): unknown =>
    Object.defineProperty(clock, "now", { get: fail, set: () => undefined });

  test.each<[string, () => unknown]>([
    ["what the function sends", () => stop() && ends.pod.write("x")],
    ["what the client sends", () => stop() && ends.browser.write("x")],
    [
      "the client's end",
      () => {
        jest.spyOn(ends.upstream, "end").mockImplementation(failWithCallback);
        return ends.browser.end();
      },
    ],
    [
      "the function's end",
      () => {
        jest.spyOn(ends.client, "end").mockImplementation(failWithCallback);
        return ends.pod.end();
      },
    ],
  ])("ends with both connections after a fault in %s", async (_what, act) => {
    act();
    await until("both ends", () => ends.client.destroyed && ends.upstream.destroyed);
  });

  test("ends after a fault in a look at its time", () => {
    const [client, upstream] = [ends.client, ends.upstream];
    const tunnel = new Tunnel({
      ...{ client, upstream, tunnels: new Tunnels(), clock, idleMs: 0 },
    });
    tunnel.fault(new TypeError("a fault of ours"));
    expect([client.destroyed, upstream.destroyed]).toEqual([true, true]);
  });
});

test("what a worker says is passed over after a fault", () => {
  let listener: ((...message: unknown[]) => void) | undefined;
  const subscribe = (_subject: string, options: { callback: typeof listener }): void => {
    listener = options.callback;
  };
  const loads = new WorkerLoads();
  loads.listen({ subscribe } as never);
  expect(() => listener?.(null, undefined)).not.toThrow();
  expect(loads.sum().running).toBe(0);
});
