/** Gateway and operator with the rights that they really have, in several function namespaces. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { PREPARED, toFunctionPolicies } from "../../../contract/index.ts";
import { createGateway, type Gateway } from "../../../services/gateway/app.ts";
import { readConfig as readGatewayConfig } from "../../../services/gateway/config.ts";
import { type KubernetesClient, resourcePath } from "../../../services/lib/kubernetes.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { listen } from "../../../services/lib/servers.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import type { Manager } from "../../../services/operator/kubernetes/manager.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { createKeptLog } from "../../support/logs.ts";
import { stopServer } from "../../support/network.ts";
import { eventually, TestCluster } from "./cluster.ts";
import { connectAs, grantRights } from "./rights.ts";

interface Stored {
  metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
  spec: object;
}

const log = createKeptLog("info");
const registry = new Registry();
const atEnd = collectCleanups(afterAll, 60_000);
let cluster: TestCluster;
let operator: Manager;
let gateway: Gateway;
let clients: Record<"gateway" | "operator", KubernetesClient>;
let url = "";

beforeAll(async () => {
  cluster = await TestCluster.start();
  atEnd(() => cluster.stop());
  await grantRights(cluster);
  clients = {
    gateway: await connectAs(cluster, "gateway"),
    operator: await connectAs(cluster, "operator"),
  };
  atEnd(() => clients.operator.close());
  const env = { cluster_scope: "true", network_policies: "true", denied_egress: "192.0.2.1/32" };
  const config = readConfig({ ...env, pod_name: "operator-1" });
  const { logger } = log;
  operator = createOperator({ client: clients.operator, config, logger, registry });
  atEnd(() => operator.stop());
  await operator.start();
  const prometheus = { faas_prometheus_host: "127.0.0.1", faas_prometheus_port: "1" };
  const gatewayConfig = readGatewayConfig({ ...env, ...prometheus });
  gateway = await createGateway({ config: gatewayConfig, client: clients.gateway, logger });
  atEnd(() => gateway.close());
  await gateway.start();
  const { server } = gateway;
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  atEnd(() => stopServer(server));
});

async function send(method: string, path: string, body?: object): Promise<[number, string]> {
  const answer = await fetch(`${url}/system/${path}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  return [answer.status, await answer.text()];
}

/** Operator and gateway each have a watch, and either may be the first to hear of a change. */
async function untilStatus(path: string, status: number): Promise<void> {
  await eventually(async () => (await send("GET", path))[0] === status);
}

async function show(namespace: string): Promise<unknown> {
  return JSON.parse((await send("GET", `namespace/${namespace}`))[1]) as unknown;
}

const MARK = { openfaas: "1" };
const create = (name: string, more: object = {}): Promise<[number, string]> =>
  send("POST", "namespace/", { name, labels: MARK, annotations: MARK, ...more });
const deploy = (service: string, namespace: string): Promise<[number, string]> =>
  send("POST", "functions", { service, namespace, image: "registry.example/x:1" });

const readNamespace = (name: string): Promise<Stored | undefined> =>
  cluster.read<Stored>({ plural: "namespaces", name });
/** Makes one that can be used: on a busy machine that takes longer than its caller waits for. */
async function make(name: string, more: object = {}): Promise<void> {
  const [status] = await create(name, more);
  if (status !== 202) {
    expect(status).toBe(201);
    return;
  }
  await eventually(async () => (await readNamespace(name))?.metadata.annotations?.[PREPARED]);
  const pods = `/api/v1/namespaces/${name}/pods`;
  await eventually(() =>
    clients.gateway.request(pods).then(
      () => true,
      () => false,
    ),
  );
  // The gateway may not have heard yet of what is stored.
  await untilStatus(`functions?namespace=${name}`, 200);
}

const readPolicy = (name: string, namespace: string): Promise<Stored | undefined> =>
  cluster.read<Stored>({ group: "networking.k8s.io", plural: "networkpolicies", name, namespace });

