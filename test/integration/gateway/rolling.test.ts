/** Pods that come and go: no call is lost, and none is sent to a pod that leaves. */
import type { RequestListener, Server, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { holdClock } from "../../support/clock.ts";
import { TestGateway } from "../../support/gateway.ts";
import { findFreePort } from "../../support/network.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
const onTestEnd = collectCleanups(afterEach);

beforeEach(async () => {
  gateway = await TestGateway.start();
});

afterEach(() => gateway.stop());

const named =
  (name: string, counts: Record<string, number>): RequestListener =>
  (request, response) => {
    counts[name] = (counts[name] ?? 0) + 1;
    request.resume().on("end", () => setTimeout(() => response.end(name), 5));
  };

async function call(method = "POST"): Promise<string> {
  const body = method === "GET" ? null : "x";
  const response = await fetch(`${gateway.url}/function/f`, { method, body });
  return response.ok ? response.text() : `${response.status}`;
}

describe("several pods", () => {
  test("share the calls evenly", async () => {
    // All at once: a pod that had answered meanwhile would rightly get more.
    const held: [string, ServerResponse][] = [];
    const hold =
      (name: string): RequestListener =>
      (request, response) => {
        request.resume();
        held.push([name, response]);
      };
    await gateway.serve("f", hold("a"), hold("b"), hold("c"));
    const calls = Array.from({ length: 60 }, () => call());
    await until("all calls", () => held.length === 60);
    held.forEach(([name, response]) => response.end(name));
    const names = await Promise.all(calls);
    expect(["a", "b", "c"].map((name) => names.filter((other) => other === name).length)).toEqual([
      20, 20, 20,
    ]);
  });

  test("stand in for one that refuses, also for POST", async () => {
    const counts: Record<string, number> = {};
    const [port] = await gateway.serve("f", named("a", counts));
    gateway.route("f", [port ?? 0, await findFreePort()]);
    await gateway.settle();
    const answers = await Promise.all(Array.from({ length: 20 }, () => call()));
    expect(new Set(answers)).toEqual(new Set(["a"]));
  });

  test("stand in once for one that is full, also for POST, and each call counts once", async () => {
    const counts: Record<string, number> = {};
    const full: RequestListener = (request, response) => {
      counts["full"] = (counts["full"] ?? 0) + 1;
      request.resume();
      // As watchdogs say it.
      response.statusCode = 429;
      response.setHeader("x-openfaas-internal", "faas-middleware").end("full");
    };
    const [, port = 0] = await gateway.serve("f", named("a", counts), full);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call()));
    expect([new Set(answers), counts["a"]]).toEqual([new Set(["a"]), 20]);
    expect(counts["full"]).toBeGreaterThan(0);
    const total = (code: number): RegExp =>
      new RegExp(`^gateway_function_invocation_total\\{[^}]*code="${code}"[^}]*\\} (\\d+)$`, "m");
    const metrics = await gateway.metrics();
    expect([total(200).exec(metrics)?.[1], total(429).exec(metrics)]).toEqual(["20", null]);
    gateway.route("f", [port]);
    await gateway.settle();
    const before = counts["full"] ?? 0;
    expect([await call(), counts["full"]]).toEqual(["429", before + 1]);
  });

  test("stand in for one that hangs up, for methods that may be repeated", async () => {
    const counts: Record<string, number> = {};
    await gateway.serve("f", named("a", counts), (request) => request.socket.destroy());
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("GET")));
    expect(new Set(answers)).toEqual(new Set(["a"]));
  });

  test("that all refuse are waited out until another one is ready", async () => {
    const counts: Record<string, number> = {};
    gateway.declare("f");
    gateway.route("f", [await findFreePort()]);
    await gateway.settle();
    // They are tried for two seconds.
    onTestEnd(holdClock());
    const answer = call();
    const port = await gateway.pod(named("new", counts));
    gateway.route("f", [port]);
    expect(await answer).toBe("new");
  });
});

describe("a rolling update", () => {
  test("loses no call while each pod leaves in order", async () => {
    const counts: Record<string, number> = {};
    const servers: { server: Server; port: number }[] = [];
    for (const name of ["old-1", "old-2"]) {
      servers.push(await gateway.podServer(named(name, counts)));
    }
    gateway.declare("f");
    gateway.route(
      "f",
      servers.map(({ port }) => port),
    );
    await gateway.settle();
    let isRunning = true;
    const answers: Record<string, number> = {};
    const callers = Array.from({ length: 8 }, async () => {
      while (isRunning) {
        const answer = await call();
        answers[answer] = (answers[answer] ?? 0) + 1;
      }
    });
    const areCalled = (...names: string[]): Promise<void> =>
      until(`calls of ${names.join(" and ")}`, () =>
        names.every((name) => (answers[name] ?? 0) > 0),
      );
    await areCalled("old-1", "old-2");
    for (const index of [1, 2]) {
      const added = await gateway.podServer(named(`new-${index}`, counts));
      const leaving = servers.shift();
      servers.push(added);
      gateway.route("f", [
        ...servers.map(({ port }) => port),
        { port: leaving?.port ?? 0, conditions: { serving: true, terminating: true } },
      ]);
      await gateway.settle();
      leaving?.server.close();
      leaving?.server.closeIdleConnections();
      await gateway.settle();
      gateway.route(
        "f",
        servers.map(({ port }) => port),
      );
      await gateway.settle();
      await areCalled(`new-${index}`);
    }
    isRunning = false;
    await Promise.all(callers);
    expect(Object.keys(answers).sort()).toEqual(["new-1", "new-2", "old-1", "old-2"]);
  });
});
