/** Connections that come together, on real sockets. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "@jest/globals";
import { listenWidely } from "../../../../../services/gateway/http/guard/listeners.ts";
import { closeServer } from "../../../../../services/lib/servers.ts";
import { collectCleanups } from "../../../../support/cleanup.ts";

const onTestEnd = collectCleanups(afterEach);

async function start(server: Server): Promise<{ port: number; stop: () => Promise<void> }> {
  const further = await listenWidely(server, 0);
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> => closeServer(server, further);
  onTestEnd(async () => {
    server.closeAllConnections();
    for (const one of [...further, server]) {
      one.close();
    }
    await Promise.resolve();
  });
  return { port, stop };
}

async function call(port: number): Promise<IncomingMessage> {
  const request = httpRequest({ host: "127.0.0.1", port, agent: false }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response;
}

/** Connects so often from another thread, while this one does nothing else. */
function connectMeanwhile(port: number, count: number): Worker {
  const connected = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { connect } = require("node:net");
     const { workerData: { connected, port, count } } = require("node:worker_threads");
     for (let index = 0; index < count; index++) {
       connect(port, "127.0.0.1", () => {
         if (Atomics.add(connected, 0, 1) + 1 === count) Atomics.notify(connected, 0);
       });
     }`,
    { eval: true, workerData: { connected, port, count } },
  );
  for (let seen = 0; seen < count; seen = Atomics.load(connected, 0)) {
    if (Atomics.wait(connected, 0, seen, 60_000) === "timed-out") {
      throw new Error("no connections");
    }
  }
  return worker;
}

describe("a server that listens widely", () => {
  test("answers whoever connects, on whichever socket", async () => {
    const { port } = await start(createServer((_, response) => response.end("here")));
    const answers = await Promise.all(Array.from({ length: 100 }, () => call(port)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(100).fill(200));
  });

  test("takes many connections each time that the loop goes round", async () => {
    const server = createServer();
    const { port } = await start(server);
    let accepted = 0;
    server.on("connection", () => (accepted += 1));
    const worker = connectMeanwhile(port, 320);
    onTestEnd(() => worker.terminate());
    let rounds = 0;
    while (accepted < 320) {
      await new Promise((resolve) => setImmediate(resolve));
      rounds += 1;
    }
    // 20 if the kernel spread them evenly; 320 with one socket.
    expect(rounds).toBeLessThan(100);
  });

  test("waits for answers on all sockets when it ends, and takes no more", async () => {
    const waiting: (() => void)[] = [];
    const server = createServer((_, response) => waiting.push(() => response.end("late")));
    const { port, stop } = await start(server);
    const answers = Array.from({ length: 40 }, () => call(port));
    while (waiting.length < 40) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    let isStopped = false;
    const stopped = stop().then(() => (isStopped = true));
    const [error] = (await once(connect(port, "127.0.0.1"), "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    expect(isStopped).toBe(false);
    for (const answer of waiting) {
      answer();
    }
    expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual(
      Array(40).fill(200),
    );
    await stopped;
  });

  test("does not share the port of another program", async () => {
    const other = createNetServer().listen({ port: 0, host: "::", reusePort: true });
    await once(other, "listening");
    onTestEnd(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await expect(listenWidely(createServer(), port)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
