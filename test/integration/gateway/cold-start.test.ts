/** Scale from zero: one request for replicas, a bounded queue, woken by the watch. */
import { createServer } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { FunctionSpec } from "../../../contract/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { holdClock } from "../../support/clock.ts";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { findFreePort, stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

const onTestEnd = collectCleanups(afterEach);
let gateway: TestGateway;

afterEach(() => gateway.stop());

function scaleRequests(): unknown[] {
  return gateway.fake.requests
    .filter(({ path }) => path.endsWith("/scale"))
    .map(({ body }) => (body as { spec: unknown }).spec);
}

async function call(signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway.url}/function/f/x`, {
    method: "POST",
    body: "b",
    signal: signal ?? null,
  });
}

async function sleeping(spec: Partial<FunctionSpec> = {}): Promise<void> {
  gateway.declare("f", { ...spec, replicas: 0 });
  await gateway.settle();
}

describe("a function without replicas", () => {
  test("is scaled once for all that wait, and they are answered when it is ready", async () => {
    gateway = await TestGateway.start();
    await sleeping();
    const calls = Array.from({ length: 20 }, () => call());
    await gateway.untilCalls("waiting", 20);
    await until("a scale request", () => scaleRequests().length > 0);
    await gateway.settle();
    const port = await gateway.pod((_request, response) => response.end("awake"));
    gateway.route("f", [port]);
    const texts = await Promise.all(calls.map(async (response) => (await response).text()));
    expect(new Set(texts)).toEqual(new Set(["awake"]));
    expect(scaleRequests()).toEqual([{ replicas: 1 }]);
  });

  test("is scaled to its minimum", async () => {
    gateway = await TestGateway.start();
    await sleeping({ labels: { "com.openfaas.scale.min": "3" } });
    const pending = call();
    await until("a scale request", () => scaleRequests().length > 0);
    expect(scaleRequests()).toEqual([{ replicas: 3 }]);
    gateway.route("f", [await gateway.pod((_request, response) => response.end())]);
    expect((await pending).status).toBe(200);
  });

  test("is scaled again when somebody takes the replicas away in between", async () => {
    gateway = await TestGateway.start();
    await sleeping();
    const pending = call();
    await until("a scale request", () => scaleRequests().length === 1);
    await gateway.settle();
    gateway.declare("f", { replicas: 0 });
    await until("another scale request", () => scaleRequests().length === 2);
    gateway.route("f", [await gateway.pod((_request, response) => response.end())]);
    expect((await pending).status).toBe(200);
  });

  test("answers 503 with Retry-After when it is not ready in time", async () => {
    gateway = await TestGateway.start({ scale_from_zero_timeout: "200ms" });
    await sleeping();
    const response = await call();
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  });

  test.each([
    ["the gateway", { scale_from_zero_queue: "2" }, {}],
    ["the function", {}, { annotations: { "plonk/max-waiting": "2" } }],
  ])("answers 503 at once to more callers than %s lets wait", async (_who, env, spec) => {
    gateway = await TestGateway.start(env);
    await sleeping(spec);
    const waiting = [call(), call()];
    await gateway.untilCalls("waiting", 2);
    const refused = await call();
    expect([refused.status, await refused.text()]).toEqual([
      503,
      "Too many calls wait for f.openfaas-fn to start.",
    ]);
    gateway.route("f", [await gateway.pod((_request, response) => response.end())]);
    const answered = await Promise.all(waiting);
    expect(answered.map(({ status }) => status)).toEqual([200, 200]);
  });

  test("gives its place in the queue back when a caller goes away", async () => {
    gateway = await TestGateway.start({ scale_from_zero_queue: "1" });
    await sleeping();
    const abort = new AbortController();
    const gone = call(abort.signal).catch(() => "gone");
    await until("a scale request", () => scaleRequests().length > 0);
    abort.abort();
    expect(await gone).toBe("gone");
    await gateway.untilCalls("waiting", 0);
    const waiting = call();
    await gateway.untilCalls("waiting", 1);
    gateway.route("f", [await gateway.pod((_request, response) => response.end())]);
    expect((await waiting).status).toBe(200);
  });

  test("answers 500 with the reason when it cannot be scaled", async () => {
    gateway = await TestGateway.start();
    await sleeping();
    gateway.fake.intercept = ({ path }, response) => {
      if (!path.endsWith("/scale")) {
        return false;
      }
      response.writeHead(403).end(JSON.stringify({ message: "not allowed", reason: "Forbidden" }));
      return true;
    };
    const response = await call();
    expect([response.status, await response.text()]).toEqual([
      500,
      "Can't scale f.openfaas-fn: not allowed",
    ]);
  });

  test("answers 404 when it is deleted while calls wait", async () => {
    gateway = await TestGateway.start();
    await sleeping();
    const pending = call();
    await until("a scale request", () => scaleRequests().length > 0);
    gateway.fake.remove(FUNCTIONS, "f");
    expect((await pending).status).toBe(404);
  });

  test("is no 502 where its port still refuses for a moment after it is said to be ready", async () => {
    gateway = await TestGateway.start();
    await sleeping();
    // It is tried for two seconds.
    onTestEnd(holdClock());
    const calls = Array.from({ length: 10 }, () => call());
    await until("a scale request", () => scaleRequests().length > 0);
    const port = await findFreePort();
    gateway.route("f", [port]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const server = createServer((_request, response) => response.end("awake"));
    onTestEnd(() => stopServer(server));
    await listen(server, port, "127.0.0.1");
    const answers = await Promise.all(calls);
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  });
});
