/** One place that calls go to: its connections, its failures, its end. */
import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Upstream, type UpstreamOptions } from "../../../../services/gateway/upstream/upstream.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { beginCallTo } from "../../../support/kept-answer.ts";
import { stopServer } from "../../../support/network.ts";
import { until } from "../../../support/until.ts";

const onTestEnd = collectCleanups(afterEach);

afterEach(() => {
  jest.useRealTimers();
});

async function serve(handler: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(handler);
  // A connection that is closed while it is used again would be a failed call.
  server.keepAliveTimeout = 65_000;
  onTestEnd(() => stopServer(server));
  return { server, port: await listen(server, 0, "127.0.0.1") };
}

function create(options: Partial<UpstreamOptions> & { origin: string }): Upstream {
  // A connection that the system has made is too late where the machine was busy meanwhile.
  return new Upstream({ connectMs: 60_000, ...options });
}

async function call(upstream: Upstream, path = "/"): Promise<string> {
  const { body } = await beginCallTo(upstream, { path }).ended;
  return body;
}

describe("an upstream's connections", () => {
  test("are made with the first call and kept for the next", async () => {
    // It does not grow old meanwhile, however busy the machine is.
    fakeOnly("performance");
    let connections = 0;
    const { server, port } = await serve(({ url }, response) => response.end(url));
    server.on("connection", () => (connections += 1));
    const upstream = create({ origin: `http://127.0.0.1:${port}` });
    expect(connections).toBe(0);
    expect(await call(upstream, "/a")).toBe("/a");
    expect(await call(upstream, "/b")).toBe("/b");
    expect(connections).toBe(1);
  });

  test("are as many as there are calls at a time, none of which waits for another", async () => {
    const waiting: (() => void)[] = [];
    const { port } = await serve((_request, response) => {
      waiting.push(() => response.end("x"));
      if (waiting.length === 20) {
        waiting.forEach((end) => end());
      }
    });
    const upstream = create({ origin: `http://127.0.0.1:${port}` });
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(upstream)));
    expect(answers).toEqual(Array(20).fill("x"));
  });

  test("go where a test says that the name is", async () => {
    const { port } = await serve(({ headers }, response) => response.end(headers.host));
    const asked: string[] = [];
    const upstream = create({
      origin: "http://f.fn.svc:8080",
      locate: (hostname) => {
        asked.push(hostname);
        return { hostname: "127.0.0.1", port: String(port) };
      },
    });
    expect([await call(upstream), asked]).toEqual(["f.fn.svc:8080", ["f.fn.svc"]]);
  });

  test("that are refused fail the call at once", async () => {
    // Nobody can have come by this port meanwhile, as by one that was free a moment ago.
    await expect(call(create({ origin: "http://127.0.0.1:1" }))).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
  });

  test("are given up by the function's own keep-alive before it ends", async () => {
    const { port } = await serve((_request, response) => {
      response.setHeader("keep-alive", "timeout=1");
      response.end("x");
    });
    const upstream = create({ origin: `http://127.0.0.1:${port}` });
    expect(await call(upstream)).toBe("x");
    await until("no connection", () => upstream.connections === 0);
  });

  test("take heads of up to 64 KiB, and no larger ones", async () => {
    const { port } = await serve(({ url = "" }, response) => {
      response.setHeader("x-large", "x".repeat(Number(url.slice(1))));
      response.end("fine");
    });
    const upstream = create({ origin: `http://127.0.0.1:${port}` });
    expect(await call(upstream, "/60000")).toBe("fine");
    await expect(call(upstream, "/70000")).rejects.toMatchObject({
      code: "UPSTREAM_HEAD_SIZE",
    });
  });
});

describe("an upstream that is ejected", () => {
  test("is so for two seconds from the first failure on", () => {
    fakeOnly("setTimeout", "clearTimeout");
    const upstream = new Upstream({ origin: "http://192.0.2.1:80", connectMs: 1 });
    expect(upstream.isEjected).toBe(false);
    upstream.eject();
    jest.advanceTimersByTime(1500);
    upstream.eject();
    expect([upstream.isEjected, jest.getTimerCount()]).toEqual([true, 1]);
    jest.advanceTimersByTime(499);
    expect(upstream.isEjected).toBe(true);
    jest.advanceTimersByTime(1);
    expect(upstream.isEjected).toBe(false);
    upstream.eject();
    expect(upstream.isEjected).toBe(true);
  });
});

describe("an upstream that is closed", () => {
  test("lets the calls in flight end first", async () => {
    let end = (): void => undefined;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const { port } = await serve((_request, response) => {
      end = () => response.end("late");
      begin();
    });
    const upstream = create({ origin: `http://127.0.0.1:${port}` });
    const answer = call(upstream);
    await begun;
    let isClosed = false;
    const closed = upstream.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([upstream.isClosed, isClosed]).toEqual([true, false]);
    end();
    expect(await answer).toBe("late");
    await closed;
    expect(upstream.connections).toBe(0);
  });

  test("without a call makes no connections, and may be closed twice", async () => {
    const upstream = create({ origin: "http://192.0.2.1:80" });
    await Promise.all([upstream.close(), upstream.close()]);
    expect(upstream.isClosed).toBe(true);
  });
});
