/** The beginning and the end of servers, on real sockets. */
import { once } from "node:events";
import { createServer, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { closeServer, listen, watchConnections } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { RawConnection } from "../../support/http-client.ts";

const onTestEnd = collectCleanups(afterEach);

/** A server whose answers wait until they are asked for. */
async function start(
  options: ServerOptions = {},
): Promise<{ server: Server; connect: () => RawConnection; answer: Promise<ServerResponse> }> {
  const waiting = Promise.withResolvers<ServerResponse>();
  const server = watchConnections(
    createServer(options, (_request, response) => waiting.resolve(response)),
  );
  const address = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  onTestEnd(() => server.close().closeAllConnections());
  const connect = (): RawConnection => {
    const connection = new RawConnection(address);
    onTestEnd(() => connection.close());
    return connection;
  };
  return { server, connect, answer: waiting.promise };
}

describe("closeServer", () => {
  test("waits for answers, and takes no more connections", async () => {
    const { server, connect, answer } = await start();
    const connection = connect().write("GET /a HTTP/1.1", "Host: here", "", "");
    const response = await answer;
    let isClosed = false;
    const closing = closeServer(server).then(() => (isClosed = true));
    const late = connect();
    await late.waitForEnd();
    expect([late.text, isClosed]).toEqual(["", false]);
    response.end("late");
    await connection.waitFor("late");
    await closing;
  });

  test("does not wait for connections without a request", async () => {
    const { server, connect } = await start();
    const opened = once(server, "connection");
    const connection = connect();
    await opened;
    await closeServer(server);
    await connection.waitForEnd();
    expect(connection.text).toBe("");
  });

  test("answers a request that came while the process was busy", async () => {
    const { server, connect, answer } = await start();
    const opened = once(server, "connection");
    const connection = connect();
    await Promise.all([opened, once(connection.socket, "connect")]);
    const closing = closeServer(server);
    connection.write("GET /a HTTP/1.1", "Host: here", "", "");
    const begin = performance.now();
    while (performance.now() - begin < 200) {
      // Nothing else happens.
    }
    (await answer).end("in time");
    await connection.waitFor("in time");
    await closing;
  });

  test("waits for the head of a request no longer than it may take", async () => {
    const { server, connect } = await start({
      headersTimeout: 200,
      connectionsCheckingInterval: 50,
    });
    const opened = once(server, "connection");
    const connection = connect().write("GET /a HTTP/1.1", "Host: he");
    const [socket] = (await opened) as [{ bytesRead: number }];
    while (socket.bytesRead === 0) {
      await new Promise(setImmediate);
    }
    await closeServer(server);
    await connection.waitForEnd();
    expect(connection.text).toMatch(/^HTTP\/1\.1 408 /);
  });
});
