/** What a deployment says of how its own load scales the function. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { callSystem, type SystemAnswer, type SystemCall } from "../../support/system-client.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

const call = (path: string, options?: SystemCall): Promise<SystemAnswer> =>
  callSystem(`${gateway.url}/system/${path}`, options);

interface Shown {
  name: string;
  scale?: object;
}

test("a function has the scale that was sent last, or none", async () => {
  const body = { service: "loaded", image: "example/a:1" };
  const scale = { signals: [{ type: "queue" }], up: { replicas: 2 } };
  const shown = async (): Promise<(object | undefined)[]> => {
    const list = JSON.parse((await call("functions")).text) as Shown[];
    const described = JSON.parse((await call("function/loaded")).text) as Shown;
    return [list.find(({ name }) => name === "loaded")?.scale, described.scale];
  };
  expect((await call("functions", { body: { ...body, scale } })).status).toBe(202);
  expect(await shown()).toEqual([scale, scale]);
  const change = { method: "PUT", body: { ...body, scale: {} } };
  expect((await call("functions", change)).status).toBe(202);
  expect(await shown()).toEqual([{}, {}]);
  expect((await call("functions", { method: "PUT", body })).status).toBe(202);
  expect(await shown()).toEqual([undefined, undefined]);
});

test.each<[object, string]>([
  [{ signals: [{ type: "rps", targt: 5 }] }, "scale.signals[0].targt: expected type, target, "],
  [{ signals: [{ type: "memory" }] }, "scale.signals[0].type: expected rps, inflight, cpu, "],
  [{ signals: [{ target: 5 }] }, "scale.signals[0].type: expected a value, got none"],
  [{ signals: [] }, "scale.signals: expected "],
  [{ down: { windowSeconds: 1.5 } }, "scale.down.windowSeconds: expected an integer, got 1.5"],
  [{ up: { periodSeconds: 5 } }, "scale.up.periodSeconds: expected none without replicas or "],
  [{ floor: [] }, "scale.floor: expected signals, up, down, floors, got another field"],
])("a scale that means nothing is refused by its field, as %j", async (scale, message) => {
  const { status, text } = await call("functions", {
    body: { service: "f", image: "example/a:1", scale },
  });
  expect([status, text]).toEqual([400, expect.stringContaining(message)]);
  expect((await call("function/f")).status).toBe(404);
});
