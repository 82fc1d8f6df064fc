/**
 * Nothing secret that passes the gateway and the queue-worker turns up in a log (at its lowest
 * level), in metrics, in an answer of their own, or in the audit log.
 */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SignJWT } from "jose";
import { closeServer, listen } from "../../../services/lib/servers.ts";
import { createWorker, type Worker } from "../../../services/queue-worker/app.ts";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { moveClock } from "../../support/clock.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { TestIssuer } from "../../support/issuer.ts";
import { createKeptLog } from "../../support/logs.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";
import { basic, quickHash, UserFolder } from "../../support/users.ts";

/** In every secret, so that one search finds any of them. */
const CANARY = "canary-51c0";
const ADMIN = basic("admin", `${CANARY}-admin`);
const USERS = [
  { name: "team", password: `${CANARY}-team`, role: "deployer", namespaces: ["openfaas-fn"] },
  { name: "read", password: `${CANARY}-read`, role: "reader" },
];

/** After so long the users' files are looked at again, milliseconds. */
const RELOAD_MS = 1000;

const folder = new UserFolder(USERS, { name: "admin", password: `${CANARY}-admin` });
const workerLog = createKeptLog();
/** Errors that the gateway itself answers. */
const answers: string[] = [];
/** Credentials as they travel, which hide the canary in base64. */
const credentials: string[] = [ADMIN, ...USERS.map((user) => basic(user.name, user.password))];

const atEnd = collectCleanups(afterAll);
let nats: NatsServer;
let issuer: TestIssuer;
let gateway: TestGateway;
let worker: Worker;
let workerMetrics = "";
let callbacks: Server;

beforeAll(async () => {
  atEnd(() => folder.remove());
  nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  issuer = await TestIssuer.start({ boss: ["plonk:admin"] });
  atEnd(() => issuer.stop());
  gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: folder.path,
    oidc_issuer: issuer.url,
    oidc_audience: "plonk-gateway",
    upstream_timeout: "300ms",
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
    log_level: "trace",
    callback_allow: "127.0.0.0/8",
  });
  atEnd(() => gateway.stop());
  await gateway.serve("echo", echo);
  await gateway.serve("hang", () => undefined);
  await gateway.serve("rude", (request) => request.socket.destroy());
  await gateway.serve("broken", (_request, response) => response.writeHead(500).end(CANARY));
  const port = await gateway.pod(echo);
  gateway.declare("private", { annotations: { "plonk/private": "true" } });
  gateway.route("private", [port]);
  await gateway.settle();
  callbacks = createServer((_request, response) => response.writeHead(400).end(CANARY));
  await listen(callbacks, 0, "127.0.0.1");
  atEnd(() => closeServer(callbacks));
  worker = createWorker({
    config: readConfig({
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(nats.port),
      faas_gateway_address: "127.0.0.1",
      faas_gateway_port: new URL(gateway.url).port,
      initial_retry_wait: "50ms",
      callback_allow: "127.0.0.0/8",
      max_attempts: "2",
    }),
    logger: workerLog.logger,
  });
  atEnd(() => worker.close());
  workerMetrics = `http://127.0.0.1:${await listen(worker.metricsServer, 0, "127.0.0.1")}/metrics`;
  atEnd(() => closeServer(worker.metricsServer));
  worker.start();
  await until("the queue", async () => (await send("POST", "/async-function/echo")) === 202);
});

interface Options {
  authorization?: string;
  body?: string;
  headers?: Record<string, string>;
}

/** Sends canaries in every place of a request that is nobody else's business; twice. */
async function send(method: string, path: string, options: Options = {}): Promise<number> {
  await sendOnce(method, path, { ...options, accept: "application/json" });
  return sendOnce(method, path, { ...options, accept: "*/*" });
}

async function sendOnce(
  method: string,
  path: string,
  { accept, authorization = ADMIN, body, headers }: Options & { accept: string },
): Promise<number> {
  const response = await fetch(`${gateway.url}${path}?key=${CANARY}`, {
    method,
    headers: { authorization, cookie: `a=${CANARY}`, "x-api-key": CANARY, accept, ...headers },
    body: method === "GET" ? null : (body ?? `{"name":"n","value":"${CANARY}"}`),
    signal: AbortSignal.timeout(60_000),
  });
  const text = `${JSON.stringify([...response.headers])}\n${await response.text()}`;
  const isOwn = path.startsWith("/system") || response.headers.has("x-openfaas-internal");
  if (isOwn && response.status >= 400) {
    answers.push(text);
  }
  return response.status;
}

async function readEverything(): Promise<string> {
  const metrics = await fetch(workerMetrics, { signal: AbortSignal.timeout(60_000) });
  return [
    gateway.log.text(),
    workerLog.text(),
    await gateway.metrics(),
    await metrics.text(),
    ...answers,
  ].join("\n");
}

