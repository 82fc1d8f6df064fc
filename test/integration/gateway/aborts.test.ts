/** Callers that go away: whatever goes on for them ends, and their places are free again. */
import type { IncomingMessage, RequestListener } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { RawConnection, WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
/** What pods have seen of each call: `begin /path`, `end /path`, `gone /path`. */
let seen: string[] = [];

beforeEach(async () => {
  seen = [];
  gateway = await TestGateway.start();
});

afterEach(() => gateway.stop());

const watchful: RequestListener = (request, response) => {
  const { url = "" } = request;
  seen.push(`begin ${url}`);
  request.resume();
  request.once("end", () => seen.push(`end ${url}`));
  response.once("close", () => {
    if (!response.writableFinished) {
      seen.push(`gone ${url}`);
    }
  });
};

function open(...lines: string[]): RawConnection {
  return new RawConnection(gateway.url).write(...lines, "Host: a", "", "");
}

/** Waits until the metrics say how many calls of `f` have ended without an answer. */
function untilGone(count: number): Promise<void> {
  const line = `gateway_function_invocation_total{code="499",function_name="f.openfaas-fn"} ${count}`;
  return until(line, async () => (await gateway.metrics()).includes(line));
}

describe("a caller that goes away", () => {
  test("while the function thinks ends the call", async () => {
    await gateway.serve("f", watchful);
    const client = open("GET /function/f/a HTTP/1.1");
    await until("the call", () => seen.includes("begin /a"));
    client.close();
    await until("the end", () => seen.includes("gone /a"));
    await untilGone(1);
  });

  test("while it uploads ends the call, whose body is never taken for whole", async () => {
    await gateway.serve("f", watchful);
    const client = open("POST /function/f/a HTTP/1.1", "Content-Length: 1000000");
    client.write("x".repeat(200_000));
    await until("the call", () => seen.includes("begin /a"));
    client.close();
    await until("the end", () => seen.includes("gone /a"));
    expect(seen).not.toContain("end /a");
  });

  test("before a small body is whole is never sent to the function", async () => {
    await gateway.serve("f", watchful);
    const client = open("POST /function/f/a HTTP/1.1", "Content-Length: 10").write("x");
    await gateway.untilCalls("in_flight", 1);
    client.close();
    await untilGone(1);
    expect(seen).toEqual([]);
  });

  test("while the function starts leaves nothing that would be sent later", async () => {
    gateway.declare("f", { replicas: 0, labels: { "plonk/max-inflight": "1" } });
    await gateway.settle();
    const client = open("POST /function/f/a HTTP/1.1", "Content-Length: 1000000").write("x");
    await until("a scale request", () =>
      gateway.fake.requests.some(({ path }) => path.endsWith("/scale")),
    );
    client.close();
    await untilGone(1);
    gateway.route("f", [await gateway.pod(watchful)]);
    await gateway.settle();
    open("GET /function/f/b HTTP/1.1");
    await until("the next call", () => seen.includes("begin /b"));
    expect(seen).not.toContain("begin /a");
  });

  test("ends all of its pipelined calls, also those whose answers wait", async () => {
    await gateway.serve("f", watchful);
    const client = new RawConnection(gateway.url);
    for (const path of ["a", "b", "c"]) {
      client.write(`POST /function/f/${path} HTTP/1.1`, "Host: a", "Content-Length: 1", "", "x");
    }
    await until("the calls", () => seen.filter((line) => line.startsWith("begin")).length === 3);
    client.close();
    await until("their ends", () => seen.filter((line) => line.startsWith("gone")).length === 3);
    await untilGone(3);
  });

  test("while a handshake waits for a cold start gives its place back", async () => {
    gateway.declare("f", { replicas: 0, labels: { "plonk/max-inflight": "1" } });
    await gateway.settle();
    const lines = ["GET /function/f HTTP/1.1", ...WEB_SOCKET];
    const client = open(...lines);
    await until("a scale request", () =>
      gateway.fake.requests.some(({ path }) => path.endsWith("/scale")),
    );
    client.close();
    await untilGone(1);
    const upgrades: IncomingMessage[] = [];
    const { server, port } = await gateway.podServer(watchful);
    server.on("upgrade", (request, socket) => {
      upgrades.push(request);
      socket.destroy();
    });
    gateway.route("f", [port]);
    await gateway.settle();
    expect(upgrades).toHaveLength(0);
    const next = open("GET /function/f/b HTTP/1.1");
    await until("the next call", () => seen.includes("begin /b"));
    next.close();
  });
});
