/** The API server is away for long, and calls go on as before. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { moveClock } from "../../support/clock.ts";
import { TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ cluster_scope: "true" });
  await gateway.serve("f", (_request, response) => response.end("served"));
});

afterAll(() => gateway.stop());

const call = async (): Promise<string> => (await fetch(`${gateway.url}/function/f`)).text();

/** How old what is watched may be, seconds. */
async function readSilences(): Promise<number[]> {
  const lines = (await gateway.metrics()).split("\n");
  return lines
    .filter((line) => line.startsWith("gateway_watch_silence_seconds{"))
    .map((line) => Number(line.split(" ").at(-1)));
}

test("for ten minutes: calls are served, the gateway is ready, and a metric tells", async () => {
  expect((await readSilences()).every((seconds) => seconds < 60)).toBe(true);
  const goOn = await gateway.fake.interrupt();
  await until("the watches to fail", () => gateway.log.text().split("watch failed").length > 3);
  moveClock(600_000);
  expect(await call()).toBe("served");
  expect((await fetch(`${gateway.metricsUrl}/readyz`)).status).toBe(200);
  const silences = await readSilences();
  expect([silences.length, silences.every((seconds) => seconds >= 600)]).toEqual([3, true]);
  await goOn();
  await until("news", async () => (await readSilences()).every((seconds) => seconds < 600));
  gateway.route("f", [await gateway.pod((_request, response) => response.end("anew"))]);
  await gateway.settle();
  expect(await call()).toBe("anew");
});
