/** WebSocket upgrades through the gateway. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

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
});
