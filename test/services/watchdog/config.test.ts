import { totalmem } from "node:os";
import { describe, expect, it } from "@jest/globals";
import { readConfig } from "../../../services/watchdog/config.ts";

describe("readConfig of the watchdog", () => {
  it("has of-watchdog's defaults", () => {
    const memoryBytes = 256 * 1024 * 1024;
    expect(readConfig({ PLONK_FUNCTION_MODULE: "/f/index.mjs" }, memoryBytes)).toStrictEqual({
      port: 8080,
      metricsPort: 8081,
      readTimeoutMs: 30_000,
      stopTimeoutMs: 30_000,
      execTimeoutMs: 30_000,
      shutdownDelayMs: 2000,
      maxInflight: 0,
      maxBodyBytes: 10_485_760,
      maxOutputBytes: 134_217_728,
      contentType: "application/octet-stream",
      prefixLogs: true,
      rawBody: false,
      source: { kind: "module", path: "/f/index.mjs" },
    });
  });

  it("reads what is set", () => {
    const config = readConfig({
      port: "9000",
      read_timeout: "1m30s",
      exec_timeout: "0",
      write_timeout: "65",
      max_inflight: "7",
      prefix_logs: "false",
      content_type: "text/plain",
      RAW_BODY: "true",
      fprocess: " jq  -c . ",
      mode: "serializing",
    });
    expect(config).toMatchObject({
      port: 9000,
      readTimeoutMs: 90_000,
      execTimeoutMs: 0,
      stopTimeoutMs: 65_000,
      maxInflight: 7,
      prefixLogs: false,
      contentType: "text/plain",
      rawBody: true,
      source: { kind: "process", command: "jq", args: ["-c", "."], mode: "serializing" },
    });
  });

  it.each([
    [{ write_timeout: "0" }, { stopTimeoutMs: 30_000 }],
    [{ write_timeout: "0", exec_timeout: "90s" }, { stopTimeoutMs: 90_000 }],
    [{ write_timeout: "0", exec_timeout: "0" }, { stopTimeoutMs: 300_000 }],
    [
      { write_timeout: "5s", exec_timeout: "0" },
      { stopTimeoutMs: 5000, execTimeoutMs: 0 },
    ],
    [{ write_timeout: "1000h" }, { stopTimeoutMs: 2 ** 31 - 1 }],
    [{ exec_timeout: "1000h" }, { execTimeoutMs: 2 ** 31 - 1 }],
    [{ healthcheck_interval: "1000h" }, { shutdownDelayMs: 2 ** 31 - 1 }],
    [{ read_timeout: "0" }, { readTimeoutMs: 0 }],
    [{ read_timeout: "1.5ms" }, { readTimeoutMs: 2 }],
    [{ read_timeout: "9".repeat(400) }, { readTimeoutMs: 2 ** 31 - 1 }],
  ])("makes times of %j that Node can count", (env, expected) => {
    expect(readConfig({ fprocess: "cat", ...env })).toMatchObject(expected);
  });

  it.each([
    ["1000", 1000],
    ["0", 0],
    ["1%", 655],
    ["100%", 65_537],
  ])("makes bytes of max_output_bytes: %s", (text, bytes) => {
    const env = { fprocess: "cat", max_output_bytes: text };
    expect(readConfig(env, 65_537).maxOutputBytes).toBe(bytes);
  });

  it("takes a share of what there is, where no memory is given", () => {
    const whole = readConfig({ fprocess: "cat", max_output_bytes: "100%" }).maxOutputBytes;
    expect(whole).toBe(Math.min(process.constrainedMemory() || Infinity, totalmem()));
    expect(whole).toBeGreaterThan(0);
  });

  it("knows the older name of fprocess", () => {
    expect(readConfig({ function_process: "cat" }).source).toStrictEqual({
      kind: "process",
      command: "cat",
      args: [],
      mode: "streaming",
    });
  });

  it.each([
    [{}, "PLONK_FUNCTION_MODULE: expected a module's path, or fprocess, got neither"],
    [
      { PLONK_FUNCTION_MODULE: "/m", fprocess: "cat" },
      "PLONK_FUNCTION_MODULE: expected either this or fprocess, got /m and cat",
    ],
    [{ fprocess: "cat", mode: "http" }, "mode: expected streaming or serializing, got http"],
    [{ fprocess: "cat", port: "80a" }, "port: expected a whole number, got 80a"],
    ...["64Mi", "0%", "101%", "-1"].map((text): [Record<string, string>, string] => [
      { fprocess: "cat", max_output_bytes: text },
      `max_output_bytes: expected bytes, or a share such as 50%, got ${text}`,
    ]),
    [
      { fprocess: "cat", exec_timeout: "soon" },
      "exec_timeout: expected a duration such as 30s or 1m30s, got soon",
    ],
  ])("refuses %j", (env, message) => {
    expect(() => readConfig(env)).toThrow(new Error(message));
  });
});
