/** Failures on their way to a client: what it gets, and what becomes of its connection. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FastifyReply } from "fastify";
import { type Failure, failures } from "../../../../services/gateway/errors.ts";
import {
  describeFailure,
  replyFailure,
  sendFailure,
  toFailureHeaders,
  wantsJson,
} from "../../../../services/gateway/http/failure-response.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { RawConnection } from "../../../support/http-client.ts";
import { stopServer } from "../../../support/network.ts";

const OWN = ["X-Call-Id", "id-1", "X-Start-Time", "5"];

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => answer(request, response));
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
});

afterAll(() => stopServer(server));

/** Sends a head and perhaps some body, and returns the connection. */
function request(lines: string[], body = ""): RawConnection {
  return new RawConnection(url).write("POST /a HTTP/1.1", "Host: h", ...lines, "", body);
}

/** Status, headers by lower-case name and body of the first answer on a connection. */
function parse(text: string): { status: number; headers: Record<string, string>; body: string } {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [line = "", ...fields] = head.split("\r\n");
  const headers = fields.map((field) => {
    const [name = "", ...value] = field.split(": ");
    return [name.toLowerCase(), value.join(": ")] as const;
  });
  return { status: Number(line.split(" ")[1]), headers: Object.fromEntries(headers), body };
}

const FAILURE: Failure = { status: 503, code: "PLONK_X", message: "Not \u00fc now." };

describe("wantsJson", () => {
  test.each([
    [undefined, false],
    ["", false],
    ["*/*", false],
    ["application/*", false],
    ["text/html", false],
    ["application/json", true],
    ["text/html, application/json;q=0.1", true],
    ["application/json; charset=utf-8", true],
  ])("of %j is %s", (accept, expected) => {
    expect(wantsJson(accept)).toBe(expected);
  });
});

describe("describeFailure", () => {
  test("has no call id where there is none", () => {
    expect(describeFailure(FAILURE, "application/json").body).toBe(
      '{"code":"PLONK_X","message":"Not \u00fc now."}',
    );
  });

  test("shows nothing of a failure but its code and its sentence", () => {
    const full = { ...FAILURE, retryAfterSeconds: 1, challenge: "Basic" };
    const body: unknown = JSON.parse(describeFailure(full, "application/json", "id").body);
    expect(body).toEqual({ code: "PLONK_X", message: "Not \u00fc now.", callId: "id" });
  });
});

describe("toFailureHeaders", () => {
  test.each<[Partial<Failure>, string[]]>([
    [{}, []],
    [{ retryAfterSeconds: 2 }, ["Retry-After", "2"]],
    [{ retryAfterSeconds: 0 }, ["Retry-After", "0"]],
    [{ challenge: 'Basic realm="x"' }, ["WWW-Authenticate", 'Basic realm="x"']],
  ])("of %j are those and the mark of the gateway", (parts, headers) => {
    expect(toFailureHeaders({ ...FAILURE, ...parts })).toEqual([
      ...["X-OpenFaaS-Internal", "gateway", "X-Plonk-Code", FAILURE.code],
      ...headers,
    ]);
  });
});

