/** A call between its caller, on a real connection, and a function that the test plays. */
import { createServer, type RequestOptions, type Server } from "node:http";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { REPLAYABLE_BYTES } from "../../../../services/gateway/http/request-body.ts";
import type { BodyStream } from "../../../../services/gateway/upstream/exchange.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { errorOf, type SentCall } from "../../../support/call-parts.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { stopServer } from "../../../support/network.ts";
import { answer, beginProxyCall, type Begun } from "../../../support/proxy-call.ts";
import { until } from "../../../support/until.ts";

const [A, B] = ["http://192.0.2.1:80", "http://192.0.2.2:80"] as const;

let server: Server;
let port: number;
let world: CallWorld;
let health: { isStopping: boolean };

beforeAll(async () => {
  server = createServer();
  port = await listen(server, 0, "127.0.0.1");
});

afterAll(() => stopServer(server));

beforeEach(() => {
  world = new CallWorld();
  health = { isStopping: false };
  world.slices.put("f-1", [A, B]);
});

const begin = (options: RequestOptions = {}, body?: Buffer): Promise<Begun> =>
  beginProxyCall({ server, port, world, health }, options, body);

const lastSent = (): SentCall | undefined => [A, B].flatMap((origin) => sentTo(origin)).at(-1);

function sentTo(origin: string): SentCall[] {
  return world.sentTo().includes(origin) ? world.at(origin).sent : [];
}

describe("what is sent to the function", () => {
  test("is the path and the query behind its name, and the caller's headers", async () => {
    const begun = await begin({ method: "DELETE", headers: { "x-mine": "1", te: "trailers" } });
    begun.caller.end();
    const { path, method, headers, body } = lastSent()?.request ?? {};
    expect({ path, method, body }).toEqual({ path: "/x?y=1", method: "DELETE", body: undefined });
    expect(headers).toEqual(expect.arrayContaining(["x-mine", "1"]));
    expect(headers).not.toContain("trailers");
    answer(begun, "");
  });

  test("is a small body as a whole, once all of it is there", async () => {
    const begun = await begin({ method: "POST", headers: { "content-length": "4" } });
    begun.caller.write("ab");
    await until("the first half", () => begun.request.readableFlowing === true);
    expect(world.sentTo()).toEqual([]);
    begun.caller.end("cd");
    await until("the call", () => world.sentTo().length === 1);
    expect(String(lastSent()?.request.body as Buffer)).toBe("abcd");
    answer(begun, "");
  });

  test("is a small body however long it takes, where there is no limit for that", async () => {
    const begun = await begin({ method: "POST", headers: { "content-length": "4" } });
    begun.caller.write("ab");
    await until("the first half", () => begun.request.readableFlowing === true);
    // As the clock does at its ticks: all calls of this gateway are looked at, an hour later.
    const check = jest.spyOn(performance, "now").mockReturnValue(performance.now() + 3_600_000);
    const { now } = world.clock;
    await until("a tick", () => world.clock.now !== now);
    check.mockRestore();
    begun.caller.end("cd");
    await until("the call", () => world.sentTo().length === 1);
    expect(begun.response.headersSent).toBe(false);
    answer(begun, "");
  });

  test("is a large body as it comes, none of which is read before it has a connection", async () => {
    const length = String(REPLAYABLE_BYTES + 1);
    const begun = await begin({ method: "PUT", headers: { "content-length": length } });
    expect(begun.request.readableFlowing).toBeNull();
    begun.caller.end("x".repeat(REPLAYABLE_BYTES + 1));
    begun.proxy.onRequestStart(begun.held);
    const body = lastSent()?.request.body as BodyStream;
    let received = 0;
    const write = (chunk: Buffer, _encoding: string, taken: () => void): void => {
      received += chunk.length;
      taken();
    };
    body.begin(new Writable({ write }), () => undefined);
    await until("the whole body", () => body.isSent);
    expect(received).toBe(REPLAYABLE_BYTES + 1);
    answer(begun, "");
  });

  test("is a body of any length at once, where that has been read already", async () => {
    const read = Buffer.alloc(REPLAYABLE_BYTES + 1, "x");
    const headers = { "content-length": String(read.length) };
    const begun = await begin({ method: "PUT", headers }, read);
    expect(lastSent()?.request.body).toBe(read);
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseError(begun.held, errorOf("ECONNRESET"));
    await until("the second call", () => world.sentTo().length === 2);
    expect(lastSent()?.request.body).toBe(read);
    begun.caller.end(read);
    answer(begun, "");
  });

  test("is no body where none came, though none has been read", async () => {
    const begun = await begin({ method: "GET" }, Buffer.alloc(0));
    begun.caller.end();
    expect(lastSent()?.request.body).toBeUndefined();
    answer(begun, "");
  });

  test("is the same body again where the first pod was lost", async () => {
    const begun = await begin({ method: "PUT", headers: { "content-length": "4" } });
    begun.caller.end("abcd");
    await until("the call", () => world.sentTo().length === 1);
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseError(begun.held, errorOf("ECONNRESET"));
    await until("the second call", () => world.sentTo().length === 2);
    expect([A, B].flatMap(sentTo).map(({ request }) => String(request.body as Buffer))).toEqual([
      ...["abcd", "abcd"],
    ]);
    answer(begun, "done");
    expect(await text(await begun.answer)).toBe("done");
  });
});

