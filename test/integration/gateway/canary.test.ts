/** Nothing secret that passes the gateway turns up in its log or its metrics. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { echo, TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

const CANARY = "canary-51c0";

test("bodies, passwords, tokens, cookies, queries and secrets stay out of log and metrics", async () => {
  const directory = mkdtempSync(join(tmpdir(), "plonk-canary-"));
  writeFileSync(join(directory, "basic-auth-user"), "admin");
  writeFileSync(join(directory, "basic-auth-password"), `${CANARY}-password`);
  const nats = await NatsServer.create();
  const gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: directory,
    upstream_timeout: "300ms",
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
  });
  await gateway.serve("echo", echo);
  await gateway.serve("hang", () => undefined);
  await gateway.serve("rude", (request) => request.socket.destroy());
  const authorization = `Basic ${Buffer.from(`admin:${CANARY}-password`).toString("base64")}`;
  const headers = { authorization, cookie: `a=${CANARY}`, "x-api-key": CANARY };
  const body = JSON.stringify({ name: "n", value: CANARY, service: "x", image: "i" });
  const call = async (method: string, path: string): Promise<number> => {
    const init = { method, headers, body: method === "GET" ? null : body };
    return (await fetch(`${gateway.url}${path}`, init)).status;
  };
  await until("the queue", async () => (await call("POST", "/async-function/echo")) === 202);
  for (const name of ["echo", "hang", "rude", "none"]) {
    await call("POST", `/function/${name}?key=${CANARY}`);
    await call("POST", `/async-function/${name}?key=${CANARY}`);
  }
  for (const path of ["secrets", "functions", "alert", "scale-function/x", "nothing"]) {
    await call("POST", `/system/${path}?key=${CANARY}`);
    await call("GET", `/system/${path}?key=${CANARY}`);
  }
  gateway.fake.intercept = (_seen, response) => {
    response.writeHead(500).end("{}");
    return true;
  };
  await call("POST", `/system/secrets?key=${CANARY}`);
  headers.authorization = `Basic ${Buffer.from(`admin:${CANARY}-wrong`).toString("base64")}`;
  await call("GET", "/system/functions");
  const everything = gateway.log.text() + (await gateway.metrics());
  await gateway.stop();
  await nats.destroy();
  rmSync(directory, { recursive: true });
  expect(everything).toContain("request failed");
  expect(everything).not.toContain(CANARY);
  expect(everything).not.toContain(Buffer.from(`admin:${CANARY}`).toString("base64").slice(0, 16));
});
