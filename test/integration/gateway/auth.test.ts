/** Who may do what on `/system`: every role at every route. */
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { holdClock } from "../../support/clock.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { basic, UserFolder } from "../../support/users.ts";

const NAMESPACES = "/api/v1/namespaces";
const USERS = [
  { name: "boss", password: "p", role: "admin" },
  { name: "own", password: "p", role: "deployer", namespaces: ["openfaas-fn"] },
  { name: "team", password: "p", role: "deployer", namespaces: ["team-a"] },
  { name: "every", password: "p", role: "deployer", namespaces: ["*"] },
  { name: "read", password: "p", role: "reader" },
  { name: "alert", password: "p", role: "alertmanager" },
  { name: "call", password: "p", role: "invoke" },
];
const NAMES = USERS.map(({ name }) => name);

const folder = new UserFolder(USERS);
const onTestEnd = collectCleanups(afterEach);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: folder.path,
    cluster_scope: "true",
  });
  gateway.fake.put(NAMESPACES, {
    metadata: { name: "team-a", annotations: { openfaas: "1" } },
  });
  await gateway.serve("f", echo);
});

afterAll(async () => {
  await gateway.stop();
  folder.remove();
});

interface Asked {
  status: number;
  text: string;
  headers: Headers;
}

async function ask(
  user: string,
  [method = "GET", path = "/"]: string[],
  { body, headers = {} }: { body?: object; headers?: Record<string, string> } = {},
): Promise<Asked> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: basic(user, "p"), ...headers },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** The users that are not answered 403. */
async function listAllowed(route: string, body?: object): Promise<string[]> {
  const allowed: string[] = [];
  for (const user of NAMES) {
    const { status } = await ask(user, route.split(" "), body === undefined ? {} : { body });
    expect(status).not.toBe(401);
    if (status !== 403) {
      allowed.push(user);
    }
  }
  return allowed;
}

const EVERYBODY_WHO_LOOKS = ["boss", "own", "team", "every", "read"];

