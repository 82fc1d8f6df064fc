/** Faults of ours on the way to a function end a call and its connection, and nothing else. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Connection } from "../../../../services/gateway/upstream/connection.ts";
import { Endpoints } from "../../../../services/gateway/upstream/endpoints.ts";
import { Slab } from "../../../../services/gateway/upstream/slabs.ts";
import { SilentUpstream, SliceFeed } from "../../../support/call-parts.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { beginCallTo, KeptAnswer } from "../../../support/kept-answer.ts";
import { PlayedServer } from "../../../support/played-server.ts";
import { until } from "../../../support/until.ts";

const FAULT = new TypeError("a fault of ours");

const fail = (): never => {
  throw FAULT;
};

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe("a call whose handler fails", () => {
  let server: PlayedServer;

  beforeEach(async () => {
    server = await PlayedServer.start();
  });

  afterEach(() => server.stop());

  test.each(["onRequestStart", "onResponseStart", "onResponseData", "onResponseEnd"] as const)(
    "in %s hears of it, and others go on",
    async (method) => {
      const handler = new KeptAnswer();
      jest.spyOn(handler, method).mockImplementation(fail);
      await expect(beginCallTo(server.upstream, {}, handler).ended).rejects.toBe(FAULT);
      expect((await beginCallTo(server.upstream).ended).body).toBe("ok");
    },
  );

  test("for want of memory hears of it", async () => {
    const length = 100_000;
    server.play = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      setTimeout(() => socket.write(Buffer.alloc(length)), 20);
    };
    jest.spyOn(Slab, "take").mockImplementation(fail);
    await expect(beginCallTo(server.upstream).ended).rejects.toBe(FAULT);
  });

  test.each([
    ["an answer that is none", (): void => void server.last.write("no answer")],
    ["an end", (): void => void server.last.end()],
    ["a reset", (): void => void server.last.resetAndDestroy()],
  ])("while it hears of %s has another way to hear of it", async (_what, act) => {
    server.play = () => undefined;
    const handler = new KeptAnswer();
    jest.spyOn(handler, "onResponseError").mockImplementation(fail);
    const call = beginCallTo(server.upstream, {}, handler);
    await until("the request", () => server.received.length === 1);
    act();
    await expect(call.ended).rejects.toBe(FAULT);
    await until("no connection", () => server.upstream.size === 0);
  });

  test("while it is broken off has that way, too", async () => {
    server.play = () => undefined;
    const handler = new KeptAnswer();
    jest.spyOn(handler, "onResponseError").mockImplementation(fail);
    const call = beginCallTo(server.upstream, {}, handler);
    await until("the request", () => server.received.length === 1);
    call.control?.abort(new Error("gone"));
    await expect(call.ended).rejects.toBe(FAULT);
  });

  test("where its connection is opened or closed late goes with it", async () => {
    const connection = new Connection({
      ...{ hostname: "127.0.0.1", port: server.port, host: "f.example", connectMs: 60_000 },
      onFree: fail,
      onClosed: fail,
    });
    const handler = new KeptAnswer();
    connection.send({ method: "GET", path: "/", headers: [], body: undefined }, handler);
    await expect(handler.ended).rejects.toBe(FAULT);
  });
});

test("connections that grow old are looked at again after a fault", async () => {
  fakeOnly("setInterval", "clearInterval", "performance");
  const server = await PlayedServer.start();
  await beginCallTo(server.upstream).ended;
  const destroy = jest.spyOn(Connection.prototype, "destroy").mockImplementationOnce(fail);
  await jest.advanceTimersByTimeAsync(3000);
  expect(destroy).toHaveBeenCalled();
  destroy.mockRestore();
  server.last.destroy();
  await server.stop();
});

describe("pods that leave or were left over", () => {
  test.each([
    ["leave", "http://192.0.2.1:80"],
    ["are left over", "http://192.0.2.1:80"],
  ])("%s though somebody who hears of it fails", (what, origin) => {
    fakeOnly("setTimeout", "clearTimeout");
    const slices = new SliceFeed();
    const endpoints = new Endpoints(slices.watch, {
      createUpstream: (at) => new SilentUpstream(at),
    });
    slices.put("f-1", [origin], { metadata: { name: "f-1", resourceVersion: "1" } });
    if (what === "leave") {
      slices.put("f-1", [], { pods: [{ id: origin, origin, isLeaving: true }] });
    } else {
      endpoints.abandon("fn/f", "2");
    }
    const heard = jest.fn(fail);
    endpoints.on("change", heard);
    jest.advanceTimersByTime(60_000);
    expect([heard.mock.calls.length, endpoints.has("fn/f")]).toEqual([1, what !== "leave"]);
  });

  test("are closed without a word where that fails", async () => {
    const slices = new SliceFeed();
    const upstream = new SilentUpstream("http://192.0.2.1:80");
    const close = jest.spyOn(upstream, "close").mockRejectedValue(FAULT);
    new Endpoints(slices.watch, { createUpstream: () => upstream });
    slices.put("f-1", [upstream.origin]);
    slices.remove("f-1");
    await new Promise((resolve) => setImmediate(resolve));
    expect(close).toHaveBeenCalledTimes(1);
  });
});
