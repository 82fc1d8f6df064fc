/** Secrets by name only, and the logs of a function's pods. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

const SECRETS = "/api/v1/namespaces/openfaas-fn/secrets";
const PODS = "/api/v1/namespaces/openfaas-fn/pods";
const CANARY = "canary-9b1d";
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(() => gateway.stop());

async function call(
  method: string,
  body?: object,
  query = "",
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${gateway.url}/system/secrets${query}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

describe("/system/secrets", () => {
  test("creates, lists, replaces and deletes, and never shows a value", async () => {
    const created = await call("POST", { name: "api-key", value: CANARY });
    expect(created).toEqual({ status: 202, text: "" });
    expect(gateway.fake.objects.get(`${SECRETS}/api-key`)).toMatchObject({
      metadata: { labels: { "app.kubernetes.io/managed-by": "plonk" } },
      type: "Opaque",
      data: { "api-key": Buffer.from(CANARY).toString("base64") },
    });
    const listed = await call("GET", undefined, "?namespace=openfaas-fn");
    expect(JSON.parse(listed.text)).toEqual([{ name: "api-key", namespace: "openfaas-fn" }]);
    const raw = Buffer.from([0, 255, 10]).toString("base64");
    expect((await call("PUT", { name: "api-key", rawValue: raw })).status).toBe(202);
    expect(gateway.fake.objects.get(`${SECRETS}/api-key`)?.["data"]).toEqual({ "api-key": raw });
    expect((await call("DELETE", { name: "api-key" })).status).toBe(202);
    expect(JSON.parse((await call("GET")).text)).toEqual([]);
    expect(gateway.log.text()).not.toContain(CANARY);
  });

  test("does not create a secret twice, and does not write one that is missing", async () => {
    await call("POST", { name: "twice", value: "x" });
    expect((await call("POST", { name: "twice", value: "y" })).status).toBe(409);
    const text = "error finding secret none.openfaas-fn";
    expect(await call("PUT", { name: "none", value: "x" })).toEqual({ status: 404, text });
    expect(await call("DELETE", { name: "none" })).toEqual({ status: 404, text });
  });

  test("does not touch secrets that are not the platform's", async () => {
    gateway.fake.put(SECRETS, { metadata: { name: "foreign" }, data: {} });
    expect((await call("PUT", { name: "foreign", value: "x" })).status).toBe(404);
    expect((await call("DELETE", { name: "foreign" })).status).toBe(404);
    expect(JSON.parse((await call("GET")).text)).not.toContainEqual(
      expect.objectContaining({ name: "foreign" }),
    );
  });

  test("leaves Pulumi's secrets to Pulumi", async () => {
    const labels = { "app.kubernetes.io/managed-by": "pulumi" };
    const managedFields = [{ manager: "pulumi-kubernetes-1" }];
    gateway.fake.put(SECRETS, { metadata: { name: "owned", labels, managedFields } });
    expect(JSON.parse((await call("GET")).text)).toContainEqual({
      name: "owned",
      namespace: "openfaas-fn",
    });
    expect(await call("DELETE", { name: "owned" })).toEqual({
      status: 409,
      text: "secret owned.openfaas-fn is managed by Pulumi (field manager pulumi-kubernetes-1): change it there",
    });
  });

  test.each([
    [{ name: "Upper", value: "x" }],
    [{ name: "a/b", value: "x" }],
    [{ name: "none" }],
    [{ name: "bad", rawValue: "***" }],
    [{ name: "elsewhere", namespace: "kube-system", value: "x" }],
  ])("refuses %j", async (body) => {
    expect((await call("POST", body)).status).toBe(400);
  });
});

function putPod(name: string, phase: string, log: string): void {
  gateway.fake.logs.set(name, log);
  const labels = { faas_function: "f" };
  gateway.fake.put(PODS, { metadata: { name, labels }, status: { phase } });
}

async function readLogs(query: string): Promise<{ instance: string; text: string }[]> {
  const response = await fetch(`${gateway.url}/system/logs?${query}`);
  const text = await response.text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { instance: string; text: string });
}

describe("/system/logs", () => {
  const at = "2026-11-21T10:00:00.123456789Z";

  beforeAll(async () => {
    gateway.declare("f");
    putPod("f-1", "Running", `${at} one\n${at} two words\n`);
    putPod("f-2", "Running", `${at} three\n`);
    putPod("f-3", "Pending", `${at} not yet\n`);
    await gateway.settle();
  });

  test("gives the lines of all pods as newline-delimited JSON", async () => {
    const response = await fetch(`${gateway.url}/system/logs?name=f&tail=-1`);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    await response.text();
    const lines = await readLogs("name=f");
    expect(lines).toHaveLength(3);
    expect(lines).toContainEqual({
      name: "f",
      namespace: "openfaas-fn",
      instance: "f-1",
      timestamp: at,
      text: "two words",
    });
    expect(lines.map(({ instance }) => instance)).not.toContain("f-3");
  });

  test("passes tail, since and follow on, and reads one instance when asked to", async () => {
    const lines = await readLogs("name=f&instance=f-2&tail=5&since=2026-11-21T09:00:00Z");
    expect(lines.map(({ text }) => text)).toEqual(["three"]);
    const asked = gateway.fake.requests.find(({ path }) => path.endsWith("/log"));
    expect(asked?.path).toBe(`${PODS}/f-2/log`);
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      follow: "false",
      timestamps: "true",
      tailLines: "5",
      sinceTime: "2026-11-21T09:00:00.000Z",
    });
  });

  test("takes a duration for since", async () => {
    await readLogs("name=f&since=1m");
    const asked = gateway.fake.requests.find(({ path }) => path.endsWith("/log"));
    const age = Date.now() - Date.parse(asked?.query.get("sinceTime") ?? "");
    expect(Math.abs(age - 60_000)).toBeLessThan(5000);
  });

  test("goes on with pods that come later while it follows, until the caller leaves", async () => {
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/system/logs?name=f&follow=true`, {
      signal: abort.signal,
    });
    let text = "";
    const reading = (async () => {
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
      }
    })().catch(() => undefined);
    await until("the first lines", () => text.split("\n").length === 4);
    putPod("f-4", "Running", `${at} late\n`);
    await until("the late line", () => text.includes('"late"'));
    const watchers = gateway.fake.watchers;
    abort.abort();
    await reading;
    await until("the watch of pods to end", () => gateway.fake.watchers === watchers - 1);
  });

  test.each([
    ["name=unknown", 404],
    ["", 400],
    ["name=f&tail=many", 400],
    ["name=f&since=yesterday", 400],
    ["name=f&namespace=other", 400],
  ])("refuses %s with %d", async (query, status) => {
    expect((await fetch(`${gateway.url}/system/logs?${query}`)).status).toBe(status);
  });
});
