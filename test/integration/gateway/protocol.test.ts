/** HTTP in its less common forms, as callers and functions may speak it. */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Echo, echo, TestGateway } from "../../support/gateway.ts";
import { RawConnection, send, WEB_SOCKET } from "../../support/http-client.ts";

let gateway: TestGateway;
const tcpServers: Server[] = [];

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.serve("echo", echo);
});

afterAll(async () => {
  tcpServers.forEach((server) => server.close());
  await gateway.stop();
});

/** A function whose pod answers each connection with these bytes, whatever it is asked. */
async function serveBytes(name: string, bytes: string): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write(bytes, "latin1"));
  });
  tcpServers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  gateway.declare(name);
  gateway.route(name, [(server.address() as AddressInfo).port]);
  await gateway.settle();
  return `${gateway.url}/function/${name}`;
}

async function serve(name: string, handler: RequestListener): Promise<string> {
  await gateway.serve(name, handler);
  return `${gateway.url}/function/${name}`;
}

async function ask(...lines: string[]): Promise<RawConnection> {
  const connection = new RawConnection(gateway.url).write(...lines, "", "");
  await connection.waitFor("\r\n\r\n");
  return connection;
}

describe("methods", () => {
  test.each(["PROPFIND", "MKCOL", "PURGE", "QUERY", "REPORT"])(
    "%s reaches the function",
    async (method) => {
      const { body } = await send(`${gateway.url}/function/echo`, { method });
      expect((JSON.parse(body) as Echo).method).toBe(method);
    },
  );

  test.each(["GET", "DELETE", "OPTIONS", "PATCH"])("%s may have a body", async (method) => {
    const headers = { "content-length": "4" };
    const { body } = await send(`${gateway.url}/function/echo`, { method, headers, body: "body" });
    expect(JSON.parse(body)).toMatchObject({ method, body: "body" });
    const chunked = { "transfer-encoding": "chunked" };
    const again = await send(`${gateway.url}/function/echo`, {
      method,
      headers: chunked,
      body: "body",
    });
    expect(JSON.parse(again.body)).toMatchObject({ method, body: "body" });
  });

  test("TRACE and CONNECT are 405", async () => {
    const trace = await send(`${gateway.url}/function/echo`, { method: "TRACE" });
    expect([trace.status, trace.headers.allow]).toEqual([
      405,
      "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
    ]);
    const traced = await ask(
      "TRACE /function/echo HTTP/1.1",
      "Host: h",
      "",
      "GET /function/echo HTTP/1.1",
      "Host: h",
    );
    await traced.waitForEnd();
    expect(traced.text.match(/^HTTP\/1\.1 \d+/gm)).toEqual(["HTTP/1.1 405"]);
    const connect = await ask("CONNECT example.org:443 HTTP/1.1", "Host: example.org:443");
    expect(connect.text).toMatch(/^HTTP\/1\.1 405 /);
    connect.close();
  });
});

describe("targets", () => {
  test("may be absolute", async () => {
    const connection = await ask(
      "GET http://shop.example/function/echo/a?b=1 HTTP/1.1",
      "Host: shop.example",
      "Connection: close",
    );
    await connection.waitForEnd();
    expect(connection.text).toContain('"url":"/a?b=1"');
    expect(connection.text).toContain('"x-forwarded-host":"shop.example"');
  });
});

