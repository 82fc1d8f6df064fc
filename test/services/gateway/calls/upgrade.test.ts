/** A handshake between a client and a function, both of them played by the test. */
import type { IncomingMessage } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { CallGuard } from "../../../../services/gateway/auth/call-guard.ts";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import type { FunctionStates } from "../../../../services/gateway/calls/function-states.ts";
import { Tunnels } from "../../../../services/gateway/calls/tunnel.ts";
import { upgrade } from "../../../../services/gateway/calls/upgrade.ts";
import { failures } from "../../../../services/gateway/errors.ts";
import { TrustedPeers } from "../../../../services/gateway/http/trusted-peers.ts";
import type { UpgradeHandler } from "../../../../services/gateway/upstream/upstream.ts";
import { errorOf, HeldRequest, type SentCall } from "../../../support/call-parts.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { fakeOnly } from "../../../support/clock.ts";

const A = "http://192.0.2.1:80";

let world: CallWorld;
let tunnels: Tunnels;
let guard: CallGuard | undefined;
let browser: Duplex;
let socket: Duplex;
let received: string;
let held: HeldRequest;

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance");
  world = new CallWorld();
  world.slices.put("f-1", [A]);
  tunnels = new Tunnels();
  guard = undefined;
  received = "";
  held = new HeldRequest();
  [socket, browser] = duplexPair();
  browser.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  browser.on("error", () => undefined);
});

afterEach(() => {
  [socket, browser].forEach((end) => end.destroy());
  jest.useRealTimers();
});

/** Lets streams and promises do what they have to. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Parts {
  url?: string;
  headers?: Record<string, string>;
  head?: string;
}

async function open({ url = "/function/f/chat?a=1", headers = {}, head = "" }: Parts = {}) {
  const all = { host: "h", upgrade: "websocket", connection: "Upgrade", "x-a": "1", ...headers };
  const request = {
    ...{ url, method: "GET", headers: all, rawHeaders: Object.entries(all).flat() },
    socket: { remoteAddress: "198.51.100.7", remotePort: 5 },
  };
  const states = {
    find: (segment: string) => (segment === "f" ? world.state : undefined),
    explain: (segment: string) => failures.functionNotFound(`${segment}.fn`),
  };
  await upgrade(
    {
      ...world.context,
      marks: new QueueMarks(undefined, world.log.logger),
      ...{ guard, tunnels, peers: new TrustedPeers(), health: { isStopping: false } },
      states: states as unknown as FunctionStates,
    },
    { request: request as unknown as IncomingMessage, socket, head: Buffer.from(head) },
  );
  await settle();
}

const sent = (): SentCall[] => world.at(A).sent;
const handler = (): UpgradeHandler => sent()[0]?.handler as UpgradeHandler;

/** The function agrees; returns the gateway's end of the connection, and what came at the other. */
async function agree(
  headers: Record<string, string> = {},
): Promise<{ upstream: Duplex; got: Buffer[] }> {
  const [upstream, pod] = duplexPair();
  const got: Buffer[] = [];
  pod.on("data", (chunk: Buffer) => got.push(chunk));
  handler().onRequestStart(held);
  handler().onRequestUpgrade(held, 101, { "sec-websocket-accept": "abc", ...headers }, upstream);
  await settle();
  return { upstream, got };
}

const statusOf = (): string => received.split(" ")[1] ?? "";

