/** Who asks after an answer is told what was written, however late the watch hears of it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

async function readReplicas(): Promise<number> {
  const answer = await fetch(`${gateway.url}/system/function/f`);
  return ((await answer.json()) as { replicas: number }).replicas;
}

test("a function that is scaled is so to who asks after the answer", async () => {
  gateway.declare("f");
  await gateway.settle();
  const { metadata } = gateway.fake.objects.get(`${FUNCTIONS}/f`) ?? {};
  const next = String(Number(metadata?.["resourceVersion"]) + 1);
  let isWritten = false;
  gateway.fake.intercept = ({ path }, response) => {
    const isScale = path.endsWith("/f/scale");
    if (isScale) {
      // The watches are told by the test, below.
      response.end(JSON.stringify({ metadata: { resourceVersion: next } }));
      isWritten = true;
    }
    return isScale;
  };
  let isAnswered = false;
  const init = { method: "POST", body: JSON.stringify({ replicas: 3 }) };
  const scaled = fetch(`${gateway.url}/system/scale-function/f`, init).then(({ status }) => {
    isAnswered = true;
    return status;
  });
  await until("the write", () => isWritten);
  expect([await readReplicas(), isAnswered]).toEqual([1, false]);
  gateway.declare("f", { replicas: 3 });
  expect([await scaled, await readReplicas()]).toEqual([202, 3]);
});