describe("a namespace that the REST API makes", () => {
  it("is isolated, restricted, and takes functions and secrets at once", async () => {
    await make("dev");
    expect((await send("POST", "secrets", { name: "k", value: "v", namespace: "dev" }))[0]).toBe(
      202,
    );
    expect(await deploy("here", "dev")).toEqual([202, ""]);
    expect((await readNamespace("dev"))?.metadata.labels).toMatchObject({
      "pod-security.kubernetes.io/enforce": "restricted",
      "pod-security.kubernetes.io/warn": "restricted",
      "pod-security.kubernetes.io/audit": "restricted",
    });
    const traffic = { platformNamespace: "openfaas", denied: ["192.0.2.1/32"] };
    for (const { name, spec } of toFunctionPolicies(traffic)) {
      expect((await readPolicy(name, "dev"))?.spec).toEqual(spec);
    }
    await eventually(() => cluster.readDeployment("here", "dev"));
    expect(await create("dev")).toEqual([409, "namespace dev already exists"]);
  });

  it("shows what was sent, and takes new labels in place of the old ones", async () => {
    await make("shown", { annotations: { note: " \u00fc ", "example.com/x": "" } });
    expect(await show("shown")).toEqual({
      name: "shown",
      labels: MARK,
      annotations: { note: " \u00fc ", "example.com/x": "" },
    });
    const labels = { team: "b", "app.kubernetes.io/part-of": "shop" };
    expect(await send("PUT", "namespace/shown", { name: "shown", labels })).toEqual([202, ""]);
    expect(await show("shown")).toEqual({ name: "shown", labels, annotations: MARK });
    const stored = await readNamespace("shown");
    expect(stored?.metadata.labels).toMatchObject({
      "kubernetes.io/metadata.name": "shown",
      "pod-security.kubernetes.io/enforce": "restricted",
    });
    expect(stored?.metadata.annotations).toEqual({ ...MARK, "plonk/prepared": "1" });
  });

  it("leaves labels of others alone, and says whose they are", async () => {
    await make("shared");
    await cluster.createNamespace("shared", { labels: { team: "a" } });
    expect(await send("PUT", "namespace/shared", { labels: { team: "b" } })).toEqual([
      409,
      "labels: team of namespace shared was set by test: change it there",
    ]);
    expect((await send("PUT", "namespace/shared", { labels: { ...MARK } }))[0]).toBe(202);
    expect(await show("shared")).toMatchObject({ labels: { team: "a", openfaas: "1" } });
  });

  it("goes with its functions, and can be made again at once", async () => {
    await make("brief");
    await deploy("short", "brief");
    await eventually(() => cluster.readDeployment("short", "brief"));
    expect(await send("DELETE", "namespace/brief")).toEqual([202, ""]);
    await untilStatus("functions?namespace=brief", 400);
    expect((await send("DELETE", "namespace/brief"))[0]).toBe(404);
    await eventually(async () => (await readNamespace("brief")) === undefined, 240);
    await make("brief");
    // Of namespaces and of functions the gateway hears by two watches.
    await eventually(async () => {
      const [status, text] = await send("GET", "functions?namespace=brief");
      expect(status).toBe(200);
      return text === "[]";
    });
    await deploy("short", "brief");
    await eventually(() => cluster.readDeployment("short", "brief"));
  }, 300_000);
});

