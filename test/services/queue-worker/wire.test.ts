/** What stands on the wire, whatever was queued: to the function, and on to the callback. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createNetServer } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { listen } from "../../../services/lib/metrics.ts";
import { type Answer, HttpCalls } from "../../../services/queue-worker/http-calls.ts";
import { type FunctionCall, parseMessage } from "../../../services/queue-worker/message.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { stopServer } from "../../support/network.ts";
import { runs } from "../../support/property-runs.ts";

const atEnd = collectCleanups(afterAll);
let answer: RequestListener;
let seen: { request: IncomingMessage; body: string }[];
let url: string;
let calls: HttpCalls;

function create(gatewayUrl: string, callTimeoutMs = 30_000): HttpCalls {
  const created = new HttpCalls({ gatewayUrl, callTimeoutMs, callbackWaitMs: 1 });
  atEnd(() => created.close());
  return created;
}

/** The function and the callback in one. */
beforeAll(async () => {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ request, body });
      answer(request, response);
    });
  });
  // A connection that is closed while it is used again would be no answer.
  server.keepAliveTimeout = 0;
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  atEnd(() => stopServer(server));
  calls = create(url);
});

beforeEach(() => {
  seen = [];
  answer = (_request, response) => response.end();
});

function toCall(extra: object): FunctionCall {
  return parseMessage(Buffer.from(JSON.stringify({ Function: "f", ...extra })));
}

function last(): IncomingMessage {
  const request = seen.at(-1)?.request;
  if (request === undefined) {
    throw new Error("expected a request, got none");
  }
  return request;
}

/** Names and values in the order in which they came, without those of the connection itself. */
function toOwn({ rawHeaders }: IncomingMessage, without: string[]): string[] {
  return rawHeaders
    .flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : []))
    .filter(([name = ""]) => !without.includes(name.toLowerCase()))
    .map(([name = "", value = ""]) => `${name.toLowerCase()}: ${value}`)
    .sort();
}

/** Names that mean nothing to HTTP, to Node or to the worker. */
const names = fc.stringMatching(/^x-[a-z0-9_~.-]{1,8}$/).map((name) => `${name}-`);
const values = fc.stringMatching(/^[!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?$/);
const fields = fc.dictionary(names, fc.array(values, { minLength: 1, maxLength: 3 }));

const toLines = (of: Record<string, string[]>): string[] =>
  Object.entries(of)
    .flatMap(([name, list]) => list.map((value) => `${name}: ${value}`))
    .sort();

describe("a call", () => {
  test("goes to its function, with path and query as they were queued", async () => {
    const part = fc.stringMatching(/^[!-~]{0,12}$/);
    const dots = fc.constantFrom("", ".", "..", "%2e%2e", "..%2f", "..\\..\\x", "a%20b", "é");
    const path = fc.array(
      fc.oneof(
        part.map((text) => text.replaceAll("?", "")),
        dots,
      ),
    );
    await fc.assert(
      fc.asyncProperty(path, part, async (segments, query) => {
        const queued = segments.map((segment) => `/${segment}`).join("");
        await calls.callFunction(toCall({ Path: queued, QueryString: query }));
        const target = `/function/f${queued}${query === "" ? "" : `?${query}`}`;
        expect(last().url).toBe(target.replaceAll("é", "%C3%A9"));
      }),
      { examples: [[["..", "..", "system", "functions"], ""]] },
    );
  });

  test("has each header as it was queued, in as many lines", async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (queued) => {
        await calls.callFunction(toCall({ Header: queued, Body: "aGk=" }));
        const own = toOwn(last(), ["host", "connection", "content-length", "user-agent"]);
        expect(own).toEqual(toLines(queued));
      }),
      { numRuns: runs(50) },
    );
  });

  test("has nothing of its caller's connection, however that was written", async () => {
    const Header = {
      Host: ["evil.example"],
      Expect: ["100-continue"],
      "Content-Length": ["99"],
      "Transfer-Encoding": ["chunked"],
      "Keep-Alive": ["timeout=1"],
      Upgrade: ["h2c"],
      TE: ["trailers"],
      "User-Agent": ["curl/8"],
      "X-Start-Time": ["1"],
      connection: ["close, X-First"],
      Connection: ["keep-alive", " x-second ,x-third"],
      "X-First": ["1"],
      "X-Second": ["2"],
      "x-Third": ["3"],
      "X-Kept": ["4"],
    };
    await calls.callFunction(toCall({ Header, Body: "aGk=" }));
    expect(last().headers).toEqual({
      host: new URL(url).host,
      connection: "keep-alive",
      "content-length": "2",
      "user-agent": expect.stringMatching(/^plonk-queue-worker\//),
      "x-kept": "4",
    });
    expect(seen.map(({ body }) => body)).toEqual(["hi"]);
  });

  test("has a header's bytes as Go has read them, also beyond Latin-1", async () => {
    const name = "naïve 日本";
    const call = toCall({ Header: { "X-Name": [name], "X-Call-Id": [name] } });
    answer = (_request, response) => response.writeHead(200, { "x-name": toBytes(name) }).end();
    const result = await calls.callFunction(call);
    await calls.sendCallback(call, new URL(url), result);
    const bytes = seen.map(({ request }) => [
      request.headers["x-name"],
      request.headers["x-call-id"],
    ]);
    expect(bytes).toEqual([
      [toBytes(name), toBytes(name)],
      [toBytes(name), toBytes(name)],
    ]);
  });
});

