/** How a connection ends: after what is pending, with a last answer, and in the end by force. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  answerClientError,
  closeConnection,
  isClosing,
  isFree,
  refuseTunnel,
} from "../../../../../services/gateway/http/guard/connection-errors.ts";
import { onceClosed } from "../../../../../services/gateway/http/guard/once-closed.ts";
import { writeHead } from "../../../../../services/gateway/http/guard/raw-response.ts";
import { listen } from "../../../../../services/lib/servers.ts";
import { RawConnection } from "../../../../support/http-client.ts";
import { stopServer } from "../../../../support/network.ts";
import { until } from "../../../../support/until.ts";

const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

let server: Server;
let client: RawConnection;

beforeEach(async () => {
  server = createServer();
  server.on("clientError", answerClientError);
  client = new RawConnection(`http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`);
});

afterEach(async () => {
  client.close();
  await stopServer(server);
});

type Exchange = [request: IncomingMessage, response: ServerResponse];

async function begin(text = GET): Promise<Exchange> {
  client.socket.write(text);
  return (await once(server, "request")) as Exchange;
}

const statuses = (): string[] =>
  [...client.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, s = ""]) => s);

describe("bytes that are no request", () => {
  test.each([
    ["\0\0\r\n\r\n", 400, "Bad Request"],
    [`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431, "Request Header Fields Too Large"],
    ["POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400, "Bad Request"],
  ])("are answered, and the connection is closed: %#", async (bytes, status, words) => {
    client.socket.write(bytes);
    await client.waitForEnd();
    const body = `${status} ${words}\n`;
    expect(client.text).toBe(
      [
        `HTTP/1.1 ${status} ${words}`,
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  });

  test("cost the connection within a moment, also where the client keeps it", async () => {
    const accepted = once(server, "connection") as Promise<[Socket]>;
    client.socket.pause();
    client.socket.write("\0\0\r\n\r\n");
    const [socket] = await accepted;
    await until("the end", () => socket.destroyed);
    expect(client.isEnded).toBe(false);
  });

  test("wait for the answer to the request before them", async () => {
    const [, response] = await begin(`${GET}\0\0\r\n\r\n`);
    await until("the error", () => isClosing(response.req.socket));
    expect(client.text).toBe("");
    response.end("first");
    await client.waitForEnd();
    expect(statuses()).toEqual(["200", "400"]);
  });

  test("in the middle of a body end its own answer where that has begun", async () => {
    const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const [request, response] = await begin(chunked);
    request.resume();
    response.write("begun");
    await client.waitFor("begun");
    client.socket.write("no chunk\r\n");
    await client.waitForEnd();
    expect([statuses(), client.text.includes("0\r\n\r\n")]).toEqual([["200"], false]);
  });

  test.each([
    ["POST", "400 Bad Request\n"],
    ["HEAD", ""],
  ])("in the body of %s are answered as its answer, with the body %j", async (method, body) => {
    const chunked = `${method} / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const [request] = await begin(chunked);
    request.on("error", () => undefined).resume();
    client.socket.write("no chunk\r\n");
    await client.waitForEnd();
    expect([statuses(), client.text.split("\r\n\r\n")[1]]).toEqual([["400"], body]);
  });
});

describe("a connection that is being closed", () => {
  test("is free no more, and was not while an answer was pending", async () => {
    const [request, response] = await begin();
    const { socket } = request;
    expect([isFree(socket), isClosing(socket)]).toEqual([false, false]);
    response.end();
    await until("a free connection", () => isFree(socket));
    closeConnection(socket);
    expect([isFree(socket), isClosing(socket)]).toEqual([false, true]);
  });

  test("brings its last answer to a client that goes on sending", async () => {
    const [request, response] = await begin(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
    );
    closeConnection(request.socket);
    response.writeHead(200, { connection: "close" }).end("last");
    await client.waitFor("last");
    client.socket.write("still sending");
    await client.waitForEnd();
    expect(statuses()).toEqual(["200"]);
  });

  test("is cut half a second later where its client does not close it", async () => {
    const [request, response] = await begin();
    closeConnection(request.socket);
    client.socket.removeAllListeners("end").pause();
    response.writeHead(200, { connection: "close" }).end("last");
    await until("the end", () => request.socket.destroyed);
    expect(request.socket.destroyed).toBe(true);
  });

  test("is refused a tunnel once, after what is pending", async () => {
    const [request, response] = await begin();
    refuseTunnel(request.socket);
    refuseTunnel(request.socket);
    expect(client.text).toBe("");
    response.end("first");
    await client.waitForEnd();
    expect(statuses()).toEqual(["200", "405"]);
  });
});

describe("onceClosed", () => {
  /** Counts the ends of two requests that came in one packet. */
  async function beginTwo(): Promise<{ ends: number[]; responses: ServerResponse[] }> {
    const [ends, responses] = [[0, 0], [] as ServerResponse[]];
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const index = responses.push(response) - 1;
      onceClosed(request, response, () => (ends[index] = (ends[index] ?? 0) + 1));
    });
    client.socket.write(GET + GET);
    await until("two requests", () => responses.length === 2);
    return { ends, responses };
  }

  test("calls back once for each of two pipelined requests, when its answer is sent", async () => {
    const { ends, responses } = await beginTwo();
    responses[1]?.end("second");
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends).toEqual([0, 0]);
    responses[0]?.end("first");
    await until("both ends", () => ends.join() === "1,1");
    client.close();
    await until("the end", () => responses[1]?.req.socket.destroyed === true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends).toEqual([1, 1]);
  });

  test("calls back for both when their connection closes before any answer", async () => {
    const { ends } = await beginTwo();
    client.close();
    await until("both ends", () => ends.join() === "1,1");
    expect(ends).toEqual([1, 1]);
  });
});

describe("writeHead", () => {
  test.each<[number, string[], string]>([
    [204, [], "HTTP/1.1 204 No Content\r\n\r\n"],
    [200, ["A", "1", "a", "2"], "HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\n\r\n"],
    [299, ["X", ""], "HTTP/1.1 299 Unknown\r\nX: \r\n\r\n"],
  ])("of %d and %j", (status, headers, text) => {
    expect(writeHead(status, headers)).toBe(text);
  });
});
