/** A function that is removed, and another one of its name that is deployed at once. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

async function ask(method: string, body: object): Promise<number> {
  const init = { method, body: JSON.stringify(body) };
  return (await fetch(`${gateway.url}/system/functions`, init)).status;
}

test("nothing of the removed one is called after its removal, eight times in a row", async () => {
  const image = "example/f:1";
  expect(await ask("POST", { service: "f", image })).toBe(202);
  let calls = 0;
  const port = await gateway.pod((_request, response) => {
    calls += 1;
    response.end("1");
  });
  const pods = [port];
  gateway.route("f", pods);
  await gateway.settle();
  for (let turn = 1; turn <= 8; turn++) {
    const before = await fetch(`${gateway.url}/function/f`);
    expect(await before.text()).toBe(String(turn));
    const callsBefore = calls;
    expect(await ask("DELETE", { functionName: "f" })).toBe(202);
    expect((await fetch(`${gateway.url}/function/f`)).status).toBe(404);
    expect(await ask("POST", { service: "f", image })).toBe(202);
    // Its pods are where they were: Kubernetes takes its time to remove them.
    const early = fetch(`${gateway.url}/function/f`);
    await gateway.settle();
    pods.push(
      await gateway.pod((_request, response) => {
        calls += 1;
        response.end(String(turn + 1));
      }),
    );
    gateway.route("f", pods);
    expect(await (await early).text()).toBe(String(turn + 1));
    expect(calls).toBe(callsBefore + 1);
  }
});

/** Has the gateway's watch of functions fail, its version being too old, until it may go on. */
async function cutWatch(): Promise<() => Promise<void>> {
  const { fake } = gateway;
  let [isCut, isBack] = [false, false];
  fake.intercept = ({ path, query }, response) => {
    if (path !== FUNCTIONS) {
      return false;
    }
    const isWatch = query.get("watch") === "true";
    // It lists only after it was told that its version is too old.
    isCut ||= !isWatch;
    response.writeHead(isWatch ? 410 : 503).end();
    return true;
  };
  fake.dropWatches();
  await until("the watch to fail", () => isCut);
  return async () => {
    fake.intercept = ({ path, query }) => {
      isBack ||= path === FUNCTIONS && query.get("watch") === "true";
      return false;
    };
    await until("a watch after a new list", () => isBack);
    fake.intercept = () => false;
    await gateway.settle();
  };
}

test.each([
  ["and the new one came after it was back", false],
  ["and the new one was there when it was back", true],
])("so is a removal while the watch was away, %s", async (_when, isEarly) => {
  const name = isEarly ? "early" : "late";
  let calls = 0;
  const [old = 0] = await gateway.serve(name, (_request, response) => {
    calls += 1;
    response.end("old");
  });
  expect(await (await fetch(`${gateway.url}/function/${name}`)).text()).toBe("old");
  const goOn = await cutWatch();
  gateway.fake.remove(FUNCTIONS, name);
  if (isEarly) {
    gateway.declare(name);
  }
  await goOn();
  if (!isEarly) {
    expect((await fetch(`${gateway.url}/function/${name}`)).status).toBe(404);
    gateway.declare(name);
    await gateway.settle();
  }
  const early = fetch(`${gateway.url}/function/${name}`);
  await gateway.settle();
  gateway.route(name, [old, await gateway.pod((_request, response) => response.end("new"))]);
  expect(await (await early).text()).toBe("new");
  for (let turn = 0; turn < 4; turn++) {
    expect(await (await fetch(`${gateway.url}/function/${name}`)).text()).toBe("new");
  }
  expect(calls).toBe(1);
});
