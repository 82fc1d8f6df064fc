/** Calls on real connections to servers that a test plays. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { StreamedBody } from "../../../../services/gateway/http/request-body.ts";
import type { Connections } from "../../../../services/gateway/upstream/connections.ts";
import type { CallControl } from "../../../../services/gateway/upstream/exchange.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { beginCallTo, KeptAnswer } from "../../../support/kept-answer.ts";
import { PlayedServer } from "../../../support/played-server.ts";
import { until } from "../../../support/until.ts";

let server: PlayedServer;
let upstream: Connections;

beforeEach(async () => {
  // Connections grow old when a test says so, and not while a machine is busy.
  fakeOnly("setInterval", "clearInterval", "performance");
  server = await PlayedServer.start();
  upstream = server.upstream;
});

afterEach(async () => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  await server.stop();
});

function createStream(length?: number): { source: PassThrough; body: StreamedBody } {
  const source = new PassThrough();
  const headers = length === undefined ? {} : { "content-length": String(length) };
  const request = Object.assign(source, { headers }) as unknown as IncomingMessage;
  return { source, body: new StreamedBody(request) };
}

describe("a request", () => {
  test.each([10, 100_000])("with a body of %s bytes is sent as a whole", async (length) => {
    const body = Buffer.alloc(length, "abc");
    server.play = (socket, text) => {
      if (text.endsWith(`\r\n\r\n${body.toString()}`)) {
        socket.write("HTTP/1.1 204 No Content\r\n\r\n");
      }
    };
    const call = beginCallTo(upstream, {
      method: "PUT",
      path: "/a?b",
      headers: ["x-a", "1"],
      body,
    });
    expect((await call.ended).status).toBe(204);
    const lines = [
      "host: f.example",
      "connection: keep-alive",
      "x-a: 1",
      `content-length: ${length}`,
    ];
    expect(server.received[0]?.split("\r\n\r\n")[0]).toBe(
      `PUT /a?b HTTP/1.1\r\n${lines.join("\r\n")}`,
    );
  });

  test.each([
    [10, "content-length: 10\r\n\r\n0123456789"],
    [undefined, "transfer-encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"],
  ])("whose body is a stream of length %s is sent as it comes", async (length, expected) => {
    server.play = (socket, text) => {
      if (text.endsWith(expected)) {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    };
    const { source, body } = createStream(length);
    const call = beginCallTo(upstream, { method: "POST", body });
    source.write("0123");
    await until("the first part", () => server.received[0]?.includes("0123") === true);
    expect(call.bodySent).toBe(1);
    source.end("456789");
    expect((await call.ended).body).toBe("ok");
    expect(server.received[0]).toMatch(/^POST \/ HTTP\/1.1\r\n/);
    // All of it was sent, so the connection can carry the next one.
    server.play = (socket) => socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    await beginCallTo(upstream).ended;
    expect(server.accepted).toHaveLength(1);
  });

  test("that would be another one is not sent", async () => {
    const call = beginCallTo(upstream, { headers: ["a", "b\r\nc: d"] });
    await expect(call.ended).rejects.toMatchObject({ code: "UPSTREAM_REQUEST" });
    expect(call.control).toBeUndefined();
    await until("no connection", () => upstream.size === 0);
    expect(server.received.join("")).toBe("");
  });
});

describe("a connection", () => {
  test("carries one call after the other, and none at the same time", async () => {
    const calls = [beginCallTo(upstream), beginCallTo(upstream)];
    await Promise.all(calls.map(({ ended }) => ended));
    expect([server.accepted.length, upstream.size]).toEqual([2, 2]);
    for (let call = 0; call < 5; call++) {
      await beginCallTo(upstream).ended;
    }
    expect([server.accepted.length, upstream.size]).toEqual([2, 2]);
  });

  test.each([
    ["says so", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
    ["is soon given up", "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok"],
    ["brings more", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!"],
  ])("that %s carries one call", async (_, text) => {
    server.answerWith(text);
    expect((await beginCallTo(upstream).ended).body).toBe("ok");
    await until("no connection", () => upstream.size === 0);
    expect((await beginCallTo(upstream).ended).body).toBe("ok");
    expect(server.accepted).toHaveLength(2);
  });

  test.each([
    ["ended", (socket: Socket) => socket.end()],
    ["reset", (socket: Socket) => socket.resetAndDestroy()],
    ["written to", (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n")],
  ])("that is %s while nothing is asked carries nothing more", async (_, end) => {
    await beginCallTo(upstream).ended;
    end(server.last);
    await until("no connection", () => upstream.size === 0);
    expect((await beginCallTo(upstream).ended).body).toBe("ok");
  });

  test("is closed when it has been idle for a second and a half, and not used again", async () => {
    await beginCallTo(upstream).ended;
    await jest.advanceTimersByTimeAsync(1499);
    await beginCallTo(upstream).ended;
    expect(server.accepted).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(2000);
    await until("no connection", () => upstream.size === 0);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("is not used when it is too old, though nobody has closed it yet", async () => {
    await beginCallTo(upstream).ended;
    jest.spyOn(performance, "now").mockReturnValue(performance.now() + 1501);
    await beginCallTo(upstream).ended;
    expect(server.accepted).toHaveLength(2);
  });

  test("stays as long as its server promises, less two seconds", async () => {
    const text = "HTTP/1.1 200 OK\r\nKeep-Alive: max=9, timeout=7\r\nContent-Length: 2\r\n\r\nok";
    server.answerWith(text, text);
    await beginCallTo(upstream).ended;
    await jest.advanceTimersByTimeAsync(4900);
    await beginCallTo(upstream).ended;
    expect(server.accepted).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(5500);
    await until("no connection", () => upstream.size === 0);
  });

  test("that does not come in time fails its call before anything is sent", async () => {
    fakeOnly("setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance");
    const call = beginCallTo(upstream);
    jest.advanceTimersByTime(60_000);
    await expect(call.ended).rejects.toMatchObject({ code: "UPSTREAM_CONNECT_TIMEOUT" });
    expect(call.control).toBeUndefined();
  });
});

describe("an answer", () => {
  test("that has no length ends with its connection", async () => {
    server.play = (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it");
    expect((await beginCallTo(upstream).ended).body).toBe("all of it");
    await until("no connection", () => upstream.size === 0);
  });

  test.each([
    ["before it", ""],
    ["within its head", "HTTP/1.1 200 OK\r\nA:"],
    ["within its body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"],
    ["within its chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"],
  ])("whose connection ends %s fails", async (_, text) => {
    server.play = (socket) => socket.end(text);
    await expect(beginCallTo(upstream).ended).rejects.toMatchObject({ code: "UPSTREAM_CLOSED" });
    await until("no connection", () => upstream.size === 0);
  });

  test("whose connection is reset fails with the system's reason", async () => {
    server.play = (socket) => socket.resetAndDestroy();
    await expect(beginCallTo(upstream).ended).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("to HEAD is the last one on its connection, as a body may follow all the same", async () => {
    server.play = (socket, text) => {
      const isHead = text.startsWith("HEAD");
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${isHead ? "" : "ok"}`);
    };
    expect((await beginCallTo(upstream, { method: "HEAD" }).ended).status).toBe(200);
    server.accepted[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    expect((await beginCallTo(upstream).ended).body).toBe("ok");
    expect(server.accepted).toHaveLength(2);
  });

  test("that comes before the function has taken the request is the last one, too", async () => {
    server.play = (socket) => {
      socket.pause();
      socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    };
    const body = Buffer.alloc(64_000_000);
    expect((await beginCallTo(upstream, { method: "POST", body }).ended).status).toBe(413);
    await until("no connection", () => upstream.size === 0);
  });

  test("that is none fails, and takes its connection along", async () => {
    server.play = (socket) => socket.write("SSH-2.0-x\r\n\r\n");
    await expect(beginCallTo(upstream).ended).rejects.toMatchObject({ code: "UPSTREAM_ANSWER" });
    await until("no connection", () => upstream.size === 0);
  });

  test("that its handler cannot take fails with the handler's error", async () => {
    class Picky extends KeptAnswer {
      override onResponseStart(): void {
        throw new TypeError("not this one");
      }
    }
    const call = beginCallTo(upstream, {}, new Picky());
    await expect(call.ended).rejects.toThrow("not this one");
    await until("no connection", () => upstream.size === 0);
  });

  test("before the end of the request is the answer, and the last on its connection", async () => {
    const { source, body } = createStream();
    const call = beginCallTo(upstream, { method: "POST", body });
    source.write("some");
    expect((await call.ended).body).toBe("ok");
    await until("no connection", () => upstream.size === 0);
    expect(source.listenerCount("data")).toBe(0);
    source.destroy();
  });

  test("comes no faster than it is taken, and whole", async () => {
    const size = 8_000_000;
    const bytes = Buffer.alloc(size, "0123456789abcde");
    server.play = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(bytes);
    };
    class Slow extends KeptAnswer {
      seen = 0;
      override onResponseData(control: CallControl, chunk: Buffer): void {
        super.onResponseData(control, chunk);
        this.seen += chunk.length;
        control.pause();
      }
    }
    const call = new Slow();
    beginCallTo(upstream, {}, call);
    await until("the first part", () => call.seen > 0);
    while (call.seen < size) {
      const before = call.seen;
      call.control?.resume();
      await until("more", () => call.seen > before);
      expect(call.seen - before).toBeLessThanOrEqual(128 * 1024);
    }
    expect((await call.ended).body === bytes.toString("latin1")).toBe(true);
    // A connection that was paused to the end carries the next call.
    server.play = (socket) => socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    expect((await beginCallTo(upstream).ended).status).toBe(204);
    expect(server.accepted).toHaveLength(1);
  });
});

describe("a call that is broken off", () => {
  test("takes its connection along, and its handler gets the reason", async () => {
    server.play = (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
    const call = beginCallTo(upstream);
    await until("the beginning", () => call.body === "ok");
    const closed = once(server.last, "close");
    call.control?.abort(new Error("enough"));
    await expect(call.ended).rejects.toThrow("enough");
    await closed;
  });

  test("when it is over does nothing to the next one on its connection", async () => {
    const first = await beginCallTo(upstream).ended;
    server.play = () => undefined;
    const second = beginCallTo(upstream);
    await second.started;
    first.control?.abort(new Error("too late"));
    first.control?.pause();
    server.accepted[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    expect((await second.ended).body).toBe("no");
  });

  test("before it is sent is not sent", async () => {
    class Gone extends KeptAnswer {
      override onRequestStart(control: CallControl): void {
        control.abort(new Error("gone"));
      }
    }
    await expect(beginCallTo(upstream, {}, new Gone()).ended).rejects.toThrow("gone");
    // Its connection is as good as new.
    expect((await beginCallTo(upstream).ended).body).toBe("ok");
    expect([server.accepted.length, server.received[0]?.split("GET").length]).toEqual([1, 2]);
  });
});

describe("all connections", () => {
  test("end when their calls have, and are not kept after that", async () => {
    await beginCallTo(upstream).ended;
    server.play = () => undefined;
    const calls = [beginCallTo(upstream), beginCallTo(upstream)];
    await until("both calls", () => server.received.join("").split("GET").length === 4);
    let isClosed = false;
    const closed = upstream.close().then(() => (isClosed = true));
    server.accepted[1]?.write("HTTP/1.1 204 No Content\r\n\r\n");
    await Promise.race(calls.map(({ ended }) => ended));
    await until("one connection", () => upstream.size === 1);
    expect(isClosed).toBe(false);
    server.accepted[0]?.write("HTTP/1.1 204 No Content\r\n\r\n");
    await closed;
    expect(
      (await Promise.all(calls.map(({ ended }) => ended))).map(({ status }) => status),
    ).toEqual([204, 204]);
    expect(upstream.size).toBe(0);
  });
});