describe("a fault of ours", () => {
  const fail = (): never => {
    throw new TypeError("a fault of ours");
  };

  async function expectNothingLeft(): Promise<void> {
    [browser, socket].forEach((end) => end.destroy());
    await settle();
    const { inFlight } = world.at(A);
    expect([world.state.upgraded, world.admission.upgraded, inFlight]).toEqual([0, 0, 0]);
  }

  test("after a wait for a pod is 500", async () => {
    world.slices.remove("f-1");
    await open();
    world.slices.put("f-1", [A]);
    jest.spyOn(world.at(A), "dispatchUpgrade").mockImplementation(fail);
    world.coldStarts[0]?.(undefined);
    await settle();
    expect(statusOf()).toBe("500");
    await expectNothingLeft();
  });

  test.each<[string, () => unknown]>([
    ["the answer", () => handler().onResponseError(held, new TypeError("a fault of ours"))],
    ["both connections together", () => jest.spyOn(socket, "write").mockImplementation(fail)],
    ["the end", () => jest.spyOn(socket, "end").mockImplementation(fail)],
    ["the next part", () => (held.resume = fail)],
  ])("in %s ends the connection", async (what, act) => {
    await open();
    handler().onRequestStart(held);
    if (what === "the next part") {
      handler().onResponseStart(held, 200, {});
      handler().onResponseData(held, Buffer.alloc(1024 * 1024));
    }
    act();
    if (what === "both connections together") {
      expect((await agree()).upstream.destroyed).toBe(true);
    } else if (what === "the end") {
      handler().onResponseEnd();
    }
    await settle();
    expect([socket.destroyed, statusOf()]).toEqual(
      what === "the answer" ? [false, "500"] : [true, expect.anything()],
    );
    await expectNothingLeft();
  });
});

describe("a handshake", () => {
  test("goes to the function as it came, and ends in a tunnel", async () => {
    await open({ head: "early" });
    const { path, method, upgrade: protocol, headers } = sent()[0]?.request ?? {};
    expect({ path, method, protocol }).toEqual({
      path: "/chat?a=1",
      method: "GET",
      protocol: "websocket",
    });
    expect(headers).toEqual(expect.arrayContaining(["x-a", "1"]));
    expect(headers).not.toContain("Upgrade");
    const { got } = await agree();
    expect(received).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\nsec-websocket-accept: abc\r\nX-Call-Id: [^\r]+\r\n/,
    );
    expect(received.endsWith("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")).toBe(true);
    const { inFlight, upgraded } = world.state;
    expect([Buffer.concat(got).toString(), tunnels.size]).toEqual(["early", 1]);
    expect([inFlight, upgraded]).toEqual([0, 1]);
    browser.end();
    await settle();
    expect([tunnels.size, world.state.upgraded, world.counted]).toEqual([
      0,
      0,
      ["start", "end 101"],
    ]);
  });

  test("names the protocol that the function has chosen", async () => {
    await open();
    await agree({ upgrade: "WebSocket" });
    expect(received.endsWith("Upgrade: WebSocket\r\n\r\n")).toBe(true);
  });

  test("is not made a second time where it was lost", async () => {
    await open();
    handler().onRequestStart(held);
    handler().onResponseError(held, errorOf("ECONNRESET"));
    await settle();
    expect([statusOf(), sent().length, world.counted]).toEqual(["502", 1, ["start"]]);
    browser.end();
    await settle();
    await jest.advanceTimersByTimeAsync(500);
    await settle();
    expect(world.counted).toEqual(["start", "end 502"]);
  });

  test("that comes too late finds nobody, and the function's side is ended", async () => {
    await open();
    handler().onRequestStart(held);
    browser.destroy();
    socket.destroy();
    await settle();
    expect([held.aborted, world.counted]).toEqual([true, ["start", "end 499"]]);
    const { upstream } = await agree();
    expect([upstream.destroyed, tunnels.size]).toEqual([true, 0]);
  });

  test.each([
    [1000, 9000, "504"],
    [0, 2000, "504"],
    [0, 0, ""],
  ])(
    "waits %d ms for a first byte, of a call of %d ms: %s",
    async (firstByteMs, callMs, status) => {
      Object.assign(world.state.timeouts, { firstByteMs, callMs });
      await open();
      handler().onRequestStart(held);
      await jest.advanceTimersByTimeAsync(2200);
      await settle();
      expect(statusOf()).toBe(status);
    },
  );

  test("has no limit of a call once it is made", async () => {
    Object.assign(world.state.timeouts, { firstByteMs: 1000, callMs: 1000 });
    await open();
    await agree();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([statusOf(), tunnels.size, socket.destroyed]).toEqual(["101", 1, false]);
  });

  test("is measured until it is made: what follows may take days", async () => {
    await open();
    await jest.advanceTimersByTimeAsync(2000);
    await agree();
    await jest.advanceTimersByTimeAsync(3_600_000);
    browser.destroy();
    socket.destroy();
    await settle();
    expect(world.counted).toEqual(["start", "end 101"]);
    expect(Math.round(world.seconds)).toBe(2);
  });
});

