/** What is read as an answer, however it is cut, and what is refused; beside Node's own client. */
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  AnswerReader,
  MAX_HEAD_BYTES,
} from "../../../../services/gateway/upstream/answer-reader.ts";
import { runs } from "../../../support/property-runs.ts";

interface Read {
  status?: number;
  headers?: IncomingHttpHeaders;
  body: string;
  /** Whether another call may follow; undefined where the answer has not ended. */
  mayFollow?: boolean;
  code?: string;
}

/** Reads an answer that comes in these pieces; its connection ends then where that is said. */
function read(pieces: readonly string[], { method = "GET", isClosed = false } = {}): Read {
  const result: Read = { body: "" };
  const reader = new AnswerReader({
    onHead: (status, headers) => Object.assign(result, { status, headers }),
    onData: (chunk) => (result.body += chunk.toString("latin1")),
    onEnd: (mayFollow) => Object.assign(result, { mayFollow }),
  });
  reader.expect(method);
  try {
    pieces.forEach((piece) => reader.read(Buffer.from(piece, "latin1")));
    if (isClosed) {
      reader.close();
    }
  } catch (error) {
    result.code = (error as { code: string }).code;
  }
  return result;
}

/** Each byte by itself. */
function toBytes(text: string): string[] {
  return Array.from({ length: text.length }, (_, index) => text.charAt(index));
}

const HEAD = "HTTP/1.1 200 OK\r\n";

