/**
 * Time-outs of calls: each kind, who sets it, and what the caller sees. Limits are hours, which go
 * by when a test says so.
 */
import { randomBytes } from "node:crypto";
import type { RequestListener, ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { moveClock } from "../../support/clock.ts";
import { TestGateway } from "../../support/gateway.ts";
import { RawConnection, send, WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

/** Over after the second `passTime`. */
const LIMIT = "2h";
const STEP_MS = 90 * 60_000;
/** Where it is another limit that counts. */
const NO_IDLE_LIMIT = { "plonk/idle-timeout": "0" };
const NO_LIMIT = { ...NO_IDLE_LIMIT, "plonk/call-timeout": "0" };

/** The last chunk of an answer that is whole. */
const LAST_CHUNK = "\r\n0\r\n\r\n";

let gateway: TestGateway;
let sentinels = 0;

beforeAll(async () => {
  gateway = await TestGateway.start({ read_timeout: LIMIT, write_timeout: LIMIT });
  await serve("sentinel", { labels: { "plonk/call-timeout": "1h" } }, () => (sentinels += 1));
});

afterAll(() => gateway.stop());

async function serve(name: string, spec: object, handler: RequestListener): Promise<void> {
  const port = await gateway.pod(handler);
  gateway.declare(name, spec);
  gateway.route(name, [port]);
  await gateway.settle();
}

/** Lets three quarters of the limit go by, and the gateway look at all calls after that. */
async function passTime(): Promise<void> {
  const before = sentinels;
  const sentinel = send(`${gateway.url}/function/sentinel`);
  await until("the call with the shortest limit", () => sentinels > before);
  moveClock(STEP_MS);
  expect((await sentinel).status).toBe(504);
}

interface Opened {
  client: RawConnection;
  /** Not begun yet. */
  response: ServerResponse;
}

/** Calls a function of this name and specification, and waits until it has been called. */
async function open(name: string, spec: object): Promise<Opened> {
  const called = Promise.withResolvers<ServerResponse>();
  await serve(name, spec, (_request, response) => called.resolve(response));
  const client = get(name);
  return { client, response: await called.promise };
}

function get(name: string, ...headers: string[]): RawConnection {
  const lines = [`GET /function/${name} HTTP/1.1`, "Host: a", ...headers, "", ""];
  return new RawConnection(gateway.url).write(...lines);
}

/** Begins a stream, which the caller sees begin. */
async function begin({ client, response }: Opened, type = "text/plain"): Promise<void> {
  response.writeHead(200, { "content-type": type });
  await say({ client, response }, "begun");
}

async function say({ client, response }: Opened, word: string): Promise<void> {
  response.write(word);
  await client.waitFor(word);
}

async function expectBrokenOff(client: RawConnection): Promise<void> {
  await client.waitForEnd();
  expect(client.text).toMatch(/^HTTP\/1\.1 200 /);
  expect(client.text).not.toContain(LAST_CHUNK);
}

/** That the limit is over between the first step and the second. */
async function expectTimeout({ client }: Opened): Promise<void> {
  await passTime();
  expect(client.text).toBe("");
  await passTime();
  await client.waitFor("did not answer in time.");
  expect(client.text).toMatch(/^HTTP\/1\.1 504 /);
}

describe("the whole call", () => {
  test("is 504 when nothing was answered, and the function is told to stop", async () => {
    const labels = { "plonk/call-timeout": LIMIT };
    let isCalled = false;
    let isClosed = false;
    await serve("slow", { labels }, (request) => {
      isCalled = true;
      request.socket.once("close", () => (isClosed = true));
    });
    const url = `${gateway.url}/function/slow`;
    const sent = send(url, { headers: { accept: "application/json" } });
    await until("the call", () => isCalled);
    await passTime();
    expect(isClosed).toBe(false);
    await passTime();
    const answer = await sent;
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
    const labels = { ...NO_IDLE_LIMIT, "plonk/call-timeout": LIMIT };
    const opened = await open("endless", { labels });
    await begin(opened);
    const timer = setInterval(() => opened.response.write("x"), 20);
    opened.response.on("close", () => clearInterval(timer));
    await passTime();
    await say(opened, "still here");
    await passTime();
    await expectBrokenOff(opened.client);
  });

  test("has no end where the label is 0", async () => {
    const { client, response } = await open("free", { labels: NO_LIMIT });
    await passTime();
    await passTime();
    response.end("late");
    await client.waitFor("late");
    client.close();
  });

  test("follows exec_timeout, as the watchdog does", async () => {
    await expectTimeout(await open("exec", { environment: { exec_timeout: LIMIT } }));
  });

  test("begins when there is a pod to send it to", async () => {
    gateway.declare("cold", { replicas: 0, labels: { "plonk/call-timeout": LIMIT } });
    await gateway.settle();
    const answer = send(`${gateway.url}/function/cold`);
    await until("a scale request", () =>
      gateway.fake.requests.some(({ path }) => path.endsWith("/cold/scale")),
    );
    await passTime();
    await passTime();
    gateway.route("cold", [await gateway.pod((_request, response) => response.end("awake"))]);
    expect((await answer).body).toBe("awake");
  });
});

describe("the first byte", () => {
  const labels = { ...NO_LIMIT, "plonk/first-byte-timeout": LIMIT };

  test("is waited for no longer than its label says", async () => {
    await expectTimeout(await open("silent", { labels }));
  });

  test("is all that its label is about: the answer may take longer", async () => {
    const opened = await open("long", { labels });
    await begin(opened);
    await passTime();
    await passTime();
    opened.response.end("the end");
    await opened.client.waitFor(`the end${LAST_CHUNK}`);
    opened.client.close();
  });
});

describe("silence", () => {
  const labels = { "plonk/idle-timeout": LIMIT, "plonk/call-timeout": "0" };

  test("breaks a stream off", async () => {
    const opened = await open("stalled", { labels });
    await begin(opened);
    await passTime();
    expect(opened.client.isEnded).toBe(false);
    await passTime();
    await expectBrokenOff(opened.client);
  });

  test("is broken by each chunk", async () => {
    const opened = await open("steady", { labels });
    await begin(opened);
    for (const word of ["one", "two", "three"]) {
      await passTime();
      await say(opened, word);
    }
    opened.response.end("the end");
    await opened.client.waitFor(`the end${LAST_CHUNK}`);
    opened.client.close();
  });

  test("is no fault of server-sent events", async () => {
    const opened = await open("events", { labels });
    await begin(opened, "text/event-stream; charset=utf-8");
    await passTime();
    await passTime();
    opened.response.end("data: 2\n\n");
    await opened.client.waitFor(`data: 2\n\n${LAST_CHUNK}`);
    opened.client.close();
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
    const client = get("ws", ...WEB_SOCKET);
    await client.waitFor("\x81\x02hi");
    await passTime();
    expect(client.text).not.toContain("\x88");
    await passTime();
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
    await serve("sink", { labels: NO_LIMIT }, (request) => request.resume());
    const lines = ["POST /function/sink HTTP/1.1", "Host: a", header, "Expect: 100-continue"];
    const client = new RawConnection(gateway.url).write(...lines, "", "");
    // The gateway has the call, and waits for the body.
    await client.waitFor("HTTP/1.1 100 Continue\r\n\r\n");
    client.write("1\r\nx");
    await passTime();
    expect(client.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    await passTime();
    await client.waitFor("The body of the request did not come in time.");
    expect(client.text).toContain("HTTP/1.1 408 ");
    client.close();
  });

  test("that leaves its answer unread is hung up on", async () => {
    let isClosed = false;
    const block = randomBytes(65_536);
    await serve("firehose", { labels: NO_LIMIT }, (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(block)) {}
        response.once("drain", more);
      };
      response.once("close", () => (isClosed = true));
      more();
    });
    const client = new RawConnection(gateway.url);
    client.socket.pause();
    client.write("GET /function/firehose HTTP/1.1", "Host: a", "", "");
    // The time counts from when the buffers in between are full, which nobody can see.
    await until("the end", async () => {
      await passTime();
      return isClosed;
    });
    client.close();
  });

  test("may take its time as long as bytes move", async () => {
    let length = 0;
    await serve("patient", { labels: NO_LIMIT }, (request, response) => {
      request.on("data", (chunk: Buffer) => (length += chunk.length));
      request.on("end", () => response.end(`got ${length}`));
    });
    const client = new RawConnection(gateway.url);
    client.write("POST /function/patient HTTP/1.1", "Host: a", "Content-Length: 200000", "", "");
    for (let step = 1; step <= 4; step++) {
      client.write("x".repeat(50_000));
      await until("the function to have it", () => length === step * 50_000);
      await passTime();
    }
    await client.waitFor("got 200000");
    client.close();
  });
});