describe("a function that does not agree", () => {
  test("sends no more than is read, and is given up when nothing is for too long", async () => {
    world = new CallWorld({ writeTimeoutMs: 1000 });
    world.slices.put("f-1", [A]);
    await open();
    browser.pause();
    handler().onRequestStart(held);
    handler().onResponseStart(held, 200, {});
    const chunk = Buffer.alloc(64 * 1024);
    for (let sentChunks = 0; !held.paused; sentChunks++) {
      expect(sentChunks).toBeLessThan(10);
      handler().onResponseData(held, chunk);
    }
    browser.resume();
    await settle();
    expect(held.paused).toBe(false);
    browser.pause();
    Array.from({ length: 10 }, () => handler().onResponseData(held, chunk));
    await jest.advanceTimersByTimeAsync(1200);
    await settle();
    expect([socket.destroyed, held.aborted, world.counted]).toEqual([
      ...[true, true],
      ["start", "end 200"],
    ]);
  });

  test("is heard by the client, whose connection ends after that", async () => {
    await open();
    handler().onRequestStart(held);
    handler().onResponseStart(held, 103, {});
    handler().onResponseStart(held, 426, { "content-type": "text/plain" });
    handler().onResponseData(held, Buffer.from("no"));
    handler().onResponseEnd();
    await settle();
    expect(received).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\ncontent-type: text\/plain\r\n/);
    expect(received.endsWith("Connection: close\r\n\r\nno")).toBe(true);
    await jest.advanceTimersByTimeAsync(500);
    await settle();
    expect([socket.destroyed, world.counted]).toEqual([true, ["start", "end 426"]]);
  });
});

describe("what is no handshake with a function", () => {
  test.each([
    ["/", "404", "404 page not found\n"],
    ["/system/info", "404", "404 page not found\n"],
    ["/function/", "404", "404 page not found\n"],
    ["/function//f", "404", "404 page not found\n"],
    ["/function/g/../f", "404", "404 page not found\n"],
    ["/async-function/f", "404", "404 page not found\n"],
    ["*", "404", "404 page not found\n"],
    ["/function/g", "404", "error finding function g.fn"],
  ])("%s is refused with %s", async (url, status, text) => {
    await open({ url });
    expect([statusOf(), received.split("\r\n\r\n")[1]]).toEqual([status, text]);
    expect([world.sentTo(), world.state.upgraded]).toEqual([[], 0]);
  });

  test("is refused in JSON to who asks for it, with the call's id", async () => {
    await open({ url: "/function/g", headers: { accept: "application/json", "x-call-id": "me" } });
    expect(JSON.parse(received.split("\r\n\r\n")[1] ?? "")).toEqual({
      code: "PLONK_FUNCTION_NOT_FOUND",
      message: "error finding function g.fn",
      callId: "me",
    });
  });

  test("because the function is busy says when to come again, and takes no place", async () => {
    world.state.maxInflight = 1;
    world.state.upgraded = 1;
    await open();
    expect(statusOf()).toBe("429");
    expect(received).toContain("\r\nRetry-After: 1\r\n");
    expect([world.state.upgraded, world.counted]).toEqual([1, ["refuse PLONK_TOO_MANY_CALLS"]]);
  });
});

describe("a private function", () => {
  beforeEach(() => {
    world.state.isPrivate = true;
  });

  test("is not reached by who may not call it", async () => {
    guard = { check: () => failures.unauthorized("Basic") };
    await open();
    expect([statusOf(), world.sentTo()]).toEqual(["401", []]);
    expect(received).toContain("\r\nWWW-Authenticate: Basic\r\n");
  });

  test("is reached by who may", async () => {
    guard = { check: () => undefined };
    await open();
    expect(world.sentTo()).toEqual([A]);
  });

  test("is not called for a client that has gone while it was asked", async () => {
    guard = {
      check: () => {
        socket.destroy();
        return Promise.resolve(undefined);
      },
    };
    await open();
    expect([world.sentTo(), world.state.upgraded, world.counted]).toEqual([[], 0, []]);
  });
});