describe("secrets stay out of every log, metric and error", () => {
  test("of calls, direct and queued, that succeed and that fail", async () => {
    const functions = ["echo", "hang", "rude", "broken", "private", "none"];
    for (const name of functions) {
      await send("POST", `/function/${name}`);
      await send("GET", `/function/${name}/${CANARY}`);
      await send("POST", `/async-function/${name}`);
    }
    await send("POST", "/function/private", { authorization: basic("read", `${CANARY}-read`) });
    await send("POST", "/function/private", { authorization: basic("read", `${CANARY}-not`) });
  });

  test("of callbacks: their queries, and credentials that should not be there", async () => {
    const { port } = callbacks.address() as { port: number };
    for (const callback of [
      `http://127.0.0.1:${port}/done?token=${CANARY}`,
      `http://127.0.0.1:9/${CANARY}?token=${CANARY}`,
      `http://user:${CANARY}@127.0.0.1:${port}/`,
      `ftp://${CANARY}.example/`,
      `::${CANARY}`,
    ]) {
      for (const name of ["echo", "broken"]) {
        await send("POST", `/async-function/${name}`, { headers: { "x-callback-url": callback } });
      }
    }
    await until("callbacks that failed", () => workerLog.text().includes("callback given up"));
    await until("calls that failed", () => workerLog.text().includes("call failed"));
  });

  test("of logins that fail, by password and by token", async () => {
    for (const user of ["admin", "team", "nobody", CANARY]) {
      const wrong = basic(user, `${CANARY}-wrong`);
      credentials.push(wrong);
      for (let turn = 0; turn < 2; turn += 1) {
        await send("GET", "/system/functions", { authorization: wrong });
      }
    }
    const expired = await new SignJWT({ sub: CANARY, aud: "plonk-gateway", key: CANARY })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(1)
      .sign(Buffer.from(CANARY));
    const valid = await issuer.token("boss");
    for (const authorization of [
      `Bearer ${expired}`,
      `Bearer ${valid}`,
      `Bearer ${CANARY}`,
      `Basic ${CANARY}`,
      `Digest ${CANARY}`,
      CANARY,
    ]) {
      credentials.push(authorization);
      await send("GET", "/system/info", { authorization });
      await send("POST", "/system/secrets", { authorization });
      await send("POST", "/function/private", { authorization });
    }
  });

  test("of requests to /system, right and wrong ones", async () => {
    const bodies = [
      { name: "n", value: CANARY },
      { name: "n", value: { inner: CANARY } },
      { name: "n", value: 5, rawValue: `%${CANARY}` },
      { name: "n", namespace: "elsewhere", value: CANARY },
      { service: "x", image: "i", envVars: { KEY: CANARY } },
      { service: "x", image: "i", envVars: { KEY: [CANARY] } },
      { service: "x", image: 5, envVars: CANARY },
      { service: "x", code: `export default "${CANARY}"` },
      { service: "x", code: [CANARY] },
      { replicas: 1, serviceName: "x", note: CANARY },
      { alerts: [{ status: "firing", labels: { function_name: "none" }, note: CANARY }] },
    ].map((body) => JSON.stringify(body));
    bodies.push(`{"value": "${CANARY}`, CANARY, `"${CANARY}"`, `["${CANARY}"]`);
    for (const route of ["secrets", "functions", "alert", "scale-function/x", "nothing"]) {
      for (const body of bodies) {
        await send("POST", `/system/${route}`, { body });
      }
      await send("PUT", `/system/${route}`);
      await send("DELETE", `/system/${route}`);
      await send("GET", `/system/${route}`);
    }
  });

  test("of a cluster that fails", async () => {
    gateway.fake.intercept = ({ body }, response) => {
      response.writeHead(500).end(JSON.stringify({ message: "broken", details: body }));
      return true;
    };
    await send("POST", "/system/secrets");
    await send("POST", "/system/functions", {
      body: JSON.stringify({ service: "y", image: "i", envVars: { KEY: CANARY } }),
    });
    gateway.fake.intercept = () => false;
  });

  test("of users that change, and are wrong", async () => {
    folder.write("users.yaml", `users: [{ name: x, passwordHash: ${CANARY}, role: reader }]`);
    moveClock(RELOAD_MS);
    await send("GET", "/system/info");
    folder.write("users.yaml", `users: *${CANARY}`);
    moveClock(RELOAD_MS);
    await send("GET", "/system/info");
    expect(gateway.log.text()).toContain("users not readable");
  });

  test("as a search for all of them shows", async () => {
    const everything = await readEverything();
    for (const sign of [
      "request failed",
      '"msg":"audit"',
      "callback given up",
      "gateway_function_invocation_total",
      "queue_worker_messages_processed_total",
      "PLONK_UNAUTHORIZED",
      "PLONK_BAD_CALLBACK_URL",
    ]) {
      expect(everything).toContain(sign);
    }
    const lines = everything.split("\n").filter((line) => line.includes(CANARY));
    expect(lines).toEqual([]);
    const hidden = [
      ...credentials.map((text) => text.replace(/^\w+ /, "").slice(0, 40)),
      Buffer.from(CANARY).toString("base64").slice(0, 12),
      ...USERS.map(({ password }) => quickHash(password).split("$").at(-1) ?? ""),
    ];
    for (const text of hidden) {
      expect(everything.split("\n").filter((line) => line.includes(text))).toEqual([]);
    }
  });
});
