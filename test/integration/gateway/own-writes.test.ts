/** Who asks after an answer is told what was written, however late the watch hears of it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

test("a function that was scaled is shown with its new replicas", async () => {
  gateway.declare("f");
  await gateway.settle();
  const { metadata } = gateway.fake.objects.get(`${FUNCTIONS}/f`) ?? {};
  const next = String(Number(metadata?.["resourceVersion"]) + 1);
  gateway.fake.intercept = ({ path }, response) => {
    const isScaled = path.endsWith("/f/scale");
    if (isScaled) {
      response.end(JSON.stringify({ metadata: { resourceVersion: next } }));
      // An API server tells its watches in its own time.
      setTimeout(() => gateway.declare("f", { replicas: 3 }), 100);
    }
    return isScaled;
  };
  const init = { method: "POST", body: JSON.stringify({ replicas: 3 }) };
  expect((await fetch(`${gateway.url}/system/scale-function/f`, init)).status).toBe(202);
  const shown = await fetch(`${gateway.url}/system/function/f`);
  expect(await shown.json()).toMatchObject({ name: "f", replicas: 3 });
});
