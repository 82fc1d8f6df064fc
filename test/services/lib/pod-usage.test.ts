/** What the pods of all functions of a namespace use, in one question. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { KubernetesClient } from "../../../services/lib/kubernetes.ts";
import { readPodUsage } from "../../../services/lib/pod-usage.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";

const fake = new FakeKubernetes();
let client: KubernetesClient;

beforeAll(async () => {
  client = await fake.start();
});

afterAll(async () => {
  await client.close();
  await fake.stop();
});

test("the pods of all functions are asked for at once, and summed up by function", async () => {
  const pod = (name: string, ...usages: object[]): object => ({
    metadata: { labels: { faas_function: name } },
    containers: usages.map((usage) => ({ usage })),
  });
  const items = [
    pod("a", { cpu: "100m", memory: "1Ki" }, { cpu: "1n" }),
    pod("b", { cpu: "2" }),
    pod("a", { cpu: "50m", memory: "24" }),
    pod("c"),
  ];
  fake.intercept = (_seen, response) => {
    response.end(JSON.stringify({ items }));
    return true;
  };
  expect(await readPodUsage(client, { namespace: "fn", timeoutMs: 60_000 })).toEqual(
    new Map([
      ["a", { pods: 2, cpu: 150.000_001, totalMemoryBytes: 1048 }],
      ["b", { pods: 1, cpu: 2000, totalMemoryBytes: 0 }],
      ["c", { pods: 1, cpu: 0, totalMemoryBytes: 0 }],
    ]),
  );
  expect(Object.fromEntries(fake.requests[0]?.query ?? [])).toEqual({
    labelSelector: "faas_function",
  });
});

test("a cluster that does not measure it is an error", async () => {
  fake.intercept = (_seen, response) => {
    response.writeHead(404).end("{}");
    return true;
  };
  await expect(readPodUsage(client, { namespace: "fn" })).rejects.toThrow();
});