/** UTF-8 as Node shows the bytes of a header. */
function toBytes(value: string): string {
  return Buffer.from(value).toString("latin1");
}

describe("a callback", () => {
  test("has each header of the answer, in as many lines", async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (sent) => {
        const call = toCall({});
        answer = (_request, response) => response.writeHead(200, sent).end("x");
        const result = await calls.callFunction(call);
        answer = (_request, response) => response.end();
        await calls.sendCallback(call, new URL(url), result);
        const own = toOwn(last(), ["host", "connection", "content-length", "user-agent", "date"]);
        expect(own.filter((line) => !/^x-(?:call|duration|function)-\w+:/.test(line))).toEqual(
          toLines(sent),
        );
      }),
      { numRuns: runs(50) },
    );
  });

  test("has nothing of the answer's connection, and nothing forged", async () => {
    const result: Answer = {
      status: 418,
      headers: {
        host: "evil.example",
        expect: "100-continue",
        connection: ["close", "X-First, x-second"],
        "x-first": "1",
        "x-second": "2",
        "x-kept": ["3", "4"],
        "content-length": "99",
        "set-cookie": ["a=1"],
        trailer: "x-end",
        "x-function-name": "forged",
        "x-function-status": "200",
        "x-duration-seconds": "0",
        "x-call-id": "forged",
      },
      body: Buffer.from("tea"),
      seconds: 1.5,
    };
    const call = toCall({ Function: "f.dev", Header: { "x-call-ID": ["c1"] } });
    expect(await calls.sendCallback(call, new URL(`${url}/cb`), result)).toBe(200);
    expect(last().headers).toEqual({
      host: new URL(url).host,
      connection: "keep-alive",
      "content-length": "3",
      "user-agent": expect.stringMatching(/^plonk-queue-worker\//),
      "x-kept": "3, 4",
      "x-function-name": "f.dev",
      "x-function-status": "418",
      "x-duration-seconds": "1.500000",
      "x-call-id": "c1",
    });
  });
});

describe("an answer", () => {
  test("that does not come whole is none", async () => {
    const HEAD = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
    const starts: [string, "end" | "stall"][] = [
      ["", "stall"],
      ["HTTP/1.1 200 OK\r\nx-a: 1\r\n", "stall"],
      [`${HEAD}half`, "stall"],
      [`${HEAD}half`, "end"],
      ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "end"],
      ["HTTP/1.1 103 Early Hints\r\n\r\n", "end"],
      ["SSH-2.0-OpenSSH_9.2\r\n", "end"],
      [`HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(100_000)}\r\n\r\n`, "stall"],
    ];
    const answers = starts.map(async ([start, then]) => {
      const server = createNetServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => {
          socket.write(start);
          if (then === "end") {
            socket.end();
          }
        });
      });
      const port = await listen(server, 0, "127.0.0.1");
      atEnd(() => server.close());
      return create(`http://127.0.0.1:${port}`, 50).callFunction(toCall({}));
    });
    for (const { status, headers, body } of await Promise.all(answers)) {
      expect({ status, headers, body: body.length }).toEqual({ status: 503, headers: {}, body: 0 });
    }
  });

  test("is the final one: what comes before it is passed over", async () => {
    answer = (_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.writeHead(201).end("made");
    };
    const { status, body } = await calls.callFunction(toCall({}));
    expect([status, body.toString()]).toEqual([201, "made"]);
  });
});
