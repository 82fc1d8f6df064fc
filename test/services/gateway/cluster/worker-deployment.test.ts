/** The scale of the queue-workers' Deployment, as the API server takes it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { WorkerDeployment } from "../../../../services/gateway/cluster/worker-deployment.ts";
import { isKubernetesStatus, type KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";

const DEPLOYMENTS = "/apis/apps/v1/namespaces/openfaas/deployments";
const fake = new FakeKubernetes();
let client: KubernetesClient;
let deployment: WorkerDeployment;

beforeAll(async () => {
  client = await fake.start();
  deployment = new WorkerDeployment(client, "openfaas");
});

afterAll(async () => {
  await client.close();
  await fake.stop();
});

beforeEach(() => {
  fake.clear();
});

/** What the API server has of it; its version. */
function put(replicas: number): string {
  const { metadata } = fake.put(DEPLOYMENTS, {
    metadata: { name: "queue-worker" },
    spec: { replicas },
  });
  return String(metadata["resourceVersion"]);
}

describe("the queue-workers", () => {
  test("are as many as the scale says, with its version", async () => {
    const resourceVersion = put(3);
    expect(await deployment.read()).toEqual({ replicas: 3, resourceVersion });
    expect(fake.requests[0]?.path).toBe(`${DEPLOYMENTS}/queue-worker/scale`);
  });

  test("are none where the scale names no number, as Go leaves zero out", async () => {
    fake.intercept = (_seen, response) => {
      response.end(JSON.stringify({ metadata: { resourceVersion: "7" }, spec: {} }));
      return true;
    };
    expect(await deployment.read()).toEqual({ replicas: 0, resourceVersion: "7" });
  });

  test("are scaled under the gateway's name, and nothing else is written", async () => {
    const resourceVersion = put(1);
    const written = await deployment.write({ replicas: 4, resourceVersion });
    expect(written.replicas).toBe(4);
    expect(written.resourceVersion).not.toBe(resourceVersion);
    const writes = fake.requests.filter(({ method }) => method !== "GET");
    expect(writes).toMatchObject([
      { method: "PATCH", body: { metadata: { resourceVersion }, spec: { replicas: 4 } } },
    ]);
    expect(Object.fromEntries(writes[0]?.query ?? [])).toEqual({ fieldManager: "plonk-gateway" });
  });

  test("are left as they are where somebody else has changed them meanwhile", async () => {
    const resourceVersion = put(1);
    put(2);
    const error: unknown = await deployment
      .write({ replicas: 4, resourceVersion })
      .catch((reason: unknown) => reason);
    expect(isKubernetesStatus(error, 409)).toBe(true);
    expect(await deployment.read()).toMatchObject({ replicas: 2 });
  });

  test("that there are not are an error, not zero", async () => {
    await expect(deployment.read()).rejects.toMatchObject({ status: 404 });
  });
});