describe("a namespace that somebody else marks", () => {
  it("is set up, and keeps the Pod Security standard that was chosen there", async () => {
    const labels = { "pod-security.kubernetes.io/enforce": "baseline", team: "a" };
    await cluster.createNamespace("old", { labels });
    await cluster.applyFunction("waiting", {}, "old");
    await cluster.waitForReason("waiting", "NamespaceNotEnabled", "old");
    await cluster.createNamespace("old", { labels, annotations: MARK });
    await eventually(() => cluster.readDeployment("waiting", "old"));
    expect((await readNamespace("old"))?.metadata.labels).toMatchObject({
      ...labels,
      "pod-security.kubernetes.io/warn": "restricted",
    });
    await untilStatus("function/waiting?namespace=old", 200);
  });

  it("is left alone when the mark goes, with all that is in it", async () => {
    await cluster.createNamespace("left", { annotations: MARK });
    await cluster.applyFunction("stays", {}, "left");
    await eventually(() => cluster.readDeployment("stays", "left"));
    await cluster.createNamespace("left");
    await cluster.waitForReason("stays", "NamespaceNotEnabled", "left");
    await untilStatus("function/stays?namespace=left", 400);
    expect(await cluster.readDeployment("stays", "left")).toBeDefined();
    expect(await readPolicy("default-deny", "left")).toBeDefined();
    await cluster.createNamespace("left", { annotations: MARK });
    await untilStatus("function/stays?namespace=left", 200);
    const readReason = async (): Promise<string | undefined> =>
      (await cluster.readFunction("stays", "left"))?.status?.conditions?.[0]?.reason;
    await eventually(async () => (await readReason()) !== "NamespaceNotEnabled");
  });
});

describe("what a namespace is set up with", () => {
  const RBAC = "rbac.authorization.k8s.io";
  const policy = (name: string) =>
    resourcePath({
      group: "networking.k8s.io",
      plural: "networkpolicies",
      namespace: "kept",
      name,
    });
  const binding = (name: string) =>
    resourcePath({ group: RBAC, plural: "rolebindings", namespace: "kept", name });
  /** The operator looks at a namespace that changes. */
  const touch = (text: string): Promise<unknown> =>
    cluster.client.mergePatch(
      "/api/v1/namespaces/kept",
      { metadata: { annotations: { touched: text } } },
      "test",
    );
  /** Messages of the Events about drift. */
  const readDrift = async (): Promise<string[]> => {
    const { items } = await cluster.client.request<{
      items: { type: string; reason: string; message: string }[];
    }>("/api/v1/namespaces/kept/events", {
      query: { fieldSelector: "involvedObject.kind=Namespace,involvedObject.name=kept" },
    });
    expect(items.every(({ type, reason }) => type === "Warning" && reason === "Drifted")).toBe(
      true,
    );
    return items.map(({ message }) => message).sort();
  };

  it("is as before when somebody has changed it, and an Event on the Namespace tells", async () => {
    await make("kept");
    const read = async () => {
      const all = await Promise.all(
        [
          ...["default-deny", "allow-platform", "allow-egress"].map(policy),
          ...["plonk-gateway-functions", "plonk-operator-functions"].map(binding),
        ].map((path) => cluster.client.find<{ spec?: object; roleRef?: object }>(path)),
      );
      return all.map((it) => it && (it.spec ?? it.roleRef));
    };
    const before = await read();
    const labels = { metadata: { labels: { team: "a" } } };
    await cluster.client.mergePatch(policy("allow-platform"), labels, "somebody");
    await cluster.client.mergePatch(binding("plonk-gateway-functions"), labels, "somebody");
    await cluster.client.mergePatch(policy("default-deny"), { spec: { ingress: [{}] } }, "opener");
    await cluster.client.request(policy("allow-egress"), { method: "DELETE" });
    await cluster.client.request(binding("plonk-operator-functions"), { method: "DELETE" });
    await touch("1");
    await eventually(async () => (await readDrift()).length >= 3);
    expect(await read()).toStrictEqual(before);
    // Its role cannot be changed, so that somebody has to make it anew.
    const name = "plonk-gateway-functions";
    await cluster.client.request(binding(name), { method: "DELETE" });
    const other = { apiGroup: RBAC, kind: "ClusterRole", name: "view" };
    const foreign = { apiVersion: `${RBAC}/v1`, kind: "RoleBinding", roleRef: other };
    await cluster.client.apply(
      binding(name),
      { ...foreign, metadata: { name }, subjects: [] },
      { fieldManager: "somebody" },
    );
    await touch("2");
    await eventually(async () => (await readDrift()).length >= 4);
    expect(await read()).toStrictEqual(before);
    expect(await readDrift()).toStrictEqual([
      "NetworkPolicy allow-egress: others had deleted it, and it was made again",
      "NetworkPolicy default-deny: others had changed it, which was undone: spec.ingress (opener)",
      "RoleBinding plonk-gateway-functions: others had changed it, which was undone: roleRef (somebody), subjects (somebody)",
      "RoleBinding plonk-operator-functions: others had deleted it, and it was made again",
    ]);
    const metrics = await registry.metrics();
    expect(metrics).toContain('operator_drift_total{kind="NetworkPolicy",result="repaired"} 2\n');
    expect(metrics).toContain('operator_drift_total{kind="RoleBinding",result="repaired"} 2\n');
    await deploy("here", "kept");
    await eventually(() => cluster.readDeployment("here", "kept"));
  });
});

