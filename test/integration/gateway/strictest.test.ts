/**
 * What one of Go, nginx and haproxy refuses and Node's parser does not: how many calls arrive at
 * the function, for each class, whole and byte by byte.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { get, post, raw, SMUGGLED } from "../../fuzz/corpus/request.ts";
import { FuzzWorld } from "../../fuzz/world.ts";
import { RawConnection, WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

let world: FuzzWorld;

beforeAll(async () => {
  world = await FuzzWorld.start();
});

afterAll(() => world.stop());

interface Sent {
  statuses: number[];
  /** Methods and targets that the function saw, in the order of the alphabet. */
  calls: string[];
}

async function send(...parts: string[]): Promise<Sent> {
  const { statuses, calls, end } = await world.deliver(parts);
  expect(["clean", "tunnel"]).toContain(end);
  return { statuses, calls: calls.sort() };
}

const chunked = "Transfer-Encoding: chunked";
const whole = "5\r\nhello\r\n0\r\n\r\n";
const first = get("/function/x/first");
const line = (text: string): string => raw(text, []);

const heads: [string, string][] = [
  ["an empty line before it", `\r\n${get("/function/x")}`],
  ["two empty lines before it", `\r\n\r\n${get("/function/x")}`],
  ["a line feed before it", `\n${get("/function/x")}`],
  ["two spaces after the method", line("GET  /function/x HTTP/1.1")],
  ["two spaces before the version", line("GET /function/x  HTTP/1.1")],
  ["the version RTSP/1.0", line("GET /function/x RTSP/1.0")],
  ["the version ICE/1.0", line("SOURCE /function/x ICE/1.0")],
  ["a tab before a value", get("/function/x", "X:\ty")],
  ["a tab after a value", get("/function/x", "X: y\t")],
  ["a tab before chunked", post(["Transfer-Encoding:\tchunked"], whole)],
  ["a tab before a length", post(["Content-Length:\t5"], "hello")],
  ["a WebSocket without a key", get("/function/x", "Connection: Upgrade", "Upgrade: websocket")],
  [
    "a WebSocket with a key of 15 bytes",
    get(
      "/function/x",
      "Connection: Upgrade",
      "Upgrade: websocket",
      `Sec-WebSocket-Key: ${"a".repeat(20)}`,
    ),
  ],
  ["a second Authorization", get("/function/x", "Authorization: a", "authorization: a")],
  ["a second If-Match", get("/function/x", 'If-Match: "a"', 'If-Match: "b"')],
  ["another scheme's port in the target", get("https://h:80/function/x")],
  ["a target without a path", get("http://h?a")],
  ["a target above the root", get("/function/../../function/x")],
  ["a target above the root in escapes", get("/function/x/..%2f%2e%2E/..%2Fx")],
  ["a trailer that has no name", post([chunked, "Trailer: a: b"], whole)],
  ["a length that comes in trailers", post([chunked, "Trailer: X, content-length"], whole)],
  [
    "two Connections in HTTP/1.0",
    raw("GET /function/x HTTP/1.0", ["Connection: X", "Connection: keep-alive"]),
  ],
  ["a host with two dots in a row", "GET /function/x HTTP/1.1\r\nHost: h..\r\n\r\n"],
  ["close within an option", get("/function/x", "Connection: a b: close")],
  ["close within a name", get("/function/x", "Connection: X-Closed")],
  ["a tab before an upgrade", get("/function/x", "Connection: Upgrade", "Upgrade:\twebsocket")],
];

describe("a head with", () => {
  test.each(heads)("%s: 400, and no call", async (_what, request) => {
    expect(await send(request + SMUGGLED)).toEqual({ statuses: [400], calls: [] });
  });

  test.each(heads)("%s, byte by byte: 400, and no call", async (_what, request) => {
    expect(await send(...request.split(""), SMUGGLED)).toEqual({ statuses: [400], calls: [] });
  });

  test.each(heads)("%s, after another: that one is answered first", async (_what, request) => {
    const expected = { statuses: [200, 400], calls: ["GET /first"] };
    expect(await send(first + request + SMUGGLED)).toEqual(expected);
  });

  test.each(heads)("%s, in the packet after a body: that one is answered", async (_what, odd) => {
    const length = "Content-Length: 10";
    const expected = { statuses: [200, 400], calls: ["POST /"] };
    expect(await send(post([length], "hello"), `hello${odd}${SMUGGLED}`)).toEqual(expected);
  });
});

