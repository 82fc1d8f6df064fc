/** The API's document: its committed copy, its pages, and whether the gateway keeps to it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { describeGateway } from "../../../services/gateway/openapi/document.ts";
import { COPY, render } from "../../../services/gateway/openapi/render.ts";
import { buildAssets } from "../../../toolchain/images/assets.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { PACKAGE_ROOT } from "../../../toolchain/images/package.ts";
import { launchChromium } from "../../support/chromium.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { runSchemathesis } from "../../support/schemathesis.ts";
import { waitForCount } from "../../support/ui-page.ts";

const PASSWORD = "correct-horse";

interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: object[];
  responses?: Record<string, unknown>;
}

interface Document {
  openapi: string;
  security: object[];
  paths: Record<string, Record<string, Operation>>;
}

const committed = JSON.parse(readFileSync(COPY, "utf8")) as Document;
const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"];

function operations(document: Document): { path: string; method: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => ({ path, method, operation })),
  );
}

let nats: NatsServer;
let test: TestGateway;
let secrets: string;

const login = { authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString("base64")}` };

function get(path: string, headers: Record<string, string> = login): Promise<Response> {
  return fetch(`${test.url}${path}`, {
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(60_000),
  });
}

const atEnd = collectCleanups(afterAll);

beforeAll(async () => {
  secrets = mkdtempSync(join(tmpdir(), "plonk-openapi-"));
  atEnd(() => rmSync(secrets, { recursive: true }));
  writeFileSync(join(secrets, "basic-auth-user"), "admin");
  writeFileSync(join(secrets, "basic-auth-password"), PASSWORD);
  const assets = await buildAssets(createImageContext(), PACKAGE_ROOT);
  nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  test = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: secrets,
    assets_directory: assets?.directory ?? "",
    cluster_scope: "true",
    // What is deployed here never has a pod.
    scale_from_zero_timeout: "50ms",
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
  });
  atEnd(() => test.stop());
  await test.serve("hello", echo);
});

describe("the committed document", () => {
  it("is what the schemas give; after a change `npm run openapi` writes it anew", async () => {
    const text = await render(await describeGateway());
    expect(readFileSync(COPY, "utf8").split("\n")).toEqual(text.split("\n"));
  });

  it("has OpenFaaS' ids for the operations that OpenFaaS has", () => {
    const ids = operations(committed).map(({ path, method, operation }) => [
      `${method} ${path}`,
      operation.operationId,
    ]);
    expect(Object.fromEntries(ids)).toMatchObject({
      "get /system/functions": "GetFunctions",
      "post /system/functions": "DeployFunction",
      "put /system/functions": "UpdateFunction",
      "delete /system/functions": "DeleteFunction",
      "get /system/function/{name}": "GetFunctionStatus",
      "post /system/scale-function/{name}": "ScaleFunction",
      "get /system/secrets": "ListSecrets",
      "post /system/secrets": "CreateSecret",
      "put /system/secrets": "UpdateSecret",
      "delete /system/secrets": "DeleteSecret",
      "get /system/logs": "GetLogs",
      "get /system/info": "GetSystemInfo",
      "post /system/alert": "ScaleAlert",
      "post /async-function/{name}": "InvokeAsync",
      "post /function/{name}": "InvokeFunction",
    });
  });

  it("names each operation once, and says what it does", () => {
    const all = operations(committed).map(({ operation }) => operation);
    const ids = all.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(all.filter(({ summary, tags }) => summary === undefined || tags?.length !== 1)).toEqual(
      [],
    );
  });

  it("asks for a login everywhere but for calls, health, metrics and the store", () => {
    const open = operations(committed)
      .filter(({ operation }) => operation.security?.length === 0)
      .map(({ path }) => path);
    expect([...new Set(open)].sort()).toEqual([
      "/async-function/{name}",
      "/function/{name}",
      "/healthz",
      "/metrics",
      "/readyz",
      "/store",
    ]);
    expect(committed.security).toEqual([{ basic: [] }, { bearer: [] }]);
  });

  it("has 401, 403, 429 and 503 for all of /system and /async", () => {
    const system = operations(committed).filter(({ path }) => /^\/(system|async)\//.test(path));
    expect(system.length).toBeGreaterThan(15);
    for (const { operation } of system) {
      expect(Object.keys(operation.responses ?? {})).toEqual(
        expect.arrayContaining(["401", "403", "429", "503"]),
      );
    }
  });
});

describe("/openapi.json", () => {
  it("gives the committed document to who is logged in", async () => {
    const answer = await get("/openapi.json");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await answer.json()).toEqual(committed);
    expect((await get("/openapi.json", {})).status).toBe(401);
  });
});

describe("/docs/", () => {
  it("is a page whose scripts and styles are the gateway's own", async () => {
    const moved = await get("/docs");
    expect([moved.status, moved.headers.get("location")]).toEqual([301, "/docs/"]);
    const page = await get("/docs/");
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
    expect(files.length).toBe(5);
    for (const file of files) {
      const asset = await get(`/docs/${file ?? ""}`);
      expect([file, asset.status]).toEqual([file, 200]);
    }
    expect(html).not.toMatch(/<script>|https?:/);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  });
});

describe("/docs/ in Chromium", () => {
  it("shows each operation, and tries one out, within the page's policy", async () => {
    const browser = await launchChromium();
    try {
      const httpCredentials = { username: "admin", password: PASSWORD };
      const page = await browser.newPage({ httpCredentials });
      const problems: string[] = [];
      page.on("console", (line) => line.type() === "error" && problems.push(line.text()));
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(`${test.url}/docs/`);
      await waitForCount(page.locator(".opblock"), operations(committed).length);
      const info = page.locator("#operations-system-GetSystemInfo");
      await info.locator(".opblock-summary-control").click();
      await info.locator(".try-out__btn").click();
      await info.locator(".execute").click();
      const status = info.locator(".live-responses-table .response .response-col_status");
      expect(await status.first().innerText()).toBe("200");
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 180_000);
});

describe("the gateway", () => {
  it.each(["TRACE", "QUERY", "PATCH"])("refuses %s where the document has none", (method) => {
    const { port } = new URL(test.url);
    const request = [
      `${method} /system/info HTTP/1.1`,
      "host: x",
      `authorization: ${login.authorization}`,
    ];
    return new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write([...request, "content-length: 0", "connection: close", "", ""].join("\r\n"));
      });
      let answer = "";
      socket.setTimeout(60_000, () => socket.destroy(new Error("no answer")));
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      socket.on("error", reject);
      socket.on("close", () => {
        expect(answer).toMatch(/^HTTP\/1.1 405 .*\r\nallow: GET\r\n/s);
        resolve();
      });
    });
  });

  it("keeps to its document, whatever schemathesis sends", async () => {
    const report = await runSchemathesis({
      url: test.url,
      login: `admin:${PASSWORD}`,
      document: COPY,
      namespace: "openfaas-fn",
      functionName: "hello",
      examples: 20,
    });
    const { failures, output } = report;
    expect(failures.length === 0 ? [] : [...failures, output]).toEqual([]);
    const covered = operations(committed).filter(
      ({ operation }) => operation.tags?.[0] !== "internal",
    );
    expect(report.operations).toBe(covered.length);
    expect(report.requests).toBeGreaterThan(1000);
  }, 600_000);
});
