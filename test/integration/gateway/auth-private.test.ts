/** Private functions: called with credentials only, directly, queued and by upgrade. */
import { type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { createWorker, type Worker } from "../../../services/queue-worker/app.ts";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { holdClock } from "../../support/clock.ts";
import { type Echo, echo, TestGateway } from "../../support/gateway.ts";
import { TestIssuer } from "../../support/issuer.ts";
import { createKeptLog } from "../../support/logs.ts";
import { MarkKeyFolder } from "../../support/mark-keys.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";
import { basic, UserFolder } from "../../support/users.ts";

const keys = new MarkKeyFolder();
const folder = new UserFolder([
  { name: "caller", password: "p", role: "invoke" },
  { name: "team", password: "p", role: "deployer", namespaces: ["openfaas-fn"] },
  { name: "other", password: "p", role: "deployer", namespaces: ["team-a"] },
  { name: "read", password: "p", role: "reader" },
]);
const atEnd = collectCleanups(afterAll);
const onTestEnd = collectCleanups(afterEach);
let nats: NatsServer;
let issuer: TestIssuer;
let gateway: TestGateway;
let worker: Worker;
/** What the pod of `private` was sent. */
const seen: { url: string; headers: IncomingHttpHeaders }[] = [];

beforeAll(async () => {
  atEnd(() => folder.remove());
  atEnd(() => keys.remove());
  nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  issuer = await TestIssuer.start({
    one: ["plonk:invoke:openfaas-fn/private"],
    all: ["plonk:invoke"],
    wrong: ["plonk:invoke:openfaas-fn/other"],
  });
  atEnd(() => issuer.stop());
  gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: folder.path,
    queue_secret_path: keys.path,
    oidc_issuer: issuer.url,
    oidc_audience: "plonk-gateway",
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
  });
  atEnd(() => gateway.stop());
  const port = await gateway.pod((request, response) => {
    seen.push({ url: request.url ?? "", headers: request.headers });
    echo(request, response);
  });
  gateway.declare("private", { annotations: { "plonk/private": "true" } });
  gateway.declare("labelled", { labels: { "plonk/private": "yes" } });
  gateway.declare("open", { annotations: { "plonk/private": "false" } });
  for (const name of ["private", "labelled", "open"]) {
    gateway.route(name, [port]);
  }
  await gateway.settle();
  const { port: gatewayPort } = new URL(gateway.url);
  worker = createWorker({
    config: readConfig({
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(nats.port),
      faas_gateway_address: "127.0.0.1",
      faas_gateway_port: gatewayPort,
      initial_retry_wait: "100ms",
      max_attempts: "1",
    }),
    logger: createKeptLog().logger,
  });
  atEnd(() => worker.close());
});

async function call(
  path: string,
  authorization?: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: "POST",
    body: "hello",
    headers: { ...headers, ...(authorization !== undefined && { authorization }) },
    signal: AbortSignal.timeout(60_000),
  });
}

describe("a private function", () => {
  test("is called by who may", async () => {
    for (const user of ["caller", "team"]) {
      expect((await call("/function/private", basic(user, "p"))).status).toBe(200);
    }
    expect((await call("/function/private", basic("admin", "admin-password"))).status).toBe(200);
    for (const client of ["one", "all"]) {
      const token = `Bearer ${await issuer.token(client)}`;
      expect((await call("/function/private", token)).status).toBe(200);
    }
  });

  test("is closed to everybody else, before anything reaches it", async () => {
    const before = seen.length;
    const nobody = await call("/function/private");
    expect([nobody.status, await nobody.text()]).toEqual([401, "invalid credentials"]);
    expect(nobody.headers.get("www-authenticate")).toBe('Basic realm="Restricted"');
    expect(nobody.headers.get("x-call-id")).toMatch(/^[0-9a-f-]{36}$/);
    const token = await call("/function/private", "Bearer a.b.c");
    expect([token.status, token.headers.get("www-authenticate")]).toEqual([
      401,
      'Bearer realm="Restricted", error="invalid_token"',
    ]);
    for (const user of ["other", "read"]) {
      const response = await call("/function/private", basic(user, "p"));
      expect([response.status, await response.text()]).toEqual([
        403,
        "Forbidden: you need the right to invoke private in namespace openfaas-fn.",
      ]);
    }
    const wrong = `Bearer ${await issuer.token("wrong")}`;
    expect((await call("/function/private.openfaas-fn/x?y", wrong)).status).toBe(403);
    expect(seen).toHaveLength(before);
  });

  test("does not see how its caller proved who it is", async () => {
    const response = await call("/function/private/path?q=1", basic("caller", "p"), {
      "x-plonk-admitted": "forged",
      "x-other": "kept",
    });
    const { url, body, headers } = (await response.json()) as Echo;
    expect([url, body, headers["x-other"]]).toEqual(["/path?q=1", "hello", "kept"]);
    expect(headers).not.toHaveProperty("authorization");
    expect(headers).not.toHaveProperty("x-plonk-admitted");
  });

  test("may be private by its label, and with any value but false", async () => {
    expect((await call("/function/labelled")).status).toBe(401);
    expect((await call("/function/labelled", basic("caller", "p"))).status).toBe(200);
  });

  test("takes no call from another site's page with a password, and with a token it does", async () => {
    const page = { "sec-fetch-site": "cross-site" };
    const refused = await call("/function/private", basic("caller", "p"), page);
    expect([refused.status, await refused.text()]).toEqual([
      403,
      "A page of another site may not call a private function with your password.",
    ]);
    const token = `Bearer ${await issuer.token("one")}`;
    expect((await call("/function/private", token, page)).status).toBe(200);
  });

  test("is asked for by an upgrade with credentials, too", async () => {
    const upgrade = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const request = httpRequest(`${gateway.url}/function/private`, {
          headers: { connection: "Upgrade", upgrade: "test", ...headers },
          timeout: 10_000,
        });
        request.on("response", (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on("error", reject).end();
      });
    expect(await upgrade({})).toBe(401);
    expect(await upgrade({ authorization: basic("read", "p") })).toBe(403);
    expect(await upgrade({ authorization: basic("caller", "p") })).toBe(200);
    expect(seen.at(-1)?.headers).not.toHaveProperty("authorization");
  });

  test("slows guessing at passwords", async () => {
    // The wait is a second.
    onTestEnd(holdClock());
    const statuses = [];
    for (let turn = 0; turn < 7; turn += 1) {
      statuses.push((await call("/function/private", basic("caller", "wrong"))).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await call("/function/private", basic("caller", "p"))).status).toBe(200);
  });
});