describe("TRACE", () => {
  test.each([
    ["of a function", raw("TRACE /function/x HTTP/1.1", []), 405],
    ["with chunks", raw("TRACE /function/x HTTP/1.1", [chunked], whole), 405],
    ["of the system", raw("TRACE /system/functions HTTP/1.1", []), 401],
    ["of a path that is moved", raw("TRACE //function/x HTTP/1.1", []), 301],
  ])("%s is the last request of its connection", async (_what, trace, status) => {
    expect(await send(trace + SMUGGLED)).toEqual({ statuses: [status], calls: [] });
  });
});

describe("the head's size", () => {
  const sized = (bytes: number): string => {
    const rest = bytes - get("/function/x", "X: ").length;
    return get("/function/x", `X: ${"x".repeat(rest)}`);
  };
  const counted = (headers: number): string =>
    get("/function/x", ...Array.from({ length: headers - 1 }, (_, n) => `X-${n}: y`));

  test("may be 64 KiB and 1000 headers", async () => {
    expect(await send(sized(65_536))).toEqual({ statuses: [200], calls: ["GET /"] });
    expect(await send(counted(1000))).toEqual({ statuses: [200], calls: ["GET /"] });
  });

  test.each([
    ["a byte more than 64 KiB", sized(65_537)],
    ["much more than 64 KiB", sized(200_000)],
    [
      "short headers that Node counts less",
      get("/function/x", ...Array<string>(999).fill(`a:${" ".repeat(80)}b`)),
    ],
    ["1001 headers", counted(1001)],
    ["much more without an end", `GET /function/x/${"a".repeat(100_000)}`],
  ])("is 431 with %s", async (_what, request) => {
    expect(await send(request)).toEqual({ statuses: [431], calls: [] });
  });
});

const bodies: [string, string, number][] = [
  ["a size of 16 digits", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 400],
  ["a size of 2 GiB", "80000000\r\nhello\r\n0\r\n\r\n", 400],
  ["16 digits that say five", "0000000000000005\r\nhello\r\n0\r\n\r\n", 400],
  ["an extension of 4 KiB", `5;${"a".repeat(4096)}\r\nhello\r\n0\r\n\r\n`, 413],
  ["many extensions", `${`1;${"e".repeat(100)}\r\na\r\n`.repeat(300)}0\r\n\r\n`, 413],
  ["trailers of 4 KiB", `${whole.slice(0, -2)}X: ${"t".repeat(4096)}\r\n\r\n`, 431],
  ["data that is too long", "5\r\nhellooo\r\n0\r\n\r\n", 400],
  ["a tab after a trailer", `${whole.slice(0, -2)}X: y\t\r\n\r\n`, 400],
];