describe("a call may be repeated", () => {
  const [small, large] = ["5", String(REPLAYABLE_BYTES + 1)];

  test.each([
    ["GET", {}, true],
    ["HEAD", {}, true],
    ["OPTIONS", {}, true],
    ["DELETE", {}, true],
    ["PUT", { "content-length": small }, true],
    ["PUT", { "content-length": large }, false],
    ["PUT", { "transfer-encoding": "chunked" }, false],
    ["DELETE", { "content-length": large }, false],
    ["POST", { "content-length": "0" }, false],
    ["POST", { "content-length": small }, false],
    ["PATCH", { "content-length": small }, false],
  ])("%s %j: %s", async (method, headers: Record<string, string>, expected) => {
    const begun = await begin({ method, headers });
    if (headers["content-length"] === small) {
      begun.caller.write("12345");
      await until("the call", () => world.sentTo().length === 1);
    }
    expect(begun.proxy.mayRepeat()).toBe(expected);
    begun.caller.destroy();
    await until("the end", () => world.counted.includes("end 499"));
  });
});

describe("an answer", () => {
  test("has the function's status and headers, and the gateway's own", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 404, { "x-a": "1", "x-call-id": "forged" });
    begun.proxy.onResponseEnd();
    const { statusCode, headers } = await begun.answer;
    expect(statusCode).toBe(404);
    expect(headers).toMatchObject({ "x-a": "1", "content-type": "text/plain; charset=utf-8" });
    expect(headers["x-call-id"]).not.toBe("forged");
  });

  test("is not what only informs", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 103, { link: "</a.css>" });
    expect(begun.response.headersSent).toBe(false);
    answer(begun, "real");
    expect(await text(await begun.answer)).toBe("real");
  });

  test.each([
    ["whole", { "content-length": "4" }, ["abcd"]],
    ["in pieces", { "content-length": "4" }, ["ab", "cd"]],
    ["without a byte", { "content-length": "0" }, []],
    ["of unknown length", {}, ["ab", "", "cd"]],
  ])("comes %s", async (_what, headers, chunks) => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 200, headers);
    chunks.forEach((chunk) => begun.proxy.onResponseData(begun.held, Buffer.from(chunk)));
    begun.proxy.onResponseEnd();
    expect(await text(await begun.answer)).toBe(chunks.join(""));
    await until("the end", () => world.counted.length === 2);
    expect(world.counted).toEqual(["start", "end 200"]);
  });

  test("that is a stream begins before its first byte", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 200, { "content-type": "text/event-stream" });
    expect((await begun.answer).statusCode).toBe(200);
    expect(begun.proxy.transfer().isEventStream).toBe(true);
    begun.proxy.onResponseEnd();
  });

  test.each([
    [true, "close"],
    [false, "keep-alive"],
  ])("of a gateway that is going away, %s, says %s", async (isStopping, connection) => {
    health.isStopping = isStopping;
    const begun = await begin({ headers: { connection: "keep-alive" } });
    begun.caller.end();
    answer(begun, "x");
    expect((await begun.answer).headers.connection).toBe(connection);
    begun.caller.destroy();
  });

  test("that breaks off is never taken for whole", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 200, { "content-length": "4" });
    begun.proxy.onResponseData(begun.held, Buffer.from("ab"));
    const body = begun.answer.then(text);
    await begun.answer;
    begun.proxy.onResponseError(begun.held, errorOf("ECONNRESET"));
    await expect(body).rejects.toThrow("aborted");
    // Of the two ends of a connection, either may be the first to hear that it has gone.
    await until("the end", () => world.counted.length === 2);
    expect(world.counted).toEqual(["start", "end 200"]);
  });

  test("that nobody reads holds the function back, until somebody does", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 200, {});
    const incoming = await begun.answer;
    const chunk = Buffer.alloc(16 * 1024 * 1024, "x");
    const { length } = chunk;
    begun.proxy.onResponseData(begun.held, chunk);
    expect([begun.held.paused, begun.proxy.transfer().isUnread]).toEqual([true, true]);
    const body = text(incoming);
    await until("a function that goes on", () => !begun.held.paused);
    expect(begun.proxy.transfer().isUnread).toBe(false);
    begun.proxy.onResponseEnd();
    expect(await body).toHaveLength(length);
  });
});

describe("a call that fails", () => {
  test("is answered in words, with its id", async () => {
    const begun = await begin({ method: "POST", headers: { accept: "application/json" } });
    begun.caller.end();
    await until("the call", () => world.sentTo().length === 1);
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseError(begun.held, errorOf("ECONNRESET"));
    const { statusCode, headers } = await begun.answer;
    const body: unknown = JSON.parse(await text(await begun.answer));
    expect([statusCode, headers["x-openfaas-internal"]]).toEqual([502, "gateway"]);
    expect(body).toEqual({
      code: "PLONK_UPSTREAM_FAILED",
      message: "f.fn closed the connection without an answer.",
      callId: headers["x-call-id"],
    });
  });

  test("because its caller has gone gives all places back and ends the request", async () => {
    const begun = await begin();
    begun.caller.end();
    begun.proxy.onRequestStart(begun.held);
    expect(world.state.inFlight).toBe(1);
    begun.caller.destroy();
    await until("the end", () => begun.held.aborted);
    expect(world.counted).toEqual(["start", "end 499"]);
    expect([world.state.inFlight, world.admission.inFlight, world.at(A).inFlight]).toEqual([
      0, 0, 0,
    ]);
    // What the function says now has nobody to hear it.
    begun.proxy.onResponseStart(begun.held, 200, {});
    expect(begun.response.headersSent).toBe(false);
  });
});