describe("a route lets in who has the right", () => {
  test.each([
    ["GET /system/info", EVERYBODY_WHO_LOOKS],
    ["GET /system/namespaces", EVERYBODY_WHO_LOOKS],
    ["GET /system/queue", EVERYBODY_WHO_LOOKS],
    ["GET /ui/", EVERYBODY_WHO_LOOKS],
    ["GET /docs/", EVERYBODY_WHO_LOOKS],
    ["GET /openapi.json", EVERYBODY_WHO_LOOKS],
    ["GET /system/functions", EVERYBODY_WHO_LOOKS],
    ["GET /system/secrets", EVERYBODY_WHO_LOOKS],
    ["GET /system/functions?namespace=openfaas-fn", ["boss", "own", "every", "read"]],
    ["GET /system/functions?namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /system/secrets?namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /system/function-stats?namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /system/function/f", ["boss", "own", "every", "read"]],
    ["GET /system/function/f.team-a", ["boss", "team", "every", "read"]],
    ["GET /system/function/f?namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /system/logs?name=f", ["boss", "own", "every", "read"]],
    ["GET /system/logs?name=f&namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /system/logs?name=f.team-a", ["boss", "team", "every", "read"]],
    ["GET /system/namespace/team-a", ["boss", "team", "every", "read"]],
    ["GET /async/calls", EVERYBODY_WHO_LOOKS],
    ["GET /async/calls?namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /async/calls?function=f.team-a", ["boss", "team", "every", "read"]],
    ["GET /async/calls/1-abcdefghijklmnop", EVERYBODY_WHO_LOOKS],
    ["GET /async/dead-letters", EVERYBODY_WHO_LOOKS],
    ["GET /async/dead-letters?namespace=team-a", ["boss", "team", "every", "read"]],
    ["GET /async/dead-letters/1", EVERYBODY_WHO_LOOKS],
    ["DELETE /async/calls/1-abcdefghijklmnop", ["boss", "own", "team", "every"]],
    ["POST /async/dead-letters/1/redrive", ["boss", "own", "team", "every"]],
    ["DELETE /async/dead-letters/1", ["boss", "own", "team", "every"]],
    ["POST /async/dead-letters/redrive", ["boss", "own", "every"]],
    ["POST /async/dead-letters/redrive?namespace=team-a", ["boss", "team", "every"]],
    ["DELETE /async/dead-letters", ["boss", "own", "every"]],
    ["DELETE /async/dead-letters?function=f.team-a", ["boss", "team", "every"]],
  ])("%s: %j", async (route, users) => {
    expect(await listAllowed(route)).toEqual(users);
  });

  const deployment = (extra: object) => ({ service: "none", image: "i", ...extra });

  test.each<[string, object, string[]]>([
    ["PUT /system/functions", deployment({}), ["boss", "own", "every"]],
    ["PUT /system/functions", deployment({ namespace: "team-a" }), ["boss", "team", "every"]],
    ["PUT /system/functions", deployment({ Namespace: "team-a" }), ["boss", "team", "every"]],
    ["PUT /system/functions?namespace=team-a", deployment({}), ["boss", "team", "every"]],
    [
      "PUT /system/functions?namespace=team-a",
      deployment({ namespace: "openfaas-fn" }),
      ["boss", "every"],
    ],
    ["POST /system/functions", deployment({ namespace: "nowhere" }), ["boss", "every"]],
    ["DELETE /system/functions", { functionName: "none" }, ["boss", "own", "every"]],
    ["DELETE /system/functions", { functionName: "x.team-a" }, ["boss", "team", "every"]],
    [
      "DELETE /system/functions?namespace=team-a",
      { functionName: "none" },
      ["boss", "team", "every"],
    ],
    ["POST /system/scale-function/none", { replicas: 1 }, ["boss", "own", "every"]],
    [
      "POST /system/scale-function/none",
      { replicas: 1, namespace: "team-a" },
      ["boss", "team", "every"],
    ],
    ["PUT /system/secrets", { name: "none", value: "v" }, ["boss", "own", "every"]],
    ["PUT /system/secrets", { name: "none.team-a", value: "v" }, ["boss", "own", "every"]],
    ["DELETE /system/secrets", { name: "none", namespace: "team-a" }, ["boss", "team", "every"]],
    ["POST /system/alert", { alerts: [] }, ["boss", "alert"]],
    ["PUT /system/namespace/none", { name: "none" }, ["boss"]],
    ["DELETE /system/namespace/none", { name: "none" }, ["boss"]],
    ["POST /system/namespace/", { name: "team-a", annotations: { openfaas: "1" } }, ["boss"]],
  ])("%s %j: %j", async (route, body, users) => {
    expect(await listAllowed(route, body)).toEqual(users);
  });

  test("GET /healthz and /, without asking who it is", async () => {
    for (const path of ["/healthz", "/"]) {
      const response = await fetch(`${gateway.url}${path}`, {
        redirect: "manual",
        signal: AbortSignal.timeout(60_000),
      });
      expect(response.status).toBeLessThan(400);
    }
  });
});

describe("a refusal", () => {
  test("names the right that is missing, in plain text and as JSON", async () => {
    const message = "Forbidden: you need the right to write in namespace openfaas-fn.";
    const body = { service: "f", image: "i" };
    const plain = await ask("team", ["PUT", "/system/functions"], { body });
    expect([plain.status, plain.text]).toEqual([403, message]);
    const headers = { accept: "application/json" };
    const json = await ask("team", ["PUT", "/system/functions"], { body, headers });
    expect(JSON.parse(json.text)).toMatchObject({ code: "PLONK_FORBIDDEN", message });
    const alert = await ask("read", ["POST", "/system/alert"], { body: { alerts: [] } });
    expect(alert.text).toBe("Forbidden: you need the right to alert.");
  });

  test("changes nothing", async () => {
    const before = gateway.fake.requests.length;
    await ask("read", ["POST", "/system/secrets"], { body: { name: "x", value: "v" } });
    await ask("team", ["DELETE", "/system/functions"], { body: { functionName: "f" } });
    const changes = gateway.fake.requests.slice(before).filter(({ method }) => method !== "GET");
    expect(changes).toEqual([]);
  });

  test("leaves 404 and 405 as they are", async () => {
    expect((await ask("read", ["GET", "/nothing"])).status).toBe(404);
    const wrong = await ask("read", ["PATCH", "/system/functions"]);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "DELETE, GET, POST, PUT"]);
  });

  test("of unknown credentials comes with a challenge and in the contract's words", async () => {
    const { status, text, headers } = await ask("nobody", ["GET", "/system/functions"]);
    expect([status, text]).toEqual([401, "invalid credentials"]);
    expect(headers.get("www-authenticate")).toBe('Basic realm="Restricted"');
  });
});

