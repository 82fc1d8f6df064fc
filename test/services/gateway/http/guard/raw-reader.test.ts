/** What a second look at a connection's bytes refuses, however they are cut into segments. */
import { describe, expect, test } from "@jest/globals";
import {
  type BadRequest,
  type Framing,
  RawReader,
} from "../../../../../services/gateway/http/guard/raw-reader.ts";

interface Request {
  head: string;
  framing?: Framing;
  body?: string;
  /** What follows is no HTTP. */
  isLast?: boolean;
  rest?: string;
}

const get = (target = "/a"): Request => ({ head: `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n` });

function post(body: string, framing: Framing = body.length): Request {
  return { head: "POST /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", framing, body };
}

const toText = ({ head, body = "", rest = "" }: Request): string => head + body + rest;

/**
 * Reads requests as Node's parser has them read, which knows where each head ends.
 * @returns the first fault and after how many heads it came
 */
function read(requests: readonly Request[], segments: readonly string[]) {
  const reader = new RawReader();
  const ends: number[] = [];
  let length = 0;
  for (const request of requests) {
    ends.push(length + request.head.length);
    length += toText(request).length;
  }
  let heads = 0;
  let begin = 0;
  for (const segment of segments) {
    const bytes = Buffer.from(segment, "latin1");
    const hasHead = (ends[heads] ?? Infinity) <= begin + bytes.length;
    const isSkipped = !hasHead && reader.skip(bytes.length);
    const badRequest = isSkipped ? undefined : readSegment(bytes);
    if (badRequest !== undefined) {
      return { heads, status: badRequest.status, message: badRequest.message };
    }
    begin += bytes.length;
  }
  return { heads };

  function readSegment(bytes: Buffer): BadRequest | undefined {
    let at = 0;
    for (let end = ends[heads]; end !== undefined && end <= begin + bytes.length;) {
      const body = reader.readBody(bytes, at);
      const read = typeof body === "number" ? reader.readHead(bytes, body) : body;
      if (typeof read !== "number") {
        return read;
      }
      expect(read).toBe(end - begin);
      reader.expect(requests[heads]?.framing ?? 0, requests[heads]?.isLast);
      at = read;
      heads += 1;
      end = ends[heads];
    }
    const body = reader.readBody(bytes, at);
    return typeof body === "number" ? reader.keepHead(bytes, body) : body;
  }
}

const chunked = (body: string): Request => post(body, "chunked");
const innocent: readonly (readonly [string, readonly Request[]])[] = [
  ["a request", [get()]],
  ["requests one after the other", [get(), get("/b"), get("/c")]],
  ["a request in HTTP/1.0", [{ head: "GET / HTTP/1.0\r\n\r\n" }]],
  ["OPTIONS of everything", [{ head: "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" }]],
  ["M-SEARCH", [{ head: "M-SEARCH /a HTTP/1.1\r\nHost: h\r\n\r\n" }]],
  ["a tab inside a value", [{ head: "GET / HTTP/1.1\r\nHost: h\r\nX: a\tb: \tc\r\nY:z\r\n\r\n" }]],
  ["spaces around a value", [{ head: "GET / HTTP/1.1\r\nHost:h\r\nX:   a  \r\nY:\r\n\r\n" }]],
  ["a body", [post("hello"), get()]],
  ["a body of nothing", [post(""), get()]],
  ["a body that looks like heads", [post("GET  / RTSP/1.0\r\n\r\n\r\n\r\n\t"), get()]],
  ["chunks", [chunked("5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"), get()]],
  ["chunks that look like the end", [chunked("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"), get()]],
  ["chunks with extensions", [chunked('5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'), get()]],
  ["sizes with zeros before", [chunked("000000000000005\r\nhello\r\n000\r\n\r\n"), get()]],
  ["trailers", [chunked("1\r\na\r\n0\r\nX: a\tb\r\nY: c\r\n\r\n"), get(), chunked("0\r\n\r\n")]],
  ["what follows an upgrade", [{ ...get(), isLast: true, rest: "\0\r\n\r\n\t" }]],
  ["what follows its body", [{ ...post("hello"), isLast: true, rest: "\0\r\n\r\n\t" }]],
  ["what follows its chunks", [{ ...chunked("0\r\n\r\n"), isLast: true, rest: "GET  /" }]],
];

describe("what everybody reads alike passes", () => {
  test.each(innocent)("%s, whole", (_what, requests) => {
    const text = requests.map(toText).join("");
    expect(read(requests, [text])).toEqual({ heads: requests.length });
  });

  test.each(innocent)("%s, cut at every place", (_what, requests) => {
    const text = requests.map(toText).join("");
    for (let at = 1; at < text.length; at += 1) {
      const segments = [text.slice(0, at), text.slice(at)];
      expect({ at, ...read(requests, segments) }).toEqual({ at, heads: requests.length });
    }
  });

  test.each(innocent)("%s, byte by byte", (_what, requests) => {
    const text = requests.map(toText).join("");
    expect(read(requests, text.split(""))).toEqual({ heads: requests.length });
  });

  test("chunks of one byte, as many as there may be", () => {
    const body = `${"1\r\nx\r\n".repeat(20_000)}0\r\n\r\n`;
    expect(read([chunked(body), get()], [toText(chunked(body)) + toText(get())])).toEqual({
      heads: 2,
    });
  });
});