describe("a failed call", () => {
  const fail =
    (failure = FAILURE): typeof answer =>
    (incoming, response) =>
      sendFailure(incoming, response, { failure, own: OWN });

  test("is answered in plain text, with its length in bytes", async () => {
    answer = fail(failures.tooManyCalls(3));
    const connection = request(["Content-Length: 0"]);
    await connection.waitFor("requests: 3");
    const { status, headers, body } = parse(connection.text);
    expect([status, body]).toEqual([
      429,
      "Concurrent request limit exceeded. Max concurrent requests: 3",
    ]);
    expect(headers).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "content-length": String(body.length),
      "x-content-type-options": "nosniff",
      "x-openfaas-internal": "gateway",
      "retry-after": "1",
      "x-call-id": "id-1",
      "x-start-time": "5",
    });
    connection.close();
  });

  test("counts bytes, not characters", async () => {
    answer = fail();
    const connection = request(["Content-Length: 0"]);
    await connection.waitFor("now.");
    expect(parse(connection.text).headers["content-length"]).toBe("11");
    connection.close();
  });

  test("names its call in JSON", async () => {
    answer = fail();
    const connection = request(["Content-Length: 0", "Accept: application/json"]);
    await connection.waitFor("callId");
    expect(JSON.parse(Buffer.from(parse(connection.text).body, "latin1").toString())).toEqual({
      code: "PLONK_X",
      message: "Not \u00fc now.",
      callId: "id-1",
    });
    connection.close();
  });

  test("names none where it has no id yet", async () => {
    answer = (incoming, response) =>
      sendFailure(incoming, response, { failure: failures.internal(), own: [] });
    const connection = request(["Content-Length: 0", "Accept: application/json"]);
    await connection.waitFor("PLONK_INTERNAL");
    expect(JSON.parse(parse(connection.text).body)).toEqual({
      code: "PLONK_INTERNAL",
      message: "The gateway failed by a fault of its own, which is in its log.",
    });
    connection.close();
  });

  test.each([
    ["Content-Length: 0", "", "keep-alive"],
    ["Content-Length: 3", "abc", "keep-alive"],
    ["Content-Length: 3", "a", "keep-alive"],
    ["Content-Length: 1048577", "a", "close"],
    ["Content-Length: 1048576", "a", "keep-alive"],
    ["Transfer-Encoding: chunked", "1\r\na\r\n", "close"],
  ])("with %s of which %j has come: %s", async (line, body, expected) => {
    answer = fail();
    const connection = request([line], body);
    await connection.waitFor("now.");
    expect(parse(connection.text).headers["connection"]).toBe(expected);
    connection.close();
  });

  test("is followed by the next one on the same connection, the rest of its body unread", async () => {
    let turn = 0;
    answer = (incoming, response) =>
      sendFailure(incoming, response, {
        failure: { ...FAILURE, message: `answer ${++turn}` },
        own: OWN,
      });
    const connection = request(["Content-Length: 5"], "ab");
    await connection.waitFor("answer 1");
    connection.socket.write("cdePOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    await connection.waitFor("answer 2");
    connection.close();
  });

  test("is broken off where its answer has begun, so that nobody takes it for whole", async () => {
    answer = (incoming, response) => {
      response.writeHead(200, { "content-length": "100" }).write("begun");
      setImmediate(() => sendFailure(incoming, response, { failure: FAILURE, own: OWN }));
    };
    const connection = request(["Content-Length: 0"]);
    await connection.waitForEnd();
    expect(connection.text).not.toContain("now.");
  });
});

test("a failure of a call whose caller has gone is not even written", async () => {
  const seen = new Promise<ServerResponse>((resolve) => {
    answer = (incoming, response) => {
      response.destroy();
      sendFailure(incoming, response, { failure: FAILURE, own: OWN });
      resolve(response);
    };
  });
  const connection = request(["Content-Length: 0"]);
  expect((await seen).headersSent).toBe(false);
  await connection.waitForEnd();
});

describe("a failure of the gateway's own API", () => {
  function reply(failure: Failure, accept?: string) {
    const seen: Record<string, unknown> = {};
    const keep = (parts: object): object => {
      Object.assign(seen, parts);
      return fake;
    };
    const fake = {
      request: { headers: { accept }, id: "id-9" },
      header: (name: string, value: string) => keep({ [name]: value }),
      code: (status: number) => keep({ status }),
      type: (type: string) => keep({ type }),
      send: (body: string) => keep({ body }),
    };
    replyFailure(fake as unknown as FastifyReply, failure);
    return seen;
  }

  test("has its status, its sentence, its code and its id, and is not marked as a call's", () => {
    expect(reply(FAILURE)).toEqual({
      status: 503,
      type: "text/plain; charset=utf-8",
      body: "Not \u00fc now.",
      "X-Call-Id": "id-9",
      "X-Plonk-Code": "PLONK_X",
    });
  });

  test("says in JSON which request it was", () => {
    expect(JSON.parse(String(reply(FAILURE, "application/json")["body"]))).toEqual({
      code: "PLONK_X",
      message: "Not \u00fc now.",
      callId: "id-9",
    });
  });

  test("says how to log in, and when to come again", () => {
    expect(reply(failures.unauthorized("Basic"))).toMatchObject({ "WWW-Authenticate": "Basic" });
    expect(reply(failures.tooManyFailedLogins(4))).toMatchObject({
      status: 429,
      "Retry-After": "4",
    });
  });

  test("says which codings a body may have", () => {
    expect(reply(failures.codingNotTaken("gzip, br"))).toMatchObject({
      status: 415,
      body: "Content-Encoding: expected one of gzip, br, or none",
      "Accept-Encoding": "gzip, br",
    });
  });
});
