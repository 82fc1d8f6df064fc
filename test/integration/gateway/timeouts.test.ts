/** Time-outs of calls: each kind, who sets it, and what the caller sees. */
import { randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { collectEnds } from "../../support/ends.ts";
import { TestGateway } from "../../support/gateway.ts";
import { RawConnection, send, WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
const onTestEnd = collectEnds(afterEach);

beforeAll(async () => {
  gateway = await TestGateway.start({ read_timeout: "300ms", write_timeout: "300ms" });
});

afterAll(() => gateway.stop());

async function serve(
  name: string,
  labels: Record<string, string>,
  handler: RequestListener,
): Promise<string> {
  const port = await gateway.pod(handler);
  gateway.declare(name, { labels });
  gateway.route(name, [port]);
  await gateway.settle();
  return `${gateway.url}/function/${name}`;
}

/** Writes `x` at each step, for as long as anybody listens. */
const trickle =
  (type: string, stepMs: number): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { "content-type": type }).write("x");
    const timer = setInterval(() => response.write("x"), stepMs);
    response.on("close", () => clearInterval(timer));
  };

describe("the whole call", () => {
  test("is 504 when nothing was answered, and the function is told to stop", async () => {
    let isClosed = false;
    const url = await serve("slow", { "plonk/call-timeout": "300ms" }, (request) => {
      request.socket.once("close", () => (isClosed = true));
    });
    const answer = await send(url, { headers: { accept: "application/json" } });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      504,
      {
        code: "PLONK_UPSTREAM_TIMEOUT",
        message: "slow.openfaas-fn did not answer in time.",
        callId: expect.any(String),
      },
    ]);
    await until("the function's connection to close", () => isClosed);
  });

  test("breaks an answer off that has begun, however much it moves", async () => {
    const url = await serve("endless", { "plonk/call-timeout": "1s" }, trickle("a/b", 20));
    await expect(send(url)).rejects.toThrow(/aborted/);
  });

  test("has no end where the label is 0", async () => {
    const url = await serve("free", { "plonk/call-timeout": "0" }, (_request, response) => {
      setTimeout(() => response.end("late"), 700);
    });
    expect((await send(url)).body).toBe("late");
  });

  test("follows exec_timeout, as the watchdog does", async () => {
    const port = await gateway.pod(() => undefined);
    gateway.declare("exec", { environment: { exec_timeout: "200ms" } });
    gateway.route("exec", [port]);
    await gateway.settle();
    expect((await send(`${gateway.url}/function/exec`)).status).toBe(504);
  });

  test("begins when there is a pod to send it to", async () => {
    gateway.declare("cold", { replicas: 0, labels: { "plonk/call-timeout": "2s" } });
    await gateway.settle();
    const answer = send(`${gateway.url}/function/cold`);
    await sleep(2200);
    gateway.route("cold", [await gateway.pod((_request, response) => response.end("awake"))]);
    expect((await answer).body).toBe("awake");
  });
});

describe("the first byte", () => {
  test("is waited for no longer than its label says, while the answer may take longer", async () => {
    const labels = { "plonk/first-byte-timeout": "2s" };
    const never = await serve("silent", labels, () => undefined);
    expect((await send(never)).status).toBe(504);
    const long = await serve("long", labels, (_request, response) => {
      response.write("a");
      setTimeout(() => response.end("b"), 2200);
    });
    expect((await send(long)).body).toBe("ab");
  });
});

describe("silence", () => {
  const labels = { "plonk/idle-timeout": "1s" };

  test("breaks a stream off", async () => {
    const url = await serve("stalled", labels, (_request, response) => response.write("x"));
    await expect(send(url)).rejects.toThrow(/aborted/);
  });

  test("is broken by each chunk", async () => {
    const patient = { "plonk/idle-timeout": "2s" };
    const url = await serve("steady", patient, (_request, response) => {
      [1, 2, 3, 4, 5].forEach((step) => setTimeout(() => response.write("x"), step * 400));
      setTimeout(() => response.end("."), 2400);
    });
    expect((await send(url)).body).toBe("xxxxx.");
  });

  test("is no fault of server-sent events", async () => {
    const url = await serve("events", labels, (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.write("data: 1\n\n");
      setTimeout(() => response.end("data: 2\n\n"), 1200);
    });
    expect((await send(url)).body).toBe("data: 1\n\ndata: 2\n\n");
  });

  test("ends a WebSocket in its own words", async () => {
    const { server, port } = await gateway.podServer((_request, response) => response.end());
    server.on("upgrade", (_request, socket) => {
      socket.on("error", () => undefined);
      const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
      socket.write(`${head}\r\n\r\n\x81\x02hi`, "latin1");
    });
    gateway.declare("ws", { labels });
    gateway.route("ws", [port]);
    await gateway.settle();
    const lines = ["Host: a", ...WEB_SOCKET, "", ""];
    const client = new RawConnection(gateway.url).write("GET /function/ws HTTP/1.1", ...lines);
    await client.waitFor("\x81\x02hi\x88\x02\x03\xe9");
    await client.waitForEnd();
  });
});

describe("a slow caller", () => {
  test.each([
    ["a small body", "Content-Length: 10"],
    ["a large body", "Content-Length: 1000000"],
    ["a chunked body", "Transfer-Encoding: chunked"],
  ])("that stops sending %s gets 408", async (_what, header) => {
    await serve("sink", {}, (request) => request.resume());
    const lines = ["POST /function/sink HTTP/1.1", "Host: a", header, "", ""];
    const client = new RawConnection(gateway.url).write(...lines).write("1\r\nx");
    await client.waitFor("The body of the request did not come in time.");
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    client.close();
  });

  test("that leaves its answer unread is hung up on", async () => {
    let isClosed = false;
    const block = randomBytes(65_536);
    await serve("firehose", { "plonk/call-timeout": "0" }, (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(block));
        response.once("drain", more);
      };
      response.once("close", () => (isClosed = true));
      more();
    });
    const client = new RawConnection(gateway.url);
    client.socket.pause();
    client.write("GET /function/firehose HTTP/1.1", "Host: a", "", "");
    await until("the end", () => isClosed);
    client.close();
  });

  test("may take its time as long as bytes move", async () => {
    const other = await TestGateway.start({ read_timeout: "2s" });
    onTestEnd(() => other.stop());
    await other.serve("patient", (request, response) => {
      let length = 0;
      request.on("data", (chunk: Buffer) => (length += chunk.length));
      request.on("end", () => response.end(`got ${length}`));
    });
    const client = new RawConnection(other.url);
    client.write("POST /function/patient HTTP/1.1", "Host: a", "Content-Length: 140000", "", "");
    for (let step = 0; step < 7; step++) {
      await sleep(350);
      client.write("x".repeat(20_000));
    }
    await client.waitFor("got 140000");
    client.close();
  });
});
