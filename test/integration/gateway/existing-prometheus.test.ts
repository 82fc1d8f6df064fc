/** A gateway that asks a Prometheus of somebody else's. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { METRIC } from "../../../contract/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { acquire } from "../../../toolchain/acquire.ts";
import { Authority } from "../../support/authority.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { type LoginTexts, writeLoginFiles } from "../../support/login-files.ts";
import { findFreePort, stopServer } from "../../support/network.ts";
import { callSystem } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const onTestEnd = collectCleanups(afterEach);

/** bcrypt of the password, as Prometheus wants it. */
const [PASSWORD, HASH] = ["s3cret", "$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG"];

/** Writes the files of a Secret; returns their folder. */
function writeLogin(texts: LoginTexts): string {
  const folder = mkdtempSync(join(tmpdir(), "plonk-login-"));
  onTestEnd(() => rmSync(folder, { recursive: true, force: true }));
  return writeLoginFiles(folder, texts);
}

/** A gateway's metrics, of one function that was called seven times. */
async function serveMetrics(): Promise<number> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`${METRIC.invocations}{code="200",function_name="f.openfaas-fn"} 7\n`);
  });
  onTestEnd(() => stopServer(server));
  return await listen(server, 0, "127.0.0.1");
}

/** Starts a Prometheus with TLS and a password, below a path; returns its address. */
async function startPrometheus(authority: Authority): Promise<string> {
  const { path } = await acquire("prometheus");
  const folder = mkdtempSync(join(tmpdir(), "plonk-prometheus-"));
  onTestEnd(() => rmSync(folder, { recursive: true, force: true }));
  const { key, cert } = authority.issue(["127.0.0.1"]);
  const targets = [`127.0.0.1:${await serveMetrics()}`];
  const files = {
    "server.key": key,
    "server.crt": cert,
    "web.yml": stringify({
      tls_server_config: { cert_file: "server.crt", key_file: "server.key" },
      basic_auth_users: { plonk: HASH },
    }),
    "prometheus.yml": stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: [{ job_name: "gateway", static_configs: [{ targets }] }],
    }),
  };
  mkdirSync(join(folder, "data"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
  }
  const address = `127.0.0.1:${await findFreePort()}`;
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--web.config.file=${join(folder, "web.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--web.external-url=https://127.0.0.1/metrics-of/us",
  ];
  const server = spawn(path, args, { stdio: "ignore" });
  onTestEnd(async () => {
    server.kill("SIGKILL");
    await (server.exitCode === null && server.signalCode === null && once(server, "exit"));
  });
  return `https://${address}/metrics-of/us`;
}

async function startGateway(url: string, secretPath: string): Promise<TestGateway> {
  const gateway = await TestGateway.start({
    prometheus_url: url,
    prometheus_secret_path: secretPath,
  });
  onTestEnd(() => gateway.stop());
  await gateway.serve("f", echo);
  return gateway;
}

async function countOf(gateway: TestGateway): Promise<number> {
  const { text } = await callSystem(`${gateway.url}/system/functions`);
  const [status] = JSON.parse(text) as { invocationCount?: number }[];
  return status?.invocationCount ?? 0;
}

test("is asked with a password, over TLS of its own authority, below its path", async () => {
  const authority = new Authority();
  const files = { user: "plonk", password: `${PASSWORD}\n`, ca: authority.certificate };
  const url = await startPrometheus(authority);
  // Each of its own, as a gateway that was refused asks again after some time only.
  await until("the count", async () => {
    const gateway = await startGateway(url, writeLogin(files));
    return (await countOf(gateway)) === 7;
  });
});

test("is named with its reason when it refuses, once, and no secret is", async () => {
  const server = createServer((_request, response) => response.writeHead(401).end());
  onTestEnd(() => stopServer(server));
  const url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  const gateway = await startGateway(url, writeLogin({ token: "wr0ng" }));
  for (const path of ["functions", "function-stats", "function-stats?namespace=openfaas-fn"]) {
    expect((await callSystem(`${gateway.url}/system/${path}`)).status).toBe(200);
  }
  const warnings = gateway.log.text().match(/no figures from Prometheus/g);
  expect(warnings).toHaveLength(1);
  expect(gateway.log.text()).toContain("Prometheus answered 401");
  expect(gateway.log.text()).not.toContain("wr0ng");
});

test.each<[string, LoginTexts, string | undefined]>([
  ["a token", { token: "t0ken\n" }, "Bearer t0ken"],
  ["a user", { user: "a", password: "b:c" }, `Basic ${Buffer.from("a:b:c").toString("base64")}`],
  ["nobody", {}, undefined],
])("is asked as %s", async (_, files, expected) => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end('{"data":{"result":[]}}');
  });
  onTestEnd(() => stopServer(server));
  const url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  const gateway = await startGateway(url, writeLogin(files));
  await countOf(gateway);
  expect(seen).toEqual([expected]);
});
