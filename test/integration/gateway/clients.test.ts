/** OpenFaaS' clients on the wire: what each sends, and what it takes for a success. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Connector } from "../../support/connector.ts";
import { exchange, FaasCliRequests } from "../../support/faas-cli.ts";
import { type Echo, echo, FUNCTIONS, TestGateway } from "../../support/gateway.ts";

const PASSWORD = "correct-horse";
const SECRETS = "/api/v1/namespaces/openfaas-fn/secrets";

/** Every field that faas-cli reads, as its documentation has them. */
const STACK = `
version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  every-field:
    lang: dockerfile
    handler: ./every-field
    image: example/every-field:0.1.0
    fprocess: node index.js
    environment:
      write_debug: "true"
    secrets:
      - token
    labels:
      com.openfaas.scale.min: "2"
    annotations:
      topic: orders
    limits:
      memory: 128Mi
      cpu: 200m
    requests:
      memory: 64Mi
      cpu: 50m
    constraints:
      - kubernetes.io/arch=amd64
    readonly_root_filesystem: true
  bare:
    lang: node20
    handler: ./bare
    image: example/bare:latest
`;

let gateway: TestGateway;
let secrets: string;
let cli: FaasCliRequests;

beforeAll(async () => {
  secrets = mkdtempSync(join(tmpdir(), "plonk-clients-"));
  writeFileSync(join(secrets, "basic-auth-user"), "admin");
  writeFileSync(join(secrets, "basic-auth-password"), PASSWORD);
  gateway = await TestGateway.start({ basic_auth: "true", secret_mount_path: secrets });
  cli = new FaasCliRequests(gateway.url, "admin", PASSWORD);
});

afterAll(async () => {
  await gateway.stop();
  rmSync(secrets, { recursive: true });
});

function stored(name: string): Record<string, unknown> {
  return (gateway.fake.objects.get(`${FUNCTIONS}/${name}`)?.["spec"] ?? {}) as never;
}

describe("faas-cli", () => {
  it("logs in, and tells a wrong password from a right one", async () => {
    expect(await cli.login()).toBe(true);
    expect(await new FaasCliRequests(gateway.url, "admin", "wrong").login()).toBe(false);
  });

  it("deploys a stack.yaml, and updates it the next time", async () => {
    await expect(cli.deployStack(STACK)).rejects.toThrow(
      'POST /system/functions: unexpected status 400: secrets[0]: expected a secret in namespace openfaas-fn, got "token"',
    );
    await cli.createSecret("token", "zero");
    expect(await cli.deployStack(STACK)).toEqual({ "every-field": "created", bare: "created" });
    expect(stored("every-field")).toEqual({
      name: "every-field",
      image: "example/every-field:0.1.0",
      handler: "node index.js",
      environment: { write_debug: "true" },
      secrets: ["token"],
      labels: { "com.openfaas.scale.min": "2" },
      annotations: { topic: "orders" },
      limits: { memory: "128Mi", cpu: "200m" },
      requests: { memory: "64Mi", cpu: "50m" },
      constraints: ["kubernetes.io/arch=amd64"],
      readOnlyRootFilesystem: true,
    });
    expect(await cli.deployStack(STACK)).toEqual({ "every-field": "updated", bare: "updated" });
  });

  it("lists and describes what it deployed, without fields that were not sent", async () => {
    const names = (await cli.list()).map(({ name }) => name);
    expect(names).toEqual(["bare", "every-field"]);
    const bare = await cli.describe("bare");
    expect(bare).toEqual({
      name: "bare",
      image: "example/bare:latest",
      namespace: "openfaas-fn",
      labels: {},
      annotations: {},
      replicas: 1,
      createdAt: bare.createdAt,
    });
    expect(new Date(bare.createdAt).getTime()).not.toBeNaN();
  });

  it("scales by its body", async () => {
    await cli.scale("bare", 3);
    await gateway.settle();
    expect((await cli.describe("bare")).replicas).toBe(3);
  });

  it("removes by its body, and gets an error for what is not there", async () => {
    await cli.remove("bare");
    expect((await cli.list()).map(({ name }) => name)).toEqual(["every-field"]);
    await expect(cli.remove("bare")).rejects.toThrow(
      "DELETE /system/functions: unexpected status 404: error finding function bare.openfaas-fn",
    );
  });

  it("calls by name and namespace without credentials, and relays what is said", async () => {
    await gateway.serve("talker", echo);
    const told = JSON.parse(await cli.invoke("talker", "hello")) as Echo;
    expect(told).toMatchObject({ method: "POST", url: "/", body: "hello" });
    expect(told.headers).not.toHaveProperty("authorization");
    await expect(cli.invoke("nobody", "hello")).rejects.toThrow("unexpected status 404");
  });

  it("writes secrets, of which it only ever sees the names", async () => {
    await cli.removeSecret("token");
    await cli.createSecret("token", "one");
    await expect(cli.createSecret("token", "two")).rejects.toThrow("unexpected status 409");
    await cli.updateSecret("token", "two");
    const { data } = gateway.fake.objects.get(`${SECRETS}/token`) as never as {
      data: Record<string, string>;
    };
    expect(Buffer.from(data["token"] ?? "", "base64").toString()).toBe("two");
    expect(await cli.listSecrets()).toEqual(["token"]);
    await cli.removeSecret("token");
    expect(await cli.listSecrets()).toEqual([]);
    await expect(cli.updateSecret("token", "three")).rejects.toThrow("unexpected status 404");
  });

  it("asks whether the gateway and a function are ready, and who it speaks to", async () => {
    expect(await cli.ready()).toBe(true);
    expect(await cli.ready("every-field")).toBe(false);
    expect((await cli.version()).provider.orchestration).toBe("kubernetes");
  });
});