describe("rights", () => {
  const status = (who: "gateway" | "operator", path: string, body?: object): Promise<number> =>
    clients[who]
      .request(path, body === undefined ? {} : { method: "POST", body })
      .then(() => 200)
      .catch((error: unknown) => (error as { status: number }).status);

  it("hold in function namespaces, and in no others", async () => {
    const secrets = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets`;
    const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
    expect(await status("gateway", secrets("dev"))).toBe(200);
    expect(await status("operator", pods("dev"))).toBe(200);
    for (const namespace of ["openfaas", "kube-system", "default"]) {
      expect(await status("gateway", secrets(namespace))).toBe(403);
      expect(await status("operator", `${secrets(namespace)}/any`)).toBe(403);
      expect(await status("operator", pods(namespace))).toBe(403);
    }
    const events = (namespace: string): string => `/api/v1/namespaces/${namespace}/events`;
    expect(await status("operator", events("dev"))).toBe(200);
    expect(await status("operator", `${events("dev")}?watch=true&timeoutSeconds=1`)).toBe(403);
    expect(await status("operator", events("default"))).toBe(403);
    expect(await status("operator", secrets("dev"))).toBe(403);
    expect(await status("gateway", "/api/v1/secrets")).toBe(403);
    expect(await status("operator", "/api/v1/pods")).toBe(403);
  });

  it("do not let the operator hand out any others", async () => {
    const bind = async (name: string, role: string): Promise<number> => {
      const group = "rbac.authorization.k8s.io";
      const path = `/apis/${group}/v1/namespaces/kube-system/rolebindings/${name}`;
      const binding = {
        apiVersion: `${group}/v1`,
        kind: "RoleBinding",
        metadata: { name, namespace: "kube-system" },
        roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
        subjects: [{ kind: "ServiceAccount", name: "operator", namespace: "openfaas" }],
      };
      return clients.operator
        .apply(path, binding, { fieldManager: "plonk-operator" })
        .then(() => 200)
        .catch((error: unknown) => (error as { status: number }).status);
    };
    expect(await bind("plonk-operator-functions", "cluster-admin")).toBe(403);
    expect(await bind("mine", "plonk-operator-functions")).toBe(403);
    const removal = `/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings`;
    const removed = clients.operator.request(`${removal}/mine`, { method: "DELETE" });
    await expect(removed).rejects.toMatchObject({ status: 403 });
    const path = "/api/v1/namespaces";
    const metadata = { name: "mine" };
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata };
    expect(await status("operator", path, namespace)).toBe(403);
  });

  it("are enough: nothing was refused on the way", () => {
    const refused = log
      .text()
      .split("\n")
      .filter((line) => line.includes("forbidden"));
    // Rights that were given a moment ago may not be known everywhere yet, and in a namespace that
    // is being deleted nobody may make anything.
    const isExpected = /trying again|namespace \w+ because it is being terminated/;
    expect(refused.filter((line) => !isExpected.test(line))).toEqual([]);
  });
});
