/** What pods use: sums over all of them, and no reason to fail where nobody measures it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { readUsage } from "../../../../services/gateway/system/usage.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";

const reference = { name: "f", namespace: "fn" };
const fake = new FakeKubernetes();
let client: KubernetesClient;
let log: KeptLog;

beforeAll(async () => {
  client = await fake.start();
});

afterAll(async () => {
  await client.close();
  await fake.stop();
});

beforeEach(() => {
  log = createKeptLog();
  fake.requests.length = 0;
});

/** Has the metrics of pods answered so. */
function answer(body: unknown, status = 200): void {
  fake.intercept = (_seen, response) => {
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
    return true;
  };
}

const pod = (...usages: object[]): object => ({ containers: usages.map((usage) => ({ usage })) });

/** However busy the machine is. */
const PATIENT_MS = 60_000;
const read = () => readUsage({ client, logger: log.logger, timeoutMs: PATIENT_MS }, reference);

describe("the use of a function", () => {
  test("is that of all containers of all its pods, in thousandths of a core and in bytes", async () => {
    answer({
      items: [
        pod({ cpu: "250m", memory: "64Mi" }, { cpu: "1", memory: "1Mi" }),
        pod({ cpu: "1500000n", memory: "1000" }),
      ],
    });
    expect(await read()).toEqual({ cpu: 1251.5, totalMemoryBytes: 65 * 2 ** 20 + 1000 });
  });

  test("is asked for by its label, in its namespace alone", async () => {
    answer({ items: [] });
    await read();
    expect(fake.requests).toMatchObject([
      { method: "GET", path: "/apis/metrics.k8s.io/v1beta1/namespaces/fn/pods" },
    ]);
    expect(Object.fromEntries(fake.requests[0]?.query ?? [])).toEqual({
      labelSelector: "faas_function=f",
    });
  });

  test.each<[string, object[]]>([
    ["no containers", [{}]],
    ["containers without figures", [{ containers: [{}] }]],
    ["containers with one figure", [pod({ cpu: "0" })]],
  ])("is zero of a pod with %s", async (_what, items) => {
    answer({ items });
    expect(await read()).toEqual({ cpu: 0, totalMemoryBytes: 0 });
  });

  test("is not known of a function without pods", async () => {
    answer({ items: [] });
    expect(await read()).toBeUndefined();
  });

  test.each<[string, unknown, number]>([
    ["that does not measure it", { message: "not found" }, 404],
    ["that does not let the gateway ask", { message: "forbidden" }, 403],
    ["whose metrics are broken", "no JSON", 200],
    ["whose metrics are another thing", { kind: "Status" }, 200],
  ])("is not known in a cluster %s, which is no failure", async (_what, body, status) => {
    answer(body, status);
    expect(await read()).toBeUndefined();
    expect(log.text()).toContain("usage of a function not available");
  });

  test("is not waited for in a cluster that does not answer", async () => {
    fake.intercept = () => true;
    expect(
      await readUsage({ client, logger: log.logger, timeoutMs: 1 }, reference),
    ).toBeUndefined();
    expect(log.text()).toContain("usage of a function not available");
  });
});
