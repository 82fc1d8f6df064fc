/** Clients that send or read slowly, or come and go: none of them costs the others anything. */
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../../support/gateway-process.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

const MIB = 1024 * 1024;
const LARGE_MIB = 256;

let gateway: GatewayProcess;

const atEnd = collectCleanups(afterAll);

beforeAll(async () => {
  const pod = createServer((request, response) => {
    request.resume().on("end", () => {
      if (request.url !== "/large") {
        response.end("done");
        return;
      }
      const chunk = Buffer.alloc(MIB);
      let left = LARGE_MIB;
      const write = (): void => {
        while (left > 0) {
          left -= 1;
          if (!response.write(chunk)) {
            response.once("drain", write);
            return;
          }
        }
        response.end();
      };
      write();
    });
  });
  const port = await listen(pod, 0, "127.0.0.1");
  atEnd(() => stopServer(pod));
  const fake = new FakeKubernetes();
  await (await fake.start()).close();
  atEnd(() => fake.stop());
  declareFunction(fake, "f", { ports: [port] });
  gateway = await GatewayProcess.start(fake, {
    env: { read_timeout: "2s", write_timeout: "10s", NODE_OPTIONS: "--max-old-space-size=96" },
  });
  atEnd(() => gateway.stop());
});

interface Client {
  socket: Socket;
  received: () => string;
  closed: Promise<void>;
}

function open(): Client {
  const socket = connect({ port: gateway.port, host: "127.0.0.1" });
  let received = "";
  socket.on("data", (chunk) => (received += chunk.toString("latin1").slice(0, 1000)));
  socket.on("error", () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return { socket, received: () => received, closed };
}

async function call(path = ""): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  return (await fetch(`${gateway.url}/function/f${path}`, { signal })).text();
}

describe("a client that sends slowly", () => {
  test("gets 408 for a head that does not come to its end in time", async () => {
    const clients = Array.from({ length: 100 }, open);
    const head = "GET /function/f HTTP/1.1\r\nHost: h\r\nX: ";
    for (const { socket } of clients) {
      socket.write(head);
    }
    const timer = setInterval(() => {
      for (const { socket } of clients) {
        if (socket.writable) {
          socket.write("a");
        }
      }
    }, 500);
    try {
      expect(await call()).toBe("done");
      await Promise.all(clients.map(({ closed }) => closed));
    } finally {
      clearInterval(timer);
    }
    const statuses = clients.map(({ received }) => received().slice(9, 12));
    expect(new Set(statuses)).toEqual(new Set(["408"]));
  });

  test("is cut off when its body stops coming", async () => {
    const { socket, received, closed } = open();
    socket.write("POST /function/f HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\nb");
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 (?:408|504) |^$/);
  });
});

describe("a client that reads slowly", () => {
  test("does not make the gateway keep a large answer in memory", async () => {
    await call();
    const before = gateway.memoryMiB;
    const clients = Array.from({ length: 4 }, open);
    for (const { socket } of clients) {
      socket.pause();
      socket.write("GET /function/f/large HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    // On a slow machine less of the answer has come by then.
    let most = 0;
    for (let check = 0; check < 20; check += 1) {
      await sleep(100);
      most = Math.max(most, gateway.memoryMiB - before);
    }
    expect(most).toBeLessThan(64);
    expect(await call()).toBe("done");
    for (const { socket } of clients) {
      socket.destroy();
    }
  });
});

describe("clients that come and go", () => {
  test("leave nothing behind after 10,000 connections", async () => {
    await call();
    const sockets = gateway.sockets;
    for (let round = 0; round < 50; round += 1) {
      const clients = Array.from({ length: 200 }, open);
      const kinds = ["", "GET /fun", "GET /function/f HTTP/1.1\r\nHost: h\r\n\r\n"];
      clients.forEach(({ socket }, index) => socket.write(kinds[index % kinds.length] ?? ""));
      await Promise.all(
        clients.map(
          ({ socket }) => new Promise<void>((done) => socket.once("connect", () => done())),
        ),
      );
      for (const { socket } of clients) {
        socket.resetAndDestroy();
      }
      await Promise.all(clients.map(({ closed }) => closed));
      // The kernel takes thousands that the gateway has not seen yet: a busy one comes after.
      expect(await call()).toBe("done");
    }
    await until("sockets to be closed", () => gateway.sockets <= sockets + 2);
    expect(gateway.memoryMiB).toBeLessThan(400);
  });
});
