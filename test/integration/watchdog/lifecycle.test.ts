import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { REVISION, VERSION } from "../../../services/lib/version.ts";
import { Watchdog } from "../../../services/watchdog/app.ts";
import type { Call } from "../../../services/watchdog/call.ts";
import { cleanUp, type RunningWatchdog, startWatchdog, waitFor, writeModule } from "./process.ts";

const SLOW = `
import { existsSync } from "node:fs";
export default async (event) => {
  console.log("called");
  while (event.query.until && !existsSync(event.query.until)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, Number(event.query.ms ?? 0)));
  return "slept";
};`;

afterAll(cleanUp);

async function startSlow(env: Record<string, string> = {}): Promise<RunningWatchdog> {
  return await startWatchdog({
    PLONK_FUNCTION_MODULE: await writeModule("index.mjs", SLOW),
    ...env,
  });
}

const UNLIMITED = {
  readTimeoutMs: 0,
  // Of the calls in flight at the end: so that a hang ends.
  stopTimeoutMs: 60_000,
  execTimeoutMs: 0,
  shutdownDelayMs: 0,
  maxInflight: 0,
};

const isTrue = (): boolean => true;
const isFalse = (): boolean => false;

const statusOf = async (url: string, init?: RequestInit) => (await fetch(url, init)).status;