const head = (line: string, ...headers: string[]): Request => ({
  head: [line, "Host: h", ...headers, "", ""].join("\r\n"),
});
const oddHeads: readonly (readonly [string, Request, string])[] = [
  ["an empty line before it", { head: `\r\n${toText(get())}` }, "request line"],
  ["a line feed before it", { head: `\n${toText(get())}` }, "request line"],
  ["two spaces after the method", head("GET  /a HTTP/1.1"), "request line"],
  ["two spaces before the version", head("GET /a  HTTP/1.1"), "request line"],
  ["a space at the end of its first line", head("GET /a HTTP/1.1 "), "request line"],
  ["another protocol's version", head("GET /a RTSP/1.0"), "request line"],
  ["HTTP/2.0", head("PRI * HTTP/2.0"), "request line"],
  ["a tab before a value", head("GET /a HTTP/1.1", "X:\ty"), "header"],
  ["a tab before a value, after a space", head("GET /a HTTP/1.1", "X: \ty", "Y: z"), "header"],
  ["a tab after a value", head("GET /a HTTP/1.1", "X: y\t"), "header"],
  ["a tab and a space after a value", head("GET /a HTTP/1.1", "X: y\t ", "Y: z"), "header"],
  ["nothing but a tab for a value", head("GET /a HTTP/1.1", "X:\t"), "header"],
];
const oddBodies: readonly (readonly [string, string, [part: string, status: number]])[] = [
  ["a size of 16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", ["chunk", 400]],
  ["a size of 2 GiB", "80000000\r\nhello\r\n0\r\n\r\n", ["chunk", 400]],
  ["a space after the size", "5 \r\nhello\r\n0\r\n\r\n", ["chunk", 400]],
  ["data that is too long", "5\r\nhellooo\r\n0\r\n\r\n", ["chunk", 400]],
  ["no line end after its data", "5\r\nhello\r0\r\n\r\n", ["chunk", 400]],
  ["no size", ";a\r\nhello\r\n0\r\n\r\n", ["chunk", 400]],
  ["a long extension", `5;${"a".repeat(4096)}\r\nhello\r\n0\r\n\r\n`, ["chunk", 413]],
  ["many extensions", `${`1;${"e".repeat(100)}\r\na\r\n`.repeat(200)}0\r\n\r\n`, ["chunk", 413]],
  ["long trailers", `0\r\nX: ${"t".repeat(4096)}\r\n\r\n`, ["trailers", 431]],
  ["a tab after a trailer", "0\r\nX: y\t\r\n\r\n", ["trailers", 400]],
];

function segmentsOf(text: string): string[][] {
  const places = Array.from({ length: Math.min(text.length - 1, 400) }, (_, index) => index + 1);
  return [[text], text.split(""), ...places.map((at) => [text.slice(0, at), text.slice(at)])];
}

describe("what one proxy refuses and another does not is refused", () => {
  test.each(oddHeads)("%s", (_what, odd, part) => {
    for (const segments of segmentsOf(toText(get()) + toText(odd))) {
      const { heads, status, message } = read([get(), odd], segments);
      expect([heads, status, message?.split(":")[0]]).toEqual([1, 400, part]);
    }
  });

  test.each(oddBodies)("chunks with %s", (_what, body, expected) => {
    for (const segments of segmentsOf(toText(chunked(body)) + toText(get()))) {
      const { heads, status, message } = read([chunked(body), get()], segments);
      expect([heads, message?.split(":")[0], status]).toEqual([1, ...expected]);
    }
  });

  test("an empty line after a body, before anybody knows what follows", () => {
    expect(read([post("hello")], [`${toText(post("hello"))}\r\n`])).toMatchObject({ status: 400 });
  });
});

describe("a head that is too long", () => {
  const headOf = (length: number): Request =>
    head(
      "GET /a HTTP/1.1",
      `X: ${"x".repeat(length - head("GET /a HTTP/1.1", "X: ").head.length)}`,
    );

  test("is refused from one byte above 64 KiB", () => {
    expect(read([headOf(65_536)], [headOf(65_536).head])).toEqual({ heads: 1 });
    expect(read([headOf(65_537)], [headOf(65_537).head])).toMatchObject({ heads: 0, status: 431 });
  });

  test("is not kept any further when it does not end", () => {
    const part = "x".repeat(1000);
    const endless = ["GET /", ...Array.from({ length: 65 }, () => part), part];
    expect(read([], endless.slice(0, -1))).toEqual({ heads: 0 });
    expect(read([], endless)).toMatchObject({ heads: 0, status: 431 });
  });
});

describe("where the parser is said to have read otherwise", () => {
  const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: h\r\n\r\nxx");

  test("a head inside a body is refused", () => {
    const reader = new RawReader();
    reader.expect(100);
    const at = reader.readBody(bytes, 0);
    expect(at).toBe(bytes.length);
    expect(reader.readHead(bytes, bytes.length)).toMatchObject({ status: 400 });
  });

  test("a head that has not ended is refused", () => {
    expect(new RawReader().readHead(bytes.subarray(0, 20), 0)).toMatchObject({ status: 400 });
  });

  test("a head that nobody has asked about is refused", () => {
    expect(new RawReader().keepHead(bytes, 0)).toMatchObject({ status: 400 });
  });
});

describe("bytes of a body", () => {
  test("are skipped unseen, to the last one", () => {
    const reader = new RawReader();
    reader.expect(10);
    expect([reader.skip(4), reader.skip(7), reader.skip(6), reader.skip(1)]).toEqual([
      ...[true, false, true, false],
    ]);
  });

  test("tabs by the thousand take no time", () => {
    const odd = head("GET /a HTTP/1.1", `X: a${"\t".repeat(60_000)}b`);
    // The processor's time, to which a busy machine does not add: to look at all that follow each
    // tab takes seconds.
    const times = [1, 2, 3].map(() => {
      const begin = process.cpuUsage();
      expect(read([odd], [odd.head])).toEqual({ heads: 1 });
      return process.cpuUsage(begin).user;
    });
    // That of other threads of this process is in it, and at times that of other machines.
    expect(Math.min(...times)).toBeLessThan(500_000);
  });
});
