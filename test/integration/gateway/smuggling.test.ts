/**
 * Faults that fuzzing has found, and classes of attacks on proxies, each by its shortest case: what
 * the client gets, and what the function sees.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { get, post, raw, SMUGGLED } from "../../fuzz/corpus/request.ts";
import { valuesOf } from "../../fuzz/strict-request.ts";
import { type Delivery, FuzzWorld } from "../../fuzz/world.ts";
import { WEB_SOCKET } from "../../support/http-client.ts";

let world: FuzzWorld;

beforeAll(async () => {
  world = await FuzzWorld.start();
});

afterAll(() => world.stop());

function send(...parts: string[]): Promise<Delivery> {
  const methods = parts.join("").match(/^[A-Z]+(?= \S+ HTTP)/gm) ?? [];
  return world.deliver(parts, methods);
}

const chunked = "Transfer-Encoding: chunked";
const whole = "5\r\nhello\r\n0\r\n\r\n";

describe("bodies of a length that is open to doubt", () => {
  test.each([
    ["CL.TE", post(["Content-Length: 5", chunked], `0\r\n\r\n${SMUGGLED}`)],
    ["TE.CL", post([chunked, "Content-Length: 5"], `0\r\n\r\n${SMUGGLED}`)],
    ["a coding beside chunked", post(["Transfer-Encoding: gzip, chunked"], whole)],
    ["identity before chunked", post(["Transfer-Encoding: identity, chunked"], whole)],
    ["an empty coding", post(["Transfer-Encoding: ,chunked"], whole)],
    ["chunks in HTTP/1.0", raw("POST /function/x HTTP/1.0", [chunked], whole)],
    ["a length beyond what a number holds", post(["Content-Length: 9223372036854775808"], "hello")],
    ["two lengths", post(["Content-Length: 5", "Content-Length: 5"], "hello")],
    ["a length with a sign", post(["Content-Length: +5"], "hello")],
    ["chunks whose data is too long", post([chunked], `5\r\nhelloXX\r\n0\r\n\r\n${SMUGGLED}`)],
    ["chunks without CR LF", post([chunked], `5\r\nhello0\r\n\r\n${SMUGGLED}`)],
    [
      "a body of a GET in HTTP/1.0",
      raw("GET /function/x HTTP/1.0", ["Content-Length: 5"], "hello"),
    ],
  ])("%s: 400 once, and the function sees nothing", async (_name, request) => {
    const { statuses, calls } = await send(request);
    expect({ statuses, calls }).toEqual({ statuses: [400], calls: [] });
  });
});

describe("heads that are open to doubt", () => {
  const line = "GET /function/x HTTP/1.1\r\n";
  test.each([
    ["no Host", `${line}\r\n`],
    ["two Hosts", `${line}Host: a\r\nHost: b\r\n\r\n`],
    ["an empty Host", `${line}Host:\r\n\r\n`],
    ["user information in Host", `${line}Host: a@b\r\n\r\n`],
    ["a Host other than the target's", get("http://other/function/x")],
    ["user information in the target", get("http://u:p@h/function/x")],
    ["a fragment in the target", get("/function/x#y")],
    ["a broken escape", get("/function/x/%zz")],
    ["an escaped NUL", get("/function/x/%00")],
    ["bytes that are no ASCII", get("/function/x/\xff")],
    ["HTTP/2.0 as a version", raw("GET /function/x HTTP/2.0", [])],
    ["no version", "GET /function/x\r\nHost: h\r\n\r\n"],
    [
      "close and keep-alive in HTTP/1.0",
      raw("GET /function/x HTTP/1.0", ["Connection: close, keep-alive"]),
    ],
    ["a protocol that is no text", get("/function/x", "Connection: Upgrade", "Upgrade: web\xff")],
  ])("%s: 400, and nothing after it on this connection", async (_name, request) => {
    const { statuses, calls } = await send(request + SMUGGLED);
    expect({ statuses, calls }).toEqual({ statuses: [400], calls: [] });
  });

  test("an expectation other than 100-continue: 417, and nothing after it", async () => {
    const { statuses, calls } = await send(get("/function/x", "Expect: a") + SMUGGLED);
    expect({ statuses, calls }).toEqual({ statuses: [417], calls: [] });
  });
});

describe("requests one after the other in one packet", () => {
  test("a whole call is answered before the refusal of what follows it", async () => {
    const { statuses, calls } = await send(`${get("/function/x/a")}garbage\r\n\r\n${SMUGGLED}`);
    expect({ statuses, calls }).toEqual({ statuses: [200, 400], calls: ["GET /a"] });
  });

  test.each([
    ["a tunnel", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", [200, 405]],
    ["an upgrade", get("/function/x", ...WEB_SOCKET), [200, 200]],
  ])("%s waits for the answer before it", async (_name, request, expected) => {
    expect((await send(get("/function/x/a") + request)).statuses).toEqual(expected);
  });

  test("a tunnel is not even refused after a request that was", async () => {
    const tunnel = "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n";
    expect((await send(get("/function/x#y") + tunnel)).statuses).toEqual([400]);
  });

  test("a chunked call is answered, too, when the next request is refused", async () => {
    const { statuses, calls } = await send(post([chunked], whole) + get("/function/x#y"));
    expect({ statuses, calls }).toEqual({ statuses: [200, 400], calls: ["POST /"] });
  });

  test("an invitation to send the body never lands inside an answer", async () => {
    const invited = post(["Expect: 100-continue", chunked], whole);
    const { statuses, received } = await send(get("/function/x") + invited);
    expect(statuses).toEqual([200, 200]);
    expect(received).toMatch(
      /GET \/(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200[^]*POST \/$/,
    );
  });
});

describe("changes of the protocol", () => {
  test.each([
    ["a POST", post([...WEB_SOCKET, "Content-Length: 5"], "hello"), "POST /"],
    [
      "a GET with a body",
      raw("GET /function/x HTTP/1.1", [...WEB_SOCKET, "Content-Length: 5"], "hello"),
      "GET /",
    ],
    ["h2c", get("/function/x", "Connection: Upgrade", "Upgrade: h2c"), "GET /"],
  ])(
    "%s is an ordinary call, after which the connection is closed",
    async (_name, request, expected) => {
      const { statuses, calls, received } = await send(request + SMUGGLED);
      expect({ statuses, calls }).toEqual({ statuses: [200], calls: [expected] });
      expect(received).toContain("\r\nConnection: close\r\n");
    },
  );
});

describe("headers that end at the gateway", () => {
  test("those that Connection lists do not reach the function (CVE-2022-1388)", async () => {
    const listed = "Connection: X-A, Authorization, X-Call-Id, Host, Content-Length";
    const headers = [listed, "X-A: 1", "Authorization: Bearer t", "Content-Length: 5"];
    const { seen } = await send(post(headers, "hello"));
    expect(seen).toHaveLength(1);
    const request = seen[0]?.request ?? { headers: [], body: "" };
    const of = (name: string): number => valuesOf(request, name).length;
    expect([of("x-a"), of("authorization")]).toEqual([0, 0]);
    expect([of("host"), of("content-length"), of("x-call-id"), of("x-forwarded-for")]).toEqual([
      1, 1, 1, 1,
    ]);
    expect(request.body).toBe("hello");
  });
});

describe("ways to /system", () => {
  test.each([
    "/function/../system/functions",
    "/function/x/../../system/functions",
    "/function/%2e%2e/system/functions",
    "/function/x/..;/..;/system/functions",
    "/function/x/..%2f..%2fsystem%2ffunctions",
    "//system/functions",
  ])("%s leads nowhere without credentials", async (path) => {
    const { statuses, received } = await send(get(path, "Connection: close"));
    expect([200, 301, 401]).toContain(statuses[0]);
    // 200 is a function's own answer.
    expect(statuses[0] === 200).toBe(received.includes("x-upstream: yes"));
    expect(world.findBreach()).toBeUndefined();
  });
});
