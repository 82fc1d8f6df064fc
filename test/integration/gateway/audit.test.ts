/** The audit log: a line for each change, whoever asked for it and whatever came of it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { echo, TestGateway } from "../../support/gateway.ts";
import { basic, UserFolder } from "../../support/users.ts";

const folder = new UserFolder([
  { name: "team", password: "p", role: "deployer", namespaces: ["openfaas-fn"] },
  { name: "read", password: "p", role: "reader" },
]);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ basic_auth: "true", secret_mount_path: folder.path });
  await gateway.serve("f", echo);
});

afterAll(async () => {
  await gateway.stop();
  folder.remove();
});

/** The audit lines that a request leaves. */
async function audit(
  user: string,
  [method = "GET", path = "/"]: string[],
  body: unknown = {},
): Promise<unknown[]> {
  const before = gateway.log.text().length;
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: basic(user, "p"), "x-call-id": "call-1" },
    body: method === "GET" ? null : typeof body === "string" ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  await response.text();
  await gateway.settle();
  return gateway.log
    .text()
    .slice(before)
    .split("\n")
    .filter((line) => line.includes('"msg":"audit"'))
    .map((line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      const { level, time, name, msg, pid, hostname, ...facts } = entry;
      expect([level, name, msg, pid]).toEqual(["info", "test", "audit", process.pid]);
      expect([typeof time, typeof hostname]).toEqual(["string", "string"]);
      return facts;
    });
}

const common = { peer: "127.0.0.1", callId: "call-1" };

test.each<[string, string[], unknown, object]>([
  [
    "team",
    ["POST", "/system/secrets"],
    { name: "s", value: "canary-1" },
    { who: "team", route: "/system/secrets", target: "s.openfaas-fn", status: 202 },
  ],
  [
    "team",
    ["POST", "/system/secrets"],
    { name: "s", value: "canary-1" },
    { who: "team", route: "/system/secrets", target: "s.openfaas-fn", status: 409 },
  ],
  [
    "read",
    ["DELETE", "/system/functions"],
    { functionName: "f" },
    { who: "read", route: "/system/functions", target: "f.openfaas-fn", status: 403 },
  ],
  [
    "team",
    ["PUT", "/system/functions"],
    { service: "f", image: "i", namespace: "other", envVars: { A: "canary-2" } },
    { who: "team", route: "/system/functions", target: "f.other", status: 403 },
  ],
  [
    "team",
    ["POST", "/system/scale-function/f"],
    { serviceName: "ignored", replicas: "canary" },
    { who: "team", route: "/system/scale-function/:name", target: "f.openfaas-fn", status: 400 },
  ],
  [
    "admin-typo",
    ["DELETE", "/system/functions"],
    { functionName: "f" },
    { route: "/system/functions", status: 401 },
  ],
  [
    "team",
    ["POST", "/system/secrets"],
    { name: "canary: a secret in the wrong field\n", value: "v" },
    { who: "team", route: "/system/secrets", target: "?.openfaas-fn", status: 400 },
  ],
  [
    "team",
    ["POST", "/system/secrets"],
    '{"name": "canary-broken"',
    { who: "team", route: "/system/secrets", status: 400 },
  ],
  [
    "team",
    ["DELETE", "/system/functions"],
    { functionName: "f.other" },
    { who: "team", route: "/system/functions", target: "f.other", status: 403 },
  ],
  [
    "team",
    ["POST", "/system/scale-function/f.other"],
    { replicas: 1 },
    { who: "team", route: "/system/scale-function/:name", target: "f.other", status: 403 },
  ],
  [
    "team",
    ["DELETE", "/system/functions?namespace="],
    { functionName: "none", namespace: "" },
    { who: "team", route: "/system/functions", target: "none.openfaas-fn", status: 404 },
  ],
  [
    "team",
    ["DELETE", "/system/functions?namespace=other"],
    { functionName: "f", namespace: "" },
    { who: "team", route: "/system/functions", target: "f.other", status: 403 },
  ],
  [
    "read",
    ["DELETE", "/system/secrets"],
    { name: "a.b" },
    { who: "read", route: "/system/secrets", target: "a.b.openfaas-fn", status: 403 },
  ],
  [
    "team",
    ["DELETE", "/system/namespace/b"],
    {},
    { who: "team", route: "/system/namespace/:namespace", target: "b", status: 403 },
  ],
])("%s %j leaves one line", async (...[user, request, body, facts]) => {
  const lines = await audit(user, request, body);
  expect(lines).toEqual([{ method: request[0], ...facts, ...common }]);
  expect(JSON.stringify(lines)).not.toContain("canary");
});

test("reading, and calling functions, leaves none", async () => {
  expect(await audit("team", ["GET", "/system/functions"])).toEqual([]);
  expect(await audit("team", ["POST", "/function/f"])).toEqual([]);
});

test("lines are written at any level of the log", async () => {
  gateway.log.logger.level = "error";
  const lines = await audit("team", ["DELETE", "/system/functions"], { functionName: "none" });
  gateway.log.logger.level = "trace";
  expect(lines).toHaveLength(1);
});