function withFields(...fields: string[]): string {
  return `${HEAD}${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
}

describe("an answer", () => {
  test.each<[string, string, Partial<Read>]>([
    ["a length", `${withFields("Content-Length: 3")}abc`, { body: "abc", mayFollow: true }],
    ["a length of 0", withFields("Content-Length: 0"), { body: "", mayFollow: true }],
    [
      "chunks",
      `${withFields("Transfer-Encoding: chunked")}3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n`,
      { body: "abcd", mayFollow: true },
    ],
    [
      "chunks in capitals",
      `${withFields("Transfer-Encoding: Chunked")}A\r\n0123456789\r\n0\r\n\r\n`,
      { body: "0123456789", mayFollow: true },
    ],
    ["a status without a reason", "HTTP/1.1 204\r\n\r\n", { status: 204, mayFollow: true }],
    ["no body by its status", "HTTP/1.1 304 N\r\nETag: x\r\n\r\n", { mayFollow: true }],
    // A body that comes all the same would be read as the next answer.
    ["the length of none", "HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n", { mayFollow: false }],
    [
      "the coding of none",
      "HTTP/1.1 204\r\nTransfer-Encoding: chunked\r\n\r\n",
      { mayFollow: false },
    ],
    [
      "trailers that others would refuse",
      `${withFields("Transfer-Encoding: chunked")}0\r\nT:\t1\r\nU: ${"x".repeat(5000)}\r\n\r\n`,
      { body: "", mayFollow: true },
    ],
    [
      "what comes before it",
      `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 C\r\n\r\n${withFields("Content-Length: 1")}a`,
      { status: 200, body: "a", mayFollow: true },
    ],
    [
      "a connection that is closed",
      `${withFields("Connection: x, Close", "Content-Length: 1")}a`,
      { body: "a", mayFollow: false },
    ],
    [
      "an old server",
      "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
      { body: "a", mayFollow: false },
    ],
    [
      "an old server that keeps its connection",
      "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na",
      { body: "a", mayFollow: true },
    ],
    [
      "a coding that its version does not have",
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      { body: "", mayFollow: false },
    ],
    [
      "two types",
      withFields("Content-Type: a/b", "Content-Type: c/d"),
      { headers: { "content-type": "a/b" } },
    ],
    ["a head alone so far", withFields("Content-Length: 3"), { status: 200, body: "" }],
  ])("with %s", (_, text, expected) => {
    expect(read([text])).toMatchObject(expected);
    expect(read(toBytes(text))).toMatchObject(expected);
  });

  test("in chunks comes in one piece for each read", () => {
    const text = `${withFields("Transfer-Encoding: chunked")}1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n`;
    const pieces: string[] = [];
    const reader = new AnswerReader({
      onHead: () => undefined,
      onData: (chunk) => pieces.push(chunk.toString()),
      onEnd: () => undefined,
    });
    reader.expect("GET");
    reader.read(Buffer.from(text));
    reader.read(Buffer.from("1\r\ng\r\n1\r\nh\r\n0\r\n\r\n"));
    expect(pieces).toEqual(["abcdef", "gh"]);
  });

  test("without an end ends with its connection", () => {
    const text = `${withFields("X: y")}abc`;
    expect(read([text]).mayFollow).toBeUndefined();
    expect(read([text], { isClosed: true })).toMatchObject({ body: "abc", mayFollow: false });
    const cut = `${withFields("Content-Length: 5")}abc`;
    expect(read([cut], { isClosed: true }).mayFollow).toBeUndefined();
  });

  test("to HEAD has no body, whatever it says", () => {
    const text = withFields("Content-Length: 7", "X: y");
    expect(read([text], { method: "HEAD" })).toMatchObject({ body: "", mayFollow: false });
  });

  test("has fields by lower-case names, several of one name as a list, byte for byte", () => {
    const fields = [
      "X-A:  1 \t",
      "SET-cookie: a=b",
      "Set-Cookie:c=d",
      "__proto__: p",
      "x-utf: Ã\u00a0",
    ];
    const { headers } = read([
      withFields(...fields, "X-Empty:", "constructor: c", "set-cookie: e"),
    ]);
    expect({ ...headers }).toEqual({
      "x-a": "1",
      "set-cookie": ["a=b", "c=d", "e"],
      ["__proto__"]: "p",
      "x-utf": "Ã\u00a0",
      "x-empty": "",
      constructor: "c",
    });
    expect("toString" in (headers ?? {})).toBe(false);
  });

  test("is followed by nothing on a connection that carries more than it", () => {
    const text = `${withFields("Content-Length: 1")}aHTTP/1.1 200 OK\r\n\r\n`;
    expect(read([text])).toMatchObject({ body: "a", mayFollow: false, code: "UPSTREAM_ANSWER" });
  });
});

describe("no answer", () => {
  test.each([
    ["HTTP/1.1 99 X\r\n\r\n"],
    ["HTTP/1.1 099 X\r\n\r\n"],
    ["HTTP/1.1 2000 X\r\n\r\n"],
    ["HTTP/2.0 200 X\r\n\r\n"],
    ["HTTP/1.1  200 X\r\n\r\n"],
    ["HTTP/1.1 200X\r\n\r\n"],
    ["http/1.1 200 X\r\n\r\n"],
    ["ICY 200 OK"],
    ["SSH-2.0-OpenSSH_9.2p1\r\n"],
    ["\x15\x03\x01"],
    ["HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\n\n"],
    ["\r\n\r\n"],
    ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
    [withFields("no colon")],
    [withFields(": no name")],
    [withFields("a b: c")],
    [withFields("a : c")],
    [withFields("a: b", " folded")],
    [withFields("a: b\rc")],
    [withFields("a: b\nc: d")],
    [withFields("a: b\0")],
    [withFields("a: \x7f")],
    [withFields("Content-Length: 1", "Content-Length: 1")],
    [withFields("Content-Length: 1, 1")],
    [withFields("Content-Length: +1")],
    [withFields("Content-Length: 0x1")],
    [withFields("Content-Length: -1")],
    [withFields("Content-Length:")],
    [withFields("Content-Length: 1e3")],
    [withFields("Content-Length: 9999999999999999")],
    [withFields("Content-Length: 1", "Transfer-Encoding: chunked")],
    [withFields("Transfer-Encoding: gzip, chunked")],
    [withFields("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")],
    [withFields("Transfer-Encoding: identity")],
    [withFields("Transfer-Encoding:")],
    [`${withFields("Transfer-Encoding: chunked")}xyz\r\n`],
    [`${withFields("Transfer-Encoding: chunked")}-1\r\n`],
    [`${withFields("Transfer-Encoding: chunked")}1\r\nab\r\n`],
    [`${withFields("Transfer-Encoding: chunked")}ffffffff\r\n`],
    [`${withFields("Transfer-Encoding: chunked")}1\nab\r\n`],
  ])("is %j", (text) => {
    const whole = read([text]);
    expect([whole.code, whole.mayFollow]).toEqual(["UPSTREAM_ANSWER", undefined]);
    expect(read(toBytes(text))).toEqual(whole);
  });

  test("is a head that is too long, complete or not", () => {
    const fits = withFields(`x: ${"y".repeat(MAX_HEAD_BYTES - HEAD.length - 7)}`);
    expect([fits.length, read([fits]).status]).toEqual([MAX_HEAD_BYTES, 200]);
    const long = fits.replace("yy", "yyy");
    expect(read([long]).code).toBe("UPSTREAM_HEAD_SIZE");
    expect(read([`${HEAD}x: ${"y".repeat(MAX_HEAD_BYTES)}`]).code).toBe("UPSTREAM_HEAD_SIZE");
  });

  test("is what comes without a question", () => {
    const reader = new AnswerReader({
      onHead: () => undefined,
      onData: () => undefined,
      onEnd: () => undefined,
    });
    expect(() => reader.read(Buffer.from(HEAD))).toThrow("expected nothing behind its end");
  });
});

describe("made-up answers", () => {
  const value = fc.stringMatching(/^[!-~](?:[ -~\x80-\xff]{0,20}[!-~])?$/);
  const field = fc.tuple(fc.stringMatching(/^X-[A-Za-z0-9-]{1,12}$/), value);
  const body = fc.string({ unit: "binary-ascii", maxLength: 5000 });

  /** The same bytes in pieces that are cut anywhere. */
  function cut(text: string, cuts: readonly number[]): string[] {
    const places = [...new Set(cuts.map((one) => one % (text.length + 1)))].sort((a, b) => a - b);
    return [...places, text.length].map((end, index) => text.slice(places[index - 1] ?? 0, end));
  }

  test("are read as they were meant, wherever they are cut", () => {
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 8 }),
        fc.record({ parts: fc.array(body, { maxLength: 4 }), isChunked: fc.boolean() }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (fields, { parts, isChunked }, cuts) => {
          const all = parts.filter((part) => part !== "");
          const chunks = all.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
          const lines = fields.map(([name, text]) => `${name}: ${text}`);
          const text = isChunked
            ? `${withFields(...lines, "Transfer-Encoding: chunked")}${chunks}0\r\n\r\n`
            : `${withFields(...lines, `Content-Length: ${all.join("").length}`)}${all.join("")}`;
          const result = read(cut(text, cuts));
          expect(result).toMatchObject({ status: 200, body: all.join(""), mayFollow: true });
          const last = Object.fromEntries(fields.map(([name]) => [name.toLowerCase(), 0]));
          for (const name of Object.keys(last)) {
            const values = fields
              .filter(([one]) => one.toLowerCase() === name)
              .map(([, one]) => one);
            expect([result.headers?.[name]].flat()).toEqual(values);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });

  test("are refused or not wherever they are cut, whatever they are", () => {
    const piece = fc.constantFrom(
      ...["HTTP/1.1 ", "200", " OK", "\r\n", "\r", "\n", "a: b", ":", " ", "\t", "\0", "chunked"],
      ...["Content-Length: 3", "Transfer-Encoding: chunked", "3\r\nabc\r\n", "0\r\n\r\n", "abc"],
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (pieces, cuts) => {
          const text = `HTTP/1.1 200 OK\r\n${pieces.join("")}`;
          const whole = read([text]);
          const pieced = read(cut(text, cuts));
          // What lies behind an answer is found with it, or by itself.
          expect({ ...pieced, mayFollow: undefined }).toEqual({ ...whole, mayFollow: undefined });
        },
      ),
      { numRuns: runs(1000) },
    );
  });
});
