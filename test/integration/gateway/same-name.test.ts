/** A function that is removed, and another one of its name that is deployed at once. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";

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