describe("a client with the Go SDK of 2022", () => {
  it("deletes and scales by namespaces in the query", async () => {
    gateway.declare("old");
    await gateway.settle();
    const credentials = Buffer.from(`admin:${PASSWORD}`).toString("base64");
    const headers = { "User-Agent": "openfaas-go-sdk", Authorization: `Basic ${credentials}` };
    const scaled = await exchange(
      `${gateway.url}/system/scale-function/old?namespace=openfaas-fn`,
      {
        method: "POST",
        headers,
        body: { serviceName: "old", replicas: 2 },
      },
    );
    expect(scaled.status).toBe(202);
    const removed = await exchange(`${gateway.url}/system/functions?namespace=openfaas-fn`, {
      method: "DELETE",
      headers,
      body: { functionName: "old" },
    });
    expect(removed.status).toBe(202);
    expect(gateway.fake.objects.has(`${FUNCTIONS}/old`)).toBe(false);
  });
});

describe("a connector", () => {
  const options = { user: "admin", password: PASSWORD, isAsynchronous: false };

  it("finds the functions of a topic and calls them with its headers", async () => {
    const [port = 0] = await gateway.serve("listener", echo);
    gateway.declare("listener", { annotations: { topic: "orders,payments" } });
    gateway.route("listener", [port]);
    await gateway.settle();
    const connector = new Connector({ ...options, url: gateway.url, name: "kafka-connector" });
    await connector.rebuild();
    expect(connector.subscribers("payments")).toEqual(["listener.openfaas-fn"]);
    const [answer] = await connector.publish("payments", "{}");
    expect(answer?.status).toBe(200);
    expect((JSON.parse(answer?.text ?? "") as Echo).headers).toMatchObject({
      "x-connector": "kafka-connector",
      "x-topic": "payments",
    });
  });

  it("for cron calls with an empty body", async () => {
    const [port = 0] = await gateway.serve("clock", echo);
    const annotations = { topic: "cron-function", schedule: "*/5 * * * *" };
    gateway.declare("clock", { annotations });
    gateway.route("clock", [port]);
    await gateway.settle();
    const connector = new Connector({ ...options, url: gateway.url, name: "cron-connector" });
    await connector.rebuild();
    const [answer] = await connector.publish("cron-function", "");
    expect(JSON.parse(answer?.text ?? "")).toMatchObject({ method: "POST", body: "" });
  });

  it("ends when it may not look", async () => {
    const credentials = { ...options, password: "wrong", url: gateway.url, name: "x" };
    await expect(new Connector(credentials).rebuild()).rejects.toThrow("expected 200, got 401");
  });
});

describe("Alertmanager", () => {
  /** What version 0.25 posts for one group of alerts. */
  const toWebhook = (name: string, status: "firing" | "resolved"): object => {
    const labels = {
      alertname: "APIHighInvocationRate",
      function_name: name,
      service: "gateway",
      severity: "major",
    };
    const annotations = { description: "It is called often", summary: "High invocation rate" };
    return {
      receiver: "scale-up",
      status,
      alerts: [
        {
          status,
          labels,
          annotations,
          startsAt: "2026-01-02T03:04:05.678Z",
          endsAt: status === "firing" ? "0001-01-01T00:00:00Z" : "2026-01-02T03:05:05.678Z",
          generatorURL: "http://prometheus-0:9090/graph?g0.expr=up&g0.tab=1",
          fingerprint: "bf4d2c1a0e9f8b7c",
        },
      ],
      groupLabels: { alertname: labels.alertname, function_name: name, service: "gateway" },
      commonLabels: labels,
      commonAnnotations: annotations,
      externalURL: "http://alertmanager-0:9093",
      version: "4",
      groupKey: `{}:{alertname="APIHighInvocationRate", function_name="${name}"}`,
      truncatedAlerts: 0,
    };
  };

  const post = async (body: object, password = PASSWORD): Promise<number> => {
    const credentials = Buffer.from(`admin:${password}`).toString("base64");
    const { status } = await exchange(`${gateway.url}/system/alert`, {
      method: "POST",
      headers: {
        "User-Agent": "Alertmanager/0.25.0",
        "Content-Type": "application/json",
        Authorization: `Basic ${credentials}`,
      },
      body,
    });
    await gateway.settle();
    return status;
  };

  it("scales up while it fires, and to the least when it is resolved", async () => {
    gateway.declare("busy");
    await gateway.settle();
    expect(await post(toWebhook("busy.openfaas-fn", "firing"))).toBe(200);
    expect(stored("busy")["replicas"]).toBe(5);
    expect(await post(toWebhook("busy.openfaas-fn", "resolved"))).toBe(200);
    expect(stored("busy")["replicas"]).toBe(1);
  });

  it("is refused without the right password", async () => {
    expect(await post(toWebhook("busy.openfaas-fn", "firing"), "wrong")).toBe(401);
  });
});
