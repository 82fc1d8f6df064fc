/** Two gateways that are restarted one after the other while calls go on. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { SteadyLoad } from "../../support/steady-load.ts";
import { TwoGateways } from "../../support/two-gateways.ts";
import { until } from "../../support/until.ts";

let gateways: TwoGateways;
const onTestEnd = collectCleanups(afterEach);

beforeEach(async () => {
  gateways = await TwoGateways.start();
  onTestEnd(() => gateways.stop());
});

/** Calls that go on until the load is stopped, at the end of the test at the latest. */
function startLoad(): SteadyLoad {
  const { url } = gateways;
  const load = new SteadyLoad({ url, connections: 12, callsPerSecond: 300, body: "x" });
  onTestEnd(() => load.stop());
  return load;
}

describe("two gateways", () => {
  test("lose no call while each is restarted in order", async () => {
    const load = startLoad();
    expect(await gateways.restart(0, "SIGTERM")).toBe(0);
    expect(await gateways.restart(1, "SIGTERM")).toBe(0);
    await until("calls before, meanwhile and after", () => load.calls > 500);
    const { calls, failed, outcomes } = await load.stop();
    expect({ failed, outcomes }).toEqual({ failed: 0, outcomes: { 200: calls } });
  });

  test("answer nearly all calls while one is killed", async () => {
    const load = startLoad();
    expect(await gateways.restart(0, "SIGKILL")).toBeNull();
    await until("nearly all calls to be answered", () => {
      return load.calls > 500 && load.failed < load.calls / 4;
    });
    // Each of its connections loses at most the call in flight, until the balancer knows.
    const { failed } = load;
    const before = load.calls;
    await until("as many calls again", () => load.calls > before + 500);
    expect((await load.stop()).failed).toBe(failed);
  });
});
