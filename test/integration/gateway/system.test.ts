/** The REST API as OpenFaaS' clients use it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { closeServer, listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";

const PASSWORD = "p:ss";
const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString("base64")}`;
const directory = mkdtempSync(join(tmpdir(), "plonk-system-"));
const prometheus = createServer((request, response) => {
  queries.push(new URL(request.url ?? "", "http://x").searchParams.get("query") ?? "");
  const result = [{ metric: { function_name: "counted.openfaas-fn" }, value: [0, "7"] }];
  response.end(JSON.stringify({ data: { resultType: "vector", result } }));
});
const queries: string[] = [];
const onTestEnd = collectCleanups(afterEach);
let gateway: TestGateway;

beforeAll(async () => {
  writeFileSync(join(directory, "basic-auth-user"), "admin");
  writeFileSync(join(directory, "basic-auth-password"), PASSWORD);
  gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: directory,
    faas_prometheus_port: String(await listen(prometheus, 0, "127.0.0.1")),
  });
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(async () => {
  await gateway.stop();
  await closeServer(prometheus);
  rmSync(directory, { recursive: true });
});

interface Options {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

async function call(
  path: string,
  options: Options = {},
): Promise<{ status: number; text: string }> {
  const { method = "GET", body, headers = {} } = options;
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization, ...headers },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

async function read(path: string): Promise<unknown> {
  return JSON.parse((await call(path)).text);
}

const deployment = (service: string, more: object = {}): object => ({
  service,
  image: "example/a:1",
  labels: {},
  annotations: {},
  ...more,
});

describe("authentication", () => {
  test.each(["/system/functions", "/system/info", "/system/nothing", "/ui/", "/system/alert"])(
    "is asked for at %s",
    async (path) => {
      const response = await fetch(`${gateway.url}${path}`);
      expect([response.status, await response.text()]).toEqual([401, "invalid credentials"]);
      expect(response.headers.get("www-authenticate")).toBe('Basic realm="Restricted"');
    },
  );

  test("is not asked for by functions and /healthz", async () => {
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/function/nope`)).status).toBe(404);
    expect((await fetch(`${gateway.url}/async-function/nope`)).status).toBe(404);
  });
});

describe("functions, as faas-cli deploys them", () => {
  test("are refused by PUT while they do not exist, created by POST, and shown at once", async () => {
    const body = deployment("one", { envProcess: "cat", envVars: { A: "b" } });
    const put = await call("/system/functions", { method: "PUT", body });
    expect(put).toEqual({ status: 404, text: "error finding function one.openfaas-fn" });
    expect((await call("/system/functions", { method: "POST", body })).status).toBe(202);
    expect(await read("/system/function/one")).toEqual({
      name: "one",
      namespace: "openfaas-fn",
      image: "example/a:1",
      envProcess: "cat",
      envVars: { A: "b" },
      labels: {},
      annotations: {},
      replicas: 1,
      createdAt: "2026-01-02T03:04:05Z",
    });
  });

  test("are written by server-side apply under the gateway's own name, without replicas", async () => {
    await call("/system/functions", { method: "POST", body: deployment("applied") });
    const patch = gateway.fake.requests.find(({ method }) => method === "PATCH");
    expect(patch?.query.toString()).toBe("fieldManager=plonk-gateway");
    expect(patch?.body).toMatchObject({
      metadata: { name: "applied", namespace: "openfaas-fn" },
      spec: { name: "applied", image: "example/a:1" },
    });
    expect(JSON.stringify(patch?.body)).not.toContain("replicas");
  });

  test("are replaced by PUT: what is sent no more is gone, what is scaled stays", async () => {
    const first = deployment("two", { envVars: { A: "b" } });
    await call("/system/functions", { method: "POST", body: first });
    await call("/system/scale-function/two", {
      method: "POST",
      body: { serviceName: "two", replicas: 4 },
    });
    const body = deployment("two", { image: "example/a:2" });
    expect((await call("/system/functions", { method: "PUT", body })).status).toBe(202);
    const shown = await read("/system/function/two?namespace=openfaas-fn&usage=1");
    expect(shown).toMatchObject({ image: "example/a:2", replicas: 4 });
    expect(shown).not.toHaveProperty("envVars");
  });

  test("are not created twice", async () => {
    const body = deployment("twice");
    await call("/system/functions", { method: "POST", body });
    expect(await call("/system/functions", { method: "POST", body })).toEqual({
      status: 409,
      text: "function twice.openfaas-fn already exists",
    });
  });

  test("are deleted by a body alone, whatever its content type, and are gone at once", async () => {
    await call("/system/functions", { method: "POST", body: deployment("gone") });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = { functionName: "gone", namespace: "openfaas-fn" };
    const deletion = await call("/system/functions", { method: "DELETE", body, headers });
    expect(deletion.status).toBe(202);
    expect((await call("/system/function/gone")).status).toBe(404);
    const again = await call("/system/functions?namespace=openfaas-fn", {
      method: "DELETE",
      body: { functionName: "gone" },
    });
    expect(again.status).toBe(404);
  });

  test("are listed by name, with the calls that Prometheus counts", async () => {
    gateway.declare("counted", { replicas: 0 });
    await gateway.settle();
    const list = (await read("/system/functions")) as { name: string }[];
    const names = list.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(list.find(({ name }) => name === "counted")).toEqual({
      name: "counted",
      namespace: "openfaas-fn",
      image: "example/image:1",
      invocationCount: 7,
      createdAt: "2026-01-02T03:04:05Z",
    });
    expect(queries[0]).toBe("sum(gateway_function_invocation_total) by (function_name)");
  });

  test.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["no image", { service: "x" }],
    ["a name that DNS refuses", deployment("Upper_Case")],
    ["a number among the variables", deployment("x", { envVars: { A: 1 } })],
    ["another namespace", deployment("x", { namespace: "kube-system" })],
  ])("are refused with 400 for %s", async (_what, body) => {
    expect((await call("/system/functions", { method: "POST", body })).status).toBe(400);
    expect(gateway.fake.requests.filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("may be sent encoded, in a coding that is known", async () => {
    const post = (coding: string): Promise<Response> =>
      fetch(`${gateway.url}/system/functions`, {
        method: "POST",
        headers: { authorization, "content-encoding": coding },
        body: gzipSync(JSON.stringify(deployment("zipped"))),
      });
    const refused = await post("zstd");
    expect([refused.status, refused.headers.get("accept-encoding")]).toEqual([
      415,
      "gzip, x-gzip, deflate, br",
    ]);
    expect((await post("gzip")).status).toBe(202);
    expect(await read("/system/function/zipped")).toMatchObject({ name: "zipped" });
  });

  test("that are larger than the limit when they are decoded are refused", async () => {
    const answer = await fetch(`${gateway.url}/system/functions`, {
      method: "POST",
      headers: { authorization, "content-encoding": "br" },
      body: brotliCompressSync(JSON.stringify(deployment("x".repeat(50_000_000)))),
    });
    expect([answer.status, await answer.text()]).toEqual([413, "Request body is too large"]);
  });

  test("relay what the API server says about an object", async () => {
    gateway.fake.intercept = ({ method }, response) => {
      if (method !== "PATCH") {
        return false;
      }
      const status = { code: 422, reason: "Invalid", message: "spec.image: Invalid value" };
      response.writeHead(422).end(JSON.stringify(status));
      return true;
    };
    const answer = await call("/system/functions", { method: "POST", body: deployment("x") });
    gateway.fake.intercept = () => false;
    expect(answer).toEqual({ status: 400, text: "spec.image: Invalid value" });
  });
});

describe("functions that Pulumi manages", () => {
  const managed = (name: string, annotations: object = {}): void => {
    gateway.fake.put(FUNCTIONS, {
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: { name, annotations, managedFields: [{ manager: "pulumi-kubernetes-1a2b" }] },
      spec: { name, image: "example/a:1" },
    });
  };

  test.each([
    ["PUT", deployment("owned")],
    ["DELETE", { functionName: "owned" }],
  ])("answer %s with 409 and the owner's name", async (method, body) => {
    managed("owned");
    expect(await call("/system/functions", { method, body })).toEqual({
      status: 409,
      text: "function owned.openfaas-fn is managed by Pulumi (field manager pulumi-kubernetes-1a2b): change it there",
    });
  });

  test("can be changed by force where they are annotated so", async () => {
    managed("open", { "plonk/allow-override": "true" });
    const body = deployment("open");
    expect((await call("/system/functions", { method: "PUT", body })).status).toBe(202);
    const patch = gateway.fake.requests.find(({ method }) => method === "PATCH");
    expect(patch?.query.get("force")).toBe("true");
  });

  test("can be scaled: replicas belong to nobody's program", async () => {
    managed("scaled");
    const body = { serviceName: "scaled", replicas: 2 };
    const answer = await call("/system/scale-function/scaled", { method: "POST", body });
    expect(answer.status).toBe(202);
  });
});

describe("scaling", () => {
  test("writes the scale subresource and nothing else", async () => {
    gateway.declare("s1");
    await call("/system/scale-function/s1", { method: "POST", body: { replicas: 0 } });
    const writes = gateway.fake.requests.filter(({ method }) => method !== "GET");
    expect(writes.map(({ path, body }) => [path, body])).toEqual([
      [`${FUNCTIONS}/s1/scale`, { spec: { replicas: 0 } }],
    ]);
  });

  test("is seen by who asks after the answer", async () => {
    await call("/system/functions", { method: "POST", body: deployment("s2") });
    for (const replicas of [3, 1, 5]) {
      await call("/system/scale-function/s2", { method: "POST", body: { replicas } });
      expect(await read("/system/function/s2")).toMatchObject({ replicas });
    }
  });

  test.each([
    [{}],
    [{ replicas: -1 }],
    [{ replicas: 1001 }],
    [{ replicas: "2" }],
    [{ replicas: 1.5 }],
  ])("refuses %j", async (body) => {
    const answer = await call("/system/scale-function/s1", { method: "POST", body });
    expect(answer.status).toBe(400);
  });

  test("of an unknown function is 404", async () => {
    const body = { replicas: 1 };
    const answer = await call("/system/scale-function/none", { method: "POST", body });
    expect(answer).toEqual({ status: 404, text: "error finding function none.openfaas-fn" });
  });
});

describe("the rest of the API", () => {
  test("says what it is", async () => {
    // Sources that are not bundled are of no commit.
    const version = { sha: "unknown", release: expect.stringMatching(/^\d+\.\d+\.\d+/) };
    expect(await read("/system/info")).toEqual({
      provider: { provider: "plonk", version, orchestration: "kubernetes" },
      version,
      arch: expect.stringMatching(/^(x86_64|arm64)$/),
    });
    expect(await read("/system/namespaces")).toEqual(["openfaas-fn"]);
  });

  test("answers a wrong method with 405 and an unknown path with 404", async () => {
    const response = await fetch(`${gateway.url}/healthz`, { method: "POST" });
    expect([response.status, response.headers.get("allow"), await response.text()]).toEqual([
      405,
      "GET",
      "",
    ]);
    expect((await call("/system/info", { method: "DELETE" })).status).toBe(405);
    expect(await call("/system/nothing")).toEqual({ status: 404, text: "404 page not found\n" });
  });

  test("says errors in JSON to who accepts that", async () => {
    const headers = { accept: "application/json" };
    const { text } = await call("/system/function/none", { headers });
    expect(JSON.parse(text)).toMatchObject({
      code: "PLONK_FUNCTION_NOT_FOUND",
      message: "error finding function none.openfaas-fn",
      callId: expect.any(String),
    });
  });

  test("refuses bodies that set prototypes", async () => {
    const body = '{"service":"x","image":"y","__proto__":{"a":1}}';
    expect((await call("/system/functions", { method: "POST", body })).status).toBe(400);
  });
});

test("the list does not fail because Prometheus is away", async () => {
  const lonely = await TestGateway.start({ faas_prometheus_port: "1" });
  onTestEnd(() => lonely.stop());
  lonely.declare("f");
  await lonely.settle();
  const response = await fetch(`${lonely.url}/system/functions`);
  const list = (await response.json()) as object[];
  expect(list).toHaveLength(1);
  expect(list[0]).not.toHaveProperty("invocationCount");
});