describe("chunks with", () => {
  test.each(bodies)("%s: refused, and no call", async (_what, body, status) => {
    expect(await send(post([chunked], body) + SMUGGLED)).toEqual({ statuses: [status], calls: [] });
  });

  test.each([
    ...bodies.map(([what, body]) => [what, body]),
    ["no sizes", "hello\r\n0\r\n\r\n"],
    ["an extension that is none", "5;\0\r\nhello\r\n0\r\n\r\n"],
  ])("%s, in an upgrade that is none: refused, and no call", async (_what, body = "") => {
    const upgrade = ["Connection: Upgrade", "Upgrade: h2c", chunked];
    const { statuses, calls } = await send(post(upgrade, body) + SMUGGLED);
    expect([statuses.length, (statuses[0] ?? 0) >= 400, calls]).toEqual([1, true, []]);
  });

  test.each(bodies)("%s, after another call: that one is answered", async (_what, body, status) => {
    const expected = { statuses: [200, status], calls: ["GET /first"] };
    expect(await send(first + post([chunked], body) + SMUGGLED)).toEqual(expected);
  });

  test.each(bodies)("%s, after the call has begun: no call after it", async (what, body) => {
    const before = world.upstream.count;
    const connection = new RawConnection(world.gateway.url).write(post([chunked], "1\r\na\r\n"));
    await until("the call at the function", () => world.upstream.count === before + 1);
    connection.write(body + SMUGGLED);
    await connection.waitForEnd();
    expect(world.upstream.count).toBe(before + 1);
    const [seen] = world.upstream.take("127.0.0.1");
    // Trailers end at the gateway: the function has the body when they come.
    const isWhole = what.includes("trailer");
    await until("its end at the function", () => seen?.isWhole === isWhole);
    expect(seen?.isWhole).toBe(isWhole);
  });

  test.each([
    ["extensions of a few bytes", "5;a=b\r\nhello\r\n0;c\r\n\r\n"],
    ["one byte each, a thousand of them", `${"1\r\nx\r\n".repeat(1000)}0\r\n\r\n`],
    ["heads for data", "18\r\nGET  / RTSP/1.0\r\nX:\t\r\n\r\n\r\n0\r\n\r\n"],
    ["trailers", `${whole.slice(0, -2)}X: y\r\n\r\n`],
  ])("%s: a call like others", async (_what, body) => {
    const expected = { statuses: [200, 200], calls: ["GET /smuggled", "POST /"] };
    expect(await send(post([chunked], body) + SMUGGLED)).toEqual(expected);
  });
});

describe("what everybody takes", () => {
  test.each<[string, string[], Sent]>([
    [
      "a tab inside a value",
      [get("/function/x", "X: a\tb")],
      { statuses: [200], calls: ["GET /"] },
    ],
    [
      "a body that looks like heads",
      [post(["Content-Length: 40"], "GET  / RTSP/1.0\r\nX:\t\r\n\r\n".padEnd(40, "\t")), SMUGGLED],
      { statuses: [200, 200], calls: ["GET /smuggled", "POST /"] },
    ],
    [
      "forty calls in one packet",
      [first.repeat(40)],
      { statuses: Array<number>(40).fill(200), calls: Array<string>(40).fill("GET /first") },
    ],
    [
      "trailers that are announced",
      [post([chunked, "Trailer: X,, Y", "Trailer: Z"], `${whole.slice(0, -2)}X: y\r\n\r\n`)],
      { statuses: [200], calls: ["POST /"] },
    ],
    [
      "close among other options",
      [get("/function/x", "Connection: X-A,, Close"), SMUGGLED],
      { statuses: [200], calls: ["GET /"] },
    ],
    ["HTTP/1.0", [raw("GET /function/x HTTP/1.0", [])], { statuses: [200], calls: ["GET /"] }],
    [
      "a body that is asked for",
      [post(["Expect: 100-continue", "Content-Length: 5"], ""), "hel", "lo", SMUGGLED],
      { statuses: [200, 200], calls: ["GET /smuggled", "POST /"] },
    ],
    [
      "bytes of another protocol after an upgrade that is not made",
      [`${get("/function/x", ...WEB_SOCKET)}\0\t\r\n\r\n`],
      { statuses: [200], calls: ["GET /"] },
    ],
    ["CONNECT", ["CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n\0\t"], { statuses: [405], calls: [] }],
    ["OPTIONS *", [raw("OPTIONS * HTTP/1.1", [])], { statuses: [400], calls: [] }],
  ])("%s is as it was", async (_what, parts, expected) => {
    expect(await send(...parts)).toEqual(expected);
  });

  test.each([
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"],
    ["TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"],
    ["SMTP", "EHLO x\r\n"],
  ])("%s is 400", async (_what, bytes) => {
    expect(await send(bytes)).toEqual({ statuses: [400], calls: [] });
  });
});
