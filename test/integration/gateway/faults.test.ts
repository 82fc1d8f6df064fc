/** Faults of the gateway's own in a real process: one caller hears of each, and nobody else. */
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../../support/gateway-process.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

const FAULTS = import.meta.resolve("../../support/faulty-response.ts");

const fake = new FakeKubernetes();
let gateway: GatewayProcess;

const atEnd = collectCleanups(afterAll);

beforeAll(async () => {
  await fake.start();
  atEnd(() => fake.stop());
  const pod = createServer((request, response) => {
    const method = new URL(request.url ?? "/", "http://f").searchParams.get("fault");
    request.resume().once("end", () => {
      response.writeHead(200, method === null ? {} : { "x-fault": method });
      response.write("a");
      setTimeout(() => response.end("b"), 10);
    });
  });
  declareFunction(fake, "f", { ports: [await listen(pod, 0, "127.0.0.1")] });
  atEnd(() => stopServer(pod));
  gateway = await GatewayProcess.start(fake, {
    env: { NODE_OPTIONS: `--import=${FAULTS}`, max_inflight: "4" },
  });
  atEnd(() => gateway.stop());
});

async function outcomeOf(path: string, init: RequestInit = {}): Promise<string> {
  try {
    const answer = await fetch(`${gateway.url}/function/f${path}`, init);
    return `${answer.status} ${await answer.text()}`;
  } catch {
    return "cut";
  }
}

async function countCalls(): Promise<string | undefined> {
  const answer = await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`);
  return /^gateway_calls\{state="in_flight"\} (\d+)$/m.exec(await answer.text())?.[1];
}

test.each(["write", "end", "flushHeaders"])(
  "in %s of an answer, in whatever event, twenty times",
  async (method) => {
    for (let turn = 0; turn < 20; turn++) {
      // More than there are places: each one is given back.
      const outcome = await outcomeOf(`?fault=${method}`, { method: "POST", body: "x" });
      expect(["cut", "200 ab"]).toContain(outcome);
      expect(method === "flushHeaders" || outcome === "cut").toBe(true);
    }
    expect(await outcomeOf("")).toBe("200 ab");
    await until("all places", async () => (await countCalls()) === "0");
    expect([gateway.hasEnded, await gateway.isReady()]).toEqual([false, true]);
    expect(gateway.output).not.toContain("fatal error");
  },
);
