/** The gateway against a real API server: the real CRD, real field managers, real watches. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { QUEUE_WORKER_RULES } from "../../../components/gateway/rbac-rules.ts";
import type { FunctionResource } from "../../../contract/index.ts";
import { createGateway, type Gateway } from "../../../services/gateway/app.ts";
import { WorkerDeployment } from "../../../services/gateway/cluster/worker-deployment.ts";
import { readConfig } from "../../../services/gateway/config.ts";
import { readKubeConfig } from "../../../services/lib/kubeconfig.ts";
import { KubernetesClient } from "../../../services/lib/kubernetes.ts";
import { listen } from "../../../services/lib/servers.ts";
import { type ApiServer, createTokenClient, startApiServer } from "../../support/apiserver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { prepareFunctions } from "../../support/function-crd.ts";
import { createKeptLog } from "../../support/logs.ts";
import { findOwnAddress, stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll, 60_000);
const onTestEnd = collectCleanups(afterEach);
const directory = mkdtempSync(join(tmpdir(), "plonk-gateway-api-"));
let api: ApiServer;
let client: KubernetesClient;
let gateway: Gateway;
let url = "";

beforeAll(async () => {
  atEnd(() => rmSync(directory, { recursive: true }));
  api = await startApiServer();
  atEnd(() => api.stop());
  await prepareFunctions(api);
  const path = join(directory, "kubeconfig");
  writeFileSync(path, api.kubeconfig);
  client = new KubernetesClient(readKubeConfig(path));
  atEnd(() => client.close());
  const config = readConfig({
    faas_prometheus_host: "127.0.0.1",
    faas_prometheus_port: "1",
    runtime_image: "example/runtime:1",
  });
  gateway = await createGateway({ config, client, logger: createKeptLog().logger });
  atEnd(() => gateway.close());
  await gateway.start();
  const { server } = gateway;
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  atEnd(() => stopServer(server));
});

async function call(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${url}/system/${path}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  });
}

async function describeFunction(name: string): Promise<unknown> {
  return (await call("GET", `function/${name}`)).json();
}

const deployment = (service: string, more: object = {}): object => ({
  service,
  image: "example/a:1",
  labels: {},
  annotations: {},
  ...more,
});

describe("a Function on a real API server", () => {
  test("is created, shown at once, scaled and replaced, each field by its own writer", async () => {
    expect((await call("PUT", "functions", deployment("env"))).status).toBe(404);
    const sent = deployment("env", { envVars: { A: " \u00fc " }, limits: { memory: "64Mi" } });
    expect((await call("POST", "functions", sent)).status).toBe(202);
    expect(await describeFunction("env")).toMatchObject({
      name: "env",
      envVars: { A: " \u00fc " },
      limits: { memory: "64Mi" },
      labels: {},
      replicas: 1,
    });
    expect((await call("POST", "scale-function/env", { replicas: 3 })).status).toBe(202);
    expect((await call("PUT", "functions", deployment("env"))).status).toBe(202);
    const shown = await describeFunction("env");
    expect(shown).toMatchObject({ replicas: 3 });
    expect(shown).not.toHaveProperty("envVars");
    const get = ["get", "functions", "env", "-n", "openfaas-fn", "-o", "json"];
    const stored = JSON.parse(await api.kubectl(...get, "--show-managed-fields")) as {
      metadata: { managedFields: { manager: string; operation: string; fieldsV1: object }[] };
    };
    const applied = stored.metadata.managedFields.find(({ operation }) => operation === "Apply");
    expect(applied?.manager).toBe("plonk-gateway");
    expect(applied?.fieldsV1).toEqual({
      "f:spec": { "f:annotations": {}, "f:image": {}, "f:labels": {}, "f:name": {} },
    });
  });

  test("of a tag that moves says when it was deployed again, until it is another image", async () => {
    const image = "example/moving:latest";
    const deploy = async (method: string, more: object): Promise<unknown> => {
      const sent = deployment("moving", more);
      expect((await call(method, "functions", sent)).status).toBe(202);
      const get = ["get", "functions", "moving", "-n", "openfaas-fn", "-o", "json"];
      const { metadata } = JSON.parse(await api.kubectl(...get)) as FunctionResource;
      return metadata.annotations;
    };
    expect(await deploy("POST", { image })).toBeUndefined();
    const first = await deploy("PUT", { image });
    expect(first).toEqual({ "plonk/restarted-at": expect.any(String) });
    const second = await deploy("PUT", { image });
    expect(second).toEqual({ "plonk/restarted-at": expect.any(String) });
    expect(second).not.toEqual(first);
    expect(await deploy("PUT", { image: "example/moving:1" })).toEqual(second);
    const limits = { memory: "", cpu: "1" };
    expect(await deploy("PUT", { image: "example/moving:1", limits })).toEqual(second);
    expect(await describeFunction("moving")).toMatchObject({ limits: { cpu: "1" } });
  });

  test("loses all labels and variables when a client sends none; an empty scale is one", async () => {
    const scale = { signals: [{ type: "rps" }] };
    const full = { labels: { a: "b" }, annotations: { c: "d" }, envVars: { E: "f" }, scale };
    expect((await call("POST", "functions", deployment("emptied", full))).status).toBe(202);
    const empty = { labels: {}, annotations: {}, envVars: {} };
    const sent = deployment("emptied", { ...empty, scale: {} });
    expect((await call("PUT", "functions", sent)).status).toBe(202);
    const shown = (await describeFunction("emptied")) as { image: string; scale: object };
    expect([shown.image, shown.scale]).toEqual(["example/a:1", {}]);
    for (const field of Object.keys(empty)) {
      expect(shown).not.toHaveProperty(field);
    }
    expect((await call("PUT", "functions", deployment("emptied", full))).status).toBe(202);
    expect(await describeFunction("emptied")).toMatchObject(full);
  });

  test("that the CRD would refuse is refused before, with the field", async () => {
    const labels = { "com.openfaas.scale.min": "5", "com.openfaas.scale.max": "2" };
    const response = await call("POST", "functions", deployment("bad", { labels }));
    expect([response.status, await response.text()]).toEqual([
      400,
      'labels["com.openfaas.scale.min"]: expected at most com.openfaas.scale.max (2), got "5"',
    ]);
  });

  test("from code has an immutable ConfigMap", async () => {
    const body = { service: "pasted", code: "export default () => 1" };
    expect((await call("POST", "functions", body)).status).toBe(202);
    const { code } = (await describeFunction("pasted")) as { code: { configMap: string } };
    const get = ["get", "configmap", code.configMap, "-n", "openfaas-fn", "-o", "json"];
    expect(JSON.parse(await api.kubectl(...get))).toMatchObject({
      immutable: true,
      data: { "index.mjs": body.code },
      metadata: { labels: { faas_function: "pasted" } },
    });
    expect(await (await call("GET", "function/pasted?code=1")).json()).toMatchObject({
      image: "example/runtime:1",
      code: { text: body.code },
    });
  });

  test("that may be overridden becomes what was sent, without what its program had set", async () => {
    const manifest = {
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: {
        name: "open",
        namespace: "openfaas-fn",
        annotations: { "plonk/allow-override": "true" },
      },
      spec: { name: "open", image: "example/runtime:1", code: { configMap: "open-1" } },
    };
    await api.apply(JSON.stringify(manifest), "pulumi-kubernetes-7c11");
    expect((await call("PUT", "functions", deployment("open"))).status).toBe(202);
    const shown = await describeFunction("open");
    expect(shown).toMatchObject({ image: "example/a:1" });
    expect(shown).not.toHaveProperty("code");
  });

  test("that Pulumi applied is 409 for PUT and DELETE, and can be scaled", async () => {
    const manifest = {
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: { name: "owned", namespace: "openfaas-fn" },
      spec: { name: "owned", image: "example/a:1" },
    };
    await api.apply(JSON.stringify(manifest), "pulumi-kubernetes-7c11");
    await until("the function", async () => (await call("GET", "function/owned")).status === 200);
    const put = await call("PUT", "functions", deployment("owned"));
    expect([put.status, await put.text()]).toEqual([
      409,
      expect.stringContaining("managed by Pulumi (field manager pulumi-kubernetes-7c11)"),
    ]);
    expect((await call("DELETE", "functions", { functionName: "owned" })).status).toBe(409);
    expect((await call("POST", "scale-function/owned", { replicas: 0 })).status).toBe(202);
    await until(
      "no replicas",
      async () => !("replicas" in ((await describeFunction("owned")) as object)),
    );
  });

  test("that somebody else applied is 409 and names the manager", async () => {
    const manifest = {
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: { name: "gitops", namespace: "openfaas-fn" },
      spec: { name: "gitops", image: "example/a:1" },
    };
    await api.apply(JSON.stringify(manifest), "argocd-controller");
    const body = deployment("gitops", { image: "example/b:2" });
    const response = await call("PUT", "functions", body);
    expect([response.status, await response.text()]).toEqual([
      409,
      expect.stringContaining("argocd-controller"),
    ]);
  });

  test("is gone at once when it is deleted", async () => {
    await call("POST", "functions", deployment("gone"));
    expect((await call("DELETE", "functions", { functionName: "gone" })).status).toBe(202);
    expect((await call("GET", "function/gone")).status).toBe(404);
  });
});

describe("a Secret on a real API server", () => {
  test("is created, listed without its value, replaced and deleted", async () => {
    expect((await call("POST", "secrets", { name: "key", value: "one" })).status).toBe(202);
    expect((await call("POST", "secrets", { name: "key", value: "one" })).status).toBe(409);
    expect(await (await call("GET", "secrets")).json()).toEqual([
      { name: "key", namespace: "openfaas-fn" },
    ]);
    expect((await call("PUT", "secrets", { name: "key", value: "two" })).status).toBe(202);
    const jsonpath = "jsonpath={.data.key}";
    const value = await api.kubectl("get", "secret", "key", "-n", "openfaas-fn", "-o", jsonpath);
    expect(Buffer.from(value, "base64").toString()).toBe("two");
    expect((await call("DELETE", "secrets", { name: "key" })).status).toBe(202);
    expect(await (await call("GET", "secrets")).json()).toEqual([]);
  });
});

describe("the Deployment of the queue-workers on a real API server", () => {
  const deploymentOf = (revision: string, spec: object = {}): string =>
    JSON.stringify({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "queue-worker", namespace: "openfaas" },
      spec: {
        ...spec,
        selector: { matchLabels: { app: "queue-worker" } },
        template: {
          metadata: { labels: { app: "queue-worker" }, annotations: { revision } },
          spec: { containers: [{ name: "queue-worker", image: "example/worker:1" }] },
        },
      },
    });

  /** The gateway, with the rights that the component gives it. */
  async function login(): Promise<KubernetesClient> {
    const metadata = { name: "queue-workers", namespace: "openfaas" };
    const apiGroup = "rbac.authorization.k8s.io";
    const role = { apiVersion: `${apiGroup}/v1`, kind: "Role", metadata };
    await api.apply(JSON.stringify({ ...role, rules: QUEUE_WORKER_RULES }));
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata };
    await api.apply(JSON.stringify(account));
    const binding = {
      ...{ ...role, kind: "RoleBinding" },
      roleRef: { apiGroup, kind: "Role", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    };
    await api.apply(JSON.stringify(binding));
    const token = await api.kubectl("create", "token", metadata.name, "-n", "openfaas");
    const limited = createTokenClient(join(directory, "kubeconfig"), token);
    onTestEnd(() => limited.close());
    // Rights that were given a moment ago may not be known everywhere yet.
    const isKnown = (): Promise<boolean> =>
      new WorkerDeployment(limited, "openfaas").read().then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ status: 403 });
          return false;
        },
      );
    await until("its rights", isKnown);
    return limited;
  }

  /** Kubernetes' own controllers write, too: then it is looked at again, as the scaler does. */
  async function scaleTo(workers: WorkerDeployment, replicas: number): Promise<number> {
    let written = -1;
    await until(`${replicas} replicas`, async () => {
      const scale = await workers.read();
      try {
        written = (await workers.write({ ...scale, replicas })).replicas;
        return true;
      } catch (error) {
        expect(error).toMatchObject({ status: 409 });
        return false;
      }
    });
    return written;
  }

  test("has as many as the gateway says, whatever its program applies beside", async () => {
    await api.kubectl("create", "namespace", "openfaas");
    await api.apply(deploymentOf("1"), "pulumi-kubernetes");
    const limited = await login();
    const workers = new WorkerDeployment(limited, "openfaas");
    const first = await workers.read();
    expect(first.replicas).toBe(1);
    expect(await scaleTo(workers, 3)).toBe(3);
    await expect(workers.write({ ...first, replicas: 2 })).rejects.toMatchObject({ status: 409 });
    await api.apply(deploymentOf("2"), "pulumi-kubernetes");
    expect((await workers.read()).replicas).toBe(3);
    expect(await scaleTo(workers, 0)).toBe(0);
    expect((await workers.read()).replicas).toBe(0);
  });

  test("gives the gateway no other rights", async () => {
    const limited = await login();
    const path = "/apis/apps/v1/namespaces/openfaas/deployments";
    for (const other of [path, `${path}/queue-worker`, `${path}/gateway/scale`]) {
      await expect(limited.request(other)).rejects.toMatchObject({ status: 403 });
    }
    const image = { spec: { template: { spec: { containers: [] } } } };
    await expect(limited.mergePatch(`${path}/queue-worker`, image, "x")).rejects.toMatchObject({
      status: 403,
    });
  });
});

test("EndpointSlices open and close the way to a function", async () => {
  const address = findOwnAddress();
  const pod = createServer((_request, response) => response.end("answered"));
  const port = await listen(pod, 0, address);
  onTestEnd(() => stopServer(pod));
  await call("POST", "functions", deployment("routed"));
  const pending = fetch(`${url}/function/routed`);
  const labels = { faas_function: "routed", "kubernetes.io/service-name": "routed" };
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "routed-1", namespace: "openfaas-fn", labels },
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "http", port }],
  };
  await api.apply(JSON.stringify(slice));
  expect(await (await pending).text()).toBe("answered");
  await call("DELETE", "functions", { functionName: "routed" });
  expect((await fetch(`${url}/function/routed`)).status).toBe(404);
});
