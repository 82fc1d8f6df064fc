/** WebSocket upgrades through the gateway. */
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

/** More than a socket keeps that nobody reads. */
const LONG = "x".repeat(70_000);

let gateway: TestGateway;
const seen: IncomingMessage[] = [];
const sockets: Duplex[] = [];

beforeAll(async () => {
  gateway = await TestGateway.start();
  const { server, port } = await gateway.podServer((_request, response) =>
    response.writeHead(426).end("no"),
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    seen.push(request);
    sockets.push(socket);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Accept: abc\r\n\r\nhello ",
    );
    socket.pipe(socket);
  });
  gateway.declare("ws");
  gateway.route("ws", [port]);
  await gateway.settle();
});

afterAll(() => gateway.stop());

function open(path: string): ReturnType<typeof httpRequest> {
  const headers = Object.fromEntries(
    WEB_SOCKET.map((line) => line.split(": ") as [string, string]),
  );
  return httpRequest(`${gateway.url}${path}`, { headers }).end();
}

describe("an upgrade", () => {
  test("joins both sides, with the function's own handshake", async () => {
    const [response, socket, head] = (await once(open("/function/ws/chat?a=1"), "upgrade")) as [
      IncomingMessage,
      Duplex,
      Buffer,
    ];
    expect(response.headers).toMatchObject({
      upgrade: "websocket",
      "sec-websocket-accept": "abc",
      "x-call-id": expect.any(String),
    });
    expect(seen[0]?.url).toBe("/chat?a=1");
    expect(seen[0]?.headers["sec-websocket-key"]).toBe("dGhlIHNhbXBsZSBub25jZQ==");
    let text = head.toString();
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write("echo");
    await until("the echo", () => text === "hello echo");
    socket.destroy();
    await until("the function's side to close", () => sockets[0]?.destroyed === true);
    await until("the count", async () =>
      (await gateway.metrics()).includes(
        'gateway_function_invocation_total{code="101",function_name="ws.openfaas-fn"} 1',
      ),
    );
  });

  test.each([
    ["/function/nope", 404],
    ["/system/functions", 404],
    ["/function/ws/../x", 404],
  ])("of %s is refused with %d", async (path, status) => {
    const [response] = (await once(open(path), "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(status);
  });

  test("that the function refuses brings its answer", async () => {
    await gateway.serve("plain", (_request, response) => {
      response.writeHead(400, { "x-why": "not here" }).end("no");
    });
    const [response] = (await once(open("/function/plain"), "response")) as [IncomingMessage];
    expect([response.statusCode, response.headers["x-why"]]).toEqual([400, "not here"]);
  });

  // The one that stays open would keep the gateway's socket, and the call's place, for ever.
  test.each([
    { what: "is missing", name: "nope", status: "404 Not Found", rest: "" },
    { what: "is missing, with more", name: "nope", status: "404 Not Found", rest: LONG },
    { what: "cannot be reached", name: "gone", status: "502 Bad Gateway", rest: "hello" },
    { what: "answers otherwise", name: "other", status: "400 Bad Request", rest: "hello" },
  ])("to a function that $what leaves no connection behind", async ({ name, status, rest }) => {
    await gateway.serve("other", (_request, response) => {
      response.writeHead(400, { "x-why": "not here" }).end("no");
    });
    gateway.declare("gone", { labels: { "com.openfaas.scale.min": "1" } });
    gateway.route("gone", [1]);
    await gateway.settle();
    await until("no connections", async () => (await gateway.countConnections()) === 0);
    for (const endsItself of [true, false]) {
      const [socket, read] = openRaw(`/function/${name}`, rest);
      await until("the answer", () => read().startsWith(`HTTP/1.1 ${status}`));
      if (endsItself) {
        socket.end();
      }
      await until("the connection to close", async () => (await gateway.countConnections()) === 0);
      socket.destroy();
    }
    if (name === "nope") {
      return;
    }
    const counted = `{code="${status.slice(0, 3)}",function_name="${name}.openfaas-fn"} 2`;
    expect(await gateway.metrics()).toContain(`gateway_function_invocation_total${counted}`);
  });

  test("that is answered otherwise ends when its client takes nothing for long", async () => {
    const strict = await TestGateway.start({ write_timeout: "300ms" });
    try {
      await strict.serve("stalled", (_request, response) => {
        response.writeHead(400).end(Buffer.alloc(64 * 1024 * 1024, "x"));
      });
      const [socket] = openRaw("/function/stalled", "", strict);
      await once(socket, "data");
      socket.pause();
      await until("the connection to close", async () => (await strict.countConnections()) === 0);
      socket.destroy();
    } finally {
      await strict.stop();
    }
  });

  test("that is answered otherwise brings a large answer whole", async () => {
    const size = 8 * 1024 * 1024;
    await gateway.serve("large", (_request, response) => {
      response.writeHead(400, { "content-length": size }).end(Buffer.alloc(size, "x"));
    });
    const [socket, read] = openRaw("/function/large", "");
    await once(socket, "end");
    expect(read().split("\r\n\r\n")[1]).toHaveLength(size);
    socket.destroy();
  });
});

/** A client that keeps its side open until it is told to end; and what it has read. */
function openRaw(path: string, rest: string, of = gateway): [Socket, () => string] {
  const { port, hostname: host } = new URL(of.url);
  const socket = connect({ port: Number(port), host, allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${WEB_SOCKET.join("\r\n")}\r\n\r\n${rest}`);
  return [socket, () => text];
}