describe("expectations", () => {
  test("are met when the function takes the call", async () => {
    const connection = await ask(
      "POST /function/echo HTTP/1.1",
      "Host: a",
      "Expect: 100-continue",
      "Content-Length: 4",
    );
    expect(connection.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    connection.write("body");
    await connection.waitFor('"body":"body"');
    expect(connection.text).not.toContain('"expect"');
    connection.close();
  });

  test("are met for a streamed body, too", async () => {
    const connection = await ask(
      "POST /function/echo HTTP/1.1",
      "Host: a",
      "Expect: 100-continue",
      "Transfer-Encoding: chunked",
    );
    expect(connection.text).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    connection.write("4", "body", "0", "", "");
    await connection.waitFor('"body":"body"');
    connection.close();
  });

  test("are disappointed at once when there is no such function", async () => {
    const connection = await ask(
      "POST /function/nope HTTP/1.1",
      "Host: a",
      "Expect: 100-continue",
      "Content-Length: 4",
    );
    expect(connection.text).toMatch(/^HTTP\/1\.1 404 .*\r\nConnection: close\r\n/s);
    connection.close();
  });
});

describe("answers", () => {
  test("to HEAD keep their length, and have no body", async () => {
    const url = await serve("sized", (_request, response) => {
      response.writeHead(200, { "content-length": "1234" }).end();
    });
    const { status, headers, body } = await send(url, { method: "HEAD" });
    expect([status, headers["content-length"], body]).toEqual([200, "1234", ""]);
  });

  test("of 204 and 304 have no body, and 304 keeps its validators", async () => {
    const none = await serveBytes("none", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
    const { headers } = await send(none);
    expect(headers).not.toHaveProperty("content-length");
    const same = await serveBytes("same", 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n');
    const answer = await send(same, { headers: { "if-none-match": '"1"' } });
    expect([answer.status, answer.headers.etag, answer.body]).toEqual([304, '"1"', ""]);
  });

  test("that only inform are not taken for the answer", async () => {
    const url = await serveBytes(
      "hints",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    const { status, headers, body } = await send(url);
    expect([status, headers["link"], body]).toEqual([200, undefined, "ok"]);
  });

  test("lose their trailers, as callers' requests do", async () => {
    const url = await serve("trailing", (request, response) => {
      request.resume().on("end", () => {
        response.writeHead(200, { trailer: "x-sum" });
        response.write(JSON.stringify([request.headers["te"], request.headers.trailer]));
        response.addTrailers({ "x-sum": "1" });
        response.end(JSON.stringify(request.trailers));
      });
    });
    const { pathname } = new URL(url);
    const connection = new RawConnection(gateway.url).write(
      `POST ${pathname} HTTP/1.1`,
      "Host: a",
      "TE: trailers",
      "Trailer: x-in",
      "Transfer-Encoding: chunked",
      "Connection: close",
      "",
      ...["1", "x", "0", "x-in: 1", "", ""],
    );
    await connection.waitForEnd();
    expect(connection.text).toContain("[null,null]");
    expect(connection.text).toContain("{}");
    expect(connection.text.toLowerCase()).not.toContain("x-sum");
  });

  test("do not say more about the hop than they should", async () => {
    const url = await serveBytes(
      "hops",
      "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n" +
        "Proxy-Authenticate: Basic\r\nX-Kept: 1\r\nX-Served-By: me\r\nContent-Length: 2\r\n\r\nok",
    );
    const { headers } = await send(url);
    expect(headers).toMatchObject({
      "x-kept": "1",
      "x-served-by": expect.stringMatching(/^plonk/),
    });
    expect(headers).not.toHaveProperty("x-hop");
    expect(headers).not.toHaveProperty("proxy-authenticate");
  });

  test.each([
    ["no HTTP at all", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["a switch of protocols that nobody asked for", "HTTP/1.1 101 Hi\r\nUpgrade: x\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
  ])("with %s are 502", async (_what, bytes) => {
    const { status, headers } = await send(await serveBytes("broken", bytes));
    expect([status, headers["x-openfaas-internal"]]).toEqual([502, "gateway"]);
  });

  test("that end before their length are broken off, too", async () => {
    const server = createTcpServer((socket) => {
      const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab";
      socket.once("data", () => socket.end(head));
    });
    tcpServers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    gateway.declare("cut");
    gateway.route("cut", [(server.address() as AddressInfo).port]);
    await gateway.settle();
    await expect(send(`${gateway.url}/function/cut`)).rejects.toThrow(/aborted/);
  });
});

describe("an early answer", () => {
  const early: RequestListener = (_request, response) => {
    response.writeHead(413, { "content-length": "8" }).end("too much");
  };

  test("reaches a caller that is still sending, and the connection goes on", async () => {
    const { pathname } = new URL(await serve("early", early));
    const size = 300_000;
    const head = [`POST ${pathname} HTTP/1.1`, "Host: a", `Content-Length: ${size}`, "", "x"];
    const connection = new RawConnection(gateway.url).write(...head);
    await connection.waitFor("too much");
    connection.text = "";
    connection.write("x".repeat(size - 1));
    connection.write("GET /function/echo/next HTTP/1.1", "Host: a", "", "");
    await connection.waitFor('"url":"/next"');
    connection.close();
  });

  test("ends the connection of a caller that goes on for too long", async () => {
    const { pathname } = new URL(await serve("early", early));
    const head = [`POST ${pathname} HTTP/1.1`, "Host: a", "Content-Length: 100000000", "", "x"];
    const connection = new RawConnection(gateway.url).write(...head);
    await connection.waitFor("too much");
    connection.write("x".repeat(3_000_000));
    await connection.waitForEnd();
  });
});

describe("a refusal", () => {
  // Bytes for a socket that is closed already reset the connection, and with it what is on its way.
  test.each([
    ["of a head", ["GET  /function/echo HTTP/1.1", "Host: a", "", ""], "400 Bad Request"],
    [
      "of an expectation",
      ["POST /function/echo HTTP/1.1", "Host: a", "Expect: more", "Content-Length: 99", "", ""],
      "417 Expectation Failed",
    ],
  ])("%s gets to a client that goes on sending", async (_what, lines, status) => {
    const connection = new RawConnection(gateway.url);
    await once(connection.socket, "connect");
    connection.socket.pause();
    connection.write(...lines);
    for (let packets = 0; packets < 3; packets += 1) {
      // The gateway takes requests in turn: that one is behind it when this one is answered.
      expect((await send(`${gateway.url}/function/echo`)).status).toBe(200);
      connection.write("more of it");
    }
    connection.socket.resume();
    await connection.waitFor(`HTTP/1.1 ${status}`);
    await connection.waitForEnd();
  });
});

describe("what looks like an upgrade", () => {
  test.each([
    ["of another protocol", ["GET /function/echo HTTP/1.1", "Connection: Upgrade", "Upgrade: h2c"]],
    ["of a POST", ["POST /function/echo HTTP/1.1", ...WEB_SOCKET, "Content-Length: 0"]],
  ])("%s is an ordinary call", async (_what, lines) => {
    const connection = await ask(...lines, "Host: a");
    await connection.waitFor('"url":"/"');
    expect(connection.text).not.toContain('"upgrade"');
    connection.close();
  });
});
