/** Large bodies: streamed both ways in a few megabytes of memory, as slowly as anybody reads. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../../support/gateway-process.ts";
import { stopServer } from "../../support/network.ts";

const MIB = 1024 * 1024;
const BLOCK = Buffer.alloc(MIB, "x");

/** What the gateway's memory may grow by while a body passes that is six times as large, MiB. */
const MAX_GROWTH_MIB = 50;

const fake = new FakeKubernetes();
let gateway: GatewayProcess;
let received = 0;

function* blocks(count: number): Generator<Buffer> {
  for (let index = 0; index < count; index++) {
    yield BLOCK;
  }
}

const atEnd = collectCleanups(afterAll);

beforeAll(async () => {
  await fake.start();
  atEnd(() => fake.stop());
  const pod = createServer((request, response) => {
    if (request.method === "POST") {
      request.on("data", (chunk: Buffer) => (received += chunk.length));
      request.on("end", () => response.end(String(received)));
    } else {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      Readable.from(blocks(300)).pipe(response);
    }
  });
  declareFunction(fake, "f", { ports: [await listen(pod, 0, "127.0.0.1")] });
  atEnd(() => stopServer(pod));
  // As the platform starts it in a pod of 256 MiB.
  const env = { NODE_OPTIONS: "--max-old-space-size=153 --max-semi-space-size=8" };
  gateway = await GatewayProcess.start(fake, { env });
  atEnd(() => gateway.stop());
  await (await fetch(`${gateway.url}/function/f`, { method: "POST", body: "warm" })).text();
  received = 0;
});

/** How much the gateway's memory grows at most while something goes on, MiB. */
async function growthDuring(work: Promise<unknown>): Promise<number> {
  const before = gateway.memoryMiB;
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, gateway.memoryMiB)), 20);
  await work.finally(() => clearInterval(timer));
  return most - before;
}

describe("a body of 300 MiB", () => {
  test("passes to the function", async () => {
    const request = httpRequest(`${gateway.url}/function/f`, { method: "POST" });
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    Readable.from(blocks(300)).pipe(request);
    expect(await growthDuring(answered)).toBeLessThan(MAX_GROWTH_MIB);
    const [response] = await answered;
    expect(String(await response.toArray())).toBe(String(300 * MIB));
  });

  test("passes to the caller, also to a slow one", async () => {
    const request = httpRequest(`${gateway.url}/function/f`).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let length = 0;
    const read = async (): Promise<void> => {
      await sleep(500);
      for await (const chunk of response) {
        length += (chunk as Buffer).length;
      }
    };
    expect(await growthDuring(read())).toBeLessThan(MAX_GROWTH_MIB);
    expect(length).toBe(300 * MIB);
  });
});