test("a public function passes the caller's Authorization on, as OpenFaaS does", async () => {
  const authorization = basic("its", "own");
  const response = await call("/function/open", authorization);
  expect(((await response.json()) as Echo).headers).toMatchObject({ authorization });
});

describe("a queued call of a private function", () => {
  const enqueue = async (path: string, authorization?: string): Promise<number> =>
    (await call(`/async-function/${path}`, authorization)).status;

  beforeAll(async () => {
    await until("the queue", async () => (await enqueue("open")) === 202);
    worker.start();
    await until("the first call", () => seen.some(({ url }) => url === "/"));
  });

  test("is refused when it is queued, by who may not", async () => {
    expect(await enqueue("private")).toBe(401);
    expect(await enqueue("private", basic("read", "p"))).toBe(403);
  });

  test("is made when its credentials have long expired, and does not carry them", async () => {
    const token = await issuer.token("one");
    expect(await enqueue("private/later", `Bearer ${token}`)).toBe(202);
    await until("the call", () => seen.some(({ url }) => url === "/later"));
    const made = seen.find(({ url }) => url === "/later");
    expect(made?.headers["user-agent"]).toMatch(/^plonk-queue-worker/);
    expect(made?.headers).not.toHaveProperty("authorization");
    expect(made?.headers).not.toHaveProperty("x-plonk-admitted");
  });

  test("cannot be forged by who can write to the queue", async () => {
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    onTestEnd(() => connection.close());
    const client = jetstream(connection);
    const publish = (path: string, mark: string): Promise<unknown> =>
      client.publish(
        "faas-request",
        JSON.stringify({
          Function: "private",
          Path: path,
          Header: { "X-Plonk-Admitted": [mark], Authorization: ["Basic eDp5"] },
        }),
      );
    await publish("/forged", `${Date.now() + 60_000}.${"A".repeat(43)}`);
    await publish("/forged-2", "anything");
    await client.publish("faas-request", JSON.stringify({ Function: "open", Path: "/after" }));
    await until("the call behind them", () => seen.some(({ url }) => url === "/after"));
    expect(seen.filter(({ url }) => url.startsWith("/forged"))).toEqual([]);
  });
});

test("without any authentication, a private function is closed", async () => {
  const without = await TestGateway.start();
  onTestEnd(() => without.stop());
  without.declare("private", { annotations: { "plonk/private": "true" } });
  without.route("private", [await without.pod(echo)]);
  await without.settle();
  const response = await fetch(`${without.url}/function/private`, {
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  expect([response.status, text]).toEqual([
    503,
    "The function is private, and the gateway has neither users nor an issuer of tokens.",
  ]);
});

test.each([
  ["users", { basic_auth: "true", secret_mount_path: folder.path }, () => basic("caller", "p")],
  [
    "an issuer",
    () => ({ oidc_issuer: issuer.url, oidc_audience: "plonk-gateway" }),
    async () => `Bearer ${await issuer.token("all")}`,
  ],
])(
  "with %s, but without a key for marks, calls of private functions are not queued",
  async (...given) => {
    const [, env, authorize] = given;
    const only = await TestGateway.start({
      ...(typeof env === "function" ? env() : env),
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(nats.port),
    });
    onTestEnd(() => only.stop());
    only.declare("private", { annotations: { "plonk/private": "true" } });
    await only.settle();
    const response = await fetch(`${only.url}/async-function/private`, {
      method: "POST",
      headers: { authorization: await authorize() },
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    expect([response.status, text]).toEqual([
      503,
      "Calls of private functions are queued only by a gateway that has a key for them.",
    ]);
  },
);
