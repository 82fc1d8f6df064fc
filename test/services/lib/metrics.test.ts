/** The metrics server, over real HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Health } from "../../../services/lib/health.ts";
import { Counter, createMetricsServer, createRegistry } from "../../../services/lib/metrics.ts";
import { closeServer, listen } from "../../../services/lib/servers.ts";
import { REVISION, VERSION } from "../../../services/lib/version.ts";

const registry = createRegistry();
const health = new Health();
const server = createMetricsServer({
  registry,
  health,
  pages: { "/own": (query) => Promise.resolve({ asked: Object.fromEntries(query) }) },
});
let url = "";
let problem: string | undefined;

beforeAll(async () => {
  new Counter({ name: "test_total", help: "x", registers: [registry] }).inc(3);
  health.addCheck("queue", () => problem);
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
});

afterAll(() => closeServer(server));

describe("createMetricsServer", () => {
  test("shows the registry and the process", async () => {
    const response = await fetch(`${url}/metrics?x=1`);
    const text = await response.text();
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(text).toContain("test_total 3");
    expect(text).toContain("process_resident_memory_bytes");
    expect(text).toContain(`plonk_build_info{version="${VERSION}",revision="${REVISION}"} 1`);
  });

  test("keeps a connection until long after Prometheus has asked again", async () => {
    const response = await fetch(`${url}/metrics`);
    await response.text();
    expect(response.headers.get("keep-alive")).toBe("timeout=75");
  });

  test("is alive whatever else is wrong, and ready only when all checks pass", async () => {
    problem = "not connected";
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const notReady = await fetch(`${url}/readyz`);
    expect([notReady.status, await notReady.text()]).toEqual([503, "queue: not connected"]);
    problem = undefined;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test("knows no other paths and methods", async () => {
    expect((await fetch(`${url}/x`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(405);
  });

  test("shows a page of the service's own as JSON, with what was asked", async () => {
    const response = await fetch(`${url}/own?a=1&b=x%20y`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ asked: { a: "1", b: "x y" } });
    expect(await (await fetch(`${url}/own`)).json()).toEqual({ asked: {} });
    const head = await fetch(`${url}/own`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await fetch(`${url}/own`, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await fetch(`${url}/own/`)).status).toBe(404);
  });

  test("is not ready any more once the shutdown has begun", async () => {
    health.beginShutdown();
    const response = await fetch(`${url}/readyz`);
    expect([response.status, await response.text()]).toEqual([503, "shutdown: in progress"]);
    expect(health.isStopping).toBe(true);
  });

  test("rejects with the system's error when the port is taken", async () => {
    const second = createMetricsServer({ registry, health });
    await expect(listen(second, Number(new URL(url).port), "127.0.0.1")).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  });
});