describe("health, readiness and limits", () => {
  it("says that it is healthy and ready, on GET only", async () => {
    const { url } = await startSlow();
    expect(await (await fetch(`${url}/_/health`)).text()).toBe("OK");
    expect(await statusOf(`${url}/_/ready`)).toBe(200);
    expect(await statusOf(`${url}/_/health`, { method: "POST" })).toBe(405);
  });

  it("says its port and what build it is of", async () => {
    const { url, stderr } = await startSlow();
    expect(stderr()).toBe(
      `watchdog: listening on port ${new URL(url).port}, version ${VERSION}, revision ${REVISION}\n`,
    );
  });

  it("refuses calls above max_inflight with 429, and is not ready meanwhile", async () => {
    const { url } = await startSlow({ max_inflight: "1" });
    const gate = join(dirname(await writeModule("index.mjs", "")), "gate");
    const running = fetch(`${url}/?until=${gate}`);
    await waitFor("a full watchdog", async () => (await statusOf(`${url}/_/ready`)) === 429);
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get("x-openfaas-internal")]).toStrictEqual([
      429,
      "faas-middleware",
    ]);
    expect(await refused.text()).toBe(
      "Concurrent request limit exceeded. Max concurrent requests: 1",
    );
    await writeFile(gate, "open");
    expect((await running).status).toBe(200);
    expect(await statusOf(`${url}/_/ready`)).toBe(200);
    expect(await statusOf(url)).toBe(200);
  });

  it("counts calls by code and method, but not those about health", async () => {
    const { url, metricsUrl } = await startSlow();
    await fetch(url);
    await fetch(url, { method: "POST" });
    await fetch(`${url}/?ms=600000`, { headers: { "x-timeout": "1s" } });
    await fetch(`${url}/_/health`);
    // Calls are counted when their answers have gone, which callers may see a moment before.
    let text = "";
    await waitFor("the last call's end", async () => {
      text = await (await fetch(metricsUrl)).text();
      return text.includes("http_requests_in_flight 0\n");
    });
    expect(text).toContain('http_requests_total{code="200",method="get"} 1\n');
    expect(text).toContain('http_requests_total{code="200",method="post"} 1\n');
    expect(text).toContain('http_requests_total{code="504",method="get"} 1\n');
    expect(text).toContain('_seconds_bucket{code="504",method="get",le="0.05"} 0\n');
    expect(text).toContain('_seconds_bucket{code="504",method="get",le="+Inf"} 1\n');
  });

  it("ends a request that is not complete within read_timeout", async () => {
    const { url } = await startSlow({ read_timeout: "1s" });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    const chunks: Buffer[] = [];
    for await (const chunk of socket) {
      chunks.push(chunk as Buffer);
    }
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe("the end of a watchdog", () => {
  it("is unready at once, serves on for a while, then drains", async () => {
    const called = Promise.withResolvers<Call>();
    const delay = Promise.withResolvers<undefined>();
    const log: string[] = [];
    const watchdog = new Watchdog({
      limits: UNLIMITED,
      handler: (call) => {
        if (call.request.url === "/held") {
          called.resolve(call);
        } else {
          call.response.end("served");
        }
        return Promise.resolve();
      },
      log: (line) => void log.push(line),
    });
    const { port } = await watchdog.listen(0, 0);
    const url = `http://127.0.0.1:${port}`;
    const held = fetch(`${url}/held`);
    const { response } = await called.promise;

    const stopped = watchdog.stop(delay.promise);
    expect(await statusOf(`${url}/_/ready`)).toBe(503);
    expect(await statusOf(`${url}/_/health`)).toBe(503);
    expect(await (await fetch(url)).text()).toBe("served");

    delay.resolve(undefined);
    await waitFor("the end of connections", () => fetch(url).then(isFalse, isTrue));
    response.end("held until now");
    expect(await (await held).text()).toBe("held until now");
    expect(await stopped).toBe(true);
    expect(log.at(-1)).toMatch(/^GET \/held - 200 - /);
  });

  it("does not wait for connections that a pool has opened in advance", async () => {
    const handler = (): Promise<void> => Promise.resolve();
    const watchdog = new Watchdog({ limits: UNLIMITED, handler, log: () => undefined });
    const { port } = await watchdog.listen(0, 0);
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const closed = once(socket.resume(), "close");
    expect(await watchdog.stop(Promise.resolve())).toBe(true);
    await closed;
  });

  it("lets the calls in flight end, and exits with 0", async () => {
    const { url, process, exit, stdout, stderr } = await startSlow({ healthcheck_interval: "1s" });
    const gate = join(dirname(await writeModule("index.mjs", "")), "gate");
    const running = fetch(`${url}/?until=${gate}`);
    await waitFor("the call", () => stdout().includes("called"));
    process.kill("SIGTERM");
    await waitFor("the signal", () => stderr().includes("SIGTERM, finishing the calls in flight"));
    await writeFile(gate, "open");
    expect(await (await running).text()).toBe("slept");
    expect(await exit).toBe(0);
  });

  it("ends at once when it is told to while its module still loads", async () => {
    const text = 'console.log("loading");\nawait new Promise(() => setInterval(() => {}, 1000));';
    const module = await writeModule("index.mjs", text);
    const env = { PLONK_FUNCTION_MODULE: module, write_timeout: "10m" };
    const { process, exit } = await startWatchdog(env, (stdout) => stdout.includes("loading"));
    process.kill("SIGTERM");
    // By a handler of its own: without one the first process of a container would go on.
    expect(await exit).toBe(0);
  });

  it("waits for calls in flight no longer than write_timeout", async () => {
    const { url, process, exit, stdout } = await startSlow({ write_timeout: "200ms" });
    const running = fetch(`${url}/?ms=600000`).catch(() => "cut off");
    await waitFor("the call", () => stdout().includes("called"));
    process.kill("SIGTERM");
    expect(await exit).toBe(1);
    expect(await running).toBe("cut off");
  });
});

describe("a module that cannot be used", () => {
  const endOf = async (name: string, text: string) => {
    const watchdog = await startWatchdog({
      PLONK_FUNCTION_MODULE: await writeModule(name, text),
    });
    expect(await watchdog.exit).toBe(1);
    return watchdog.stderr().trimEnd().split("\n").at(-1);
  };

  it("is refused with the names that it exports", async () => {
    expect(await endOf("index.mjs", "export const a = 1, b = 2;")).toMatch(
      /^watchdog: \/.*index\.mjs: expected as default export a function \(event, context\) or an object with fetch\(request\), or a function named handler, got a \(number\), b \(number\)$/,
    );
  });

  it("is refused with the error that it throws, after the stack", async () => {
    expect(await endOf("index.mjs", "throw new TypeError('no DATABASE_URL');")).toMatch(
      /^watchdog: \/.*index\.mjs: failed to load: TypeError: no DATABASE_URL$/,
    );
  });

  it("is refused with the place of a syntax error or of a missing package", async () => {
    expect(await endOf("index.mjs", "const = 1;")).toMatch(/failed to load: SyntaxError: /);
    expect(await endOf("index.mjs", "import 'left-pad';")).toMatch(
      /failed to load: Error \[ERR_MODULE_NOT_FOUND\]: Cannot find package 'left-pad'/,
    );
  });

  it("is refused when there is no such file, and when nothing is configured", async () => {
    const missing = await startWatchdog({ PLONK_FUNCTION_MODULE: "/nowhere/index.mjs" });
    expect(await missing.exit).toBe(1);
    expect(missing.stderr()).toContain("watchdog: /nowhere/index.mjs: failed to load: ");
    const nothing = await startWatchdog({});
    expect(await nothing.exit).toBe(1);
    expect(nothing.stderr()).toBe(
      "watchdog: PLONK_FUNCTION_MODULE: expected a module's path, or fprocess, got neither\n",
    );
  });
});