describe("lists", () => {
  test("show a deployer the namespaces that are its own", async () => {
    const read = async (user: string): Promise<unknown> =>
      JSON.parse((await ask(user, ["GET", "/system/namespaces"])).text);
    expect(await read("boss")).toEqual(["openfaas-fn", "team-a"]);
    expect(await read("read")).toEqual(["openfaas-fn", "team-a"]);
    expect(await read("own")).toEqual(["openfaas-fn"]);
    expect(await read("team")).toEqual(["team-a"]);
  });

  test("of the default namespace are empty for who has no right there: faas-cli logs in", async () => {
    const { status, text } = await ask("team", ["GET", "/system/functions"]);
    expect([status, JSON.parse(text)]).toEqual([200, []]);
    const own = await ask("own", ["GET", "/system/functions"]);
    expect(JSON.parse(own.text)).toMatchObject([{ name: "f" }]);
  });

  test("show a reader the names of secrets only", async () => {
    await ask("boss", ["POST", "/system/secrets"], { body: { name: "s", value: "canary-7" } });
    const { text } = await ask("read", ["GET", "/system/secrets"]);
    expect(JSON.parse(text)).toEqual([{ name: "s", namespace: "openfaas-fn" }]);
  });
});

describe("a page of another site", () => {
  const body = { name: "forged", value: "v" };
  const forge = (headers: Record<string, string>): Promise<Asked> =>
    ask("boss", ["POST", "/system/secrets"], { body, headers });

  test.each([
    [{ "sec-fetch-site": "cross-site" }],
    [{ "sec-fetch-site": "same-site" }],
    [{ origin: "https://evil.example" }],
    [{ origin: "null" }],
  ])("changes nothing with the browser's own credentials: %j", async (headers) => {
    const { status, text } = await forge(headers);
    expect([status, text]).toEqual([403, "A page of another site may not change anything here."]);
  });

  test("of the gateway does", async () => {
    expect((await forge({ origin: gateway.url })).status).toBe(202);
    expect((await forge({ "sec-fetch-site": "same-origin" })).status).toBe(409);
  });

  test("is not in the way of reading, nor of calls of public functions", async () => {
    const headers = { "sec-fetch-site": "cross-site" };
    expect((await ask("boss", ["GET", "/system/info"], { headers })).status).toBe(200);
    expect((await ask("boss", ["POST", "/function/f"], { headers })).status).toBe(200);
  });
});

describe("an answer of the gateway's own", () => {
  test.each([
    ["read", "GET /system/info", 200],
    ["read", "GET /system/logs?name=f", 200],
    ["nobody", "GET /system/info", 401],
    ["read", "POST /system/namespaces", 405],
    ["read", "GET /nothing", 404],
    ["read", "GET /ui/nothing", 503],
  ])("to %s's %s is shown as what it is, and to no other site", async (user, route, expected) => {
    const { status, headers } = await ask(user, route.split(" "));
    expect(status).toBe(expected);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-security-policy": expect.stringMatching(
        /^default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'(?:;|$)/,
      ),
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
  });

  test("promises no TLS", async () => {
    const { headers } = await ask("read", ["GET", "/system/info"]);
    expect(headers.get("strict-transport-security")).toBeNull();
  });
});

test("an answer of a function has its own headers", async () => {
  const { headers } = await ask("read", ["POST", "/function/f"]);
  expect(headers.get("content-security-policy")).toBeNull();
  expect(headers.get("x-content-type-options")).toBeNull();
});

test("failed logins are slowed, for one user, over the wire", async () => {
  const fail = async (): Promise<[number, string | null]> => {
    const headers = { authorization: basic("read", "wrong") };
    const { status, headers: answered } = await ask("", ["GET", "/system/info"], { headers });
    return [status, answered.get("retry-after")];
  };
  // The wait is a second.
  onTestEnd(holdClock());
  const answers = [];
  for (let turn = 0; turn < 6; turn += 1) {
    answers.push(await fail());
  }
  expect(answers).toEqual([...Array<unknown>(5).fill([401, null]), [429, "1"]]);
  expect((await ask("read", ["GET", "/system/info"])).status).toBe(200);
  expect((await ask("own", ["GET", "/system/info"])).status).toBe(200);
});

test("two Authorization headers do not add up", async () => {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const rawHeaders = ["Host", "x", "Authorization", basic("own", "wrong")];
    rawHeaders.push("Authorization", basic("boss", "p"));
    const call = request(`${gateway.url}/system/info`, { headers: rawHeaders, timeout: 10_000 });
    call.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on("error", reject).end();
  });
  expect(status).toBe(400);
});
