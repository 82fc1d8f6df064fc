/** The queue-worker's settings. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { collectCleanups } from "../../support/cleanup.ts";

const atEnd = collectCleanups(afterEach);

describe("readConfig", () => {
  test("has defaults for a cluster", () => {
    const { callbacks, ...others } = readConfig({});
    const { signingKey, ...usual } = callbacks;
    expect(others).toEqual({
      nats: { url: "nats://nats:4222", secretPath: undefined },
      streamTerms: { deadLetterAgeMs: 30 * 24 * 3_600_000 },
      gatewayUrl: "http://gateway:8080",
      functionNamespace: "openfaas-fn",
      queue: "faas-request",
      queueNames: [],
      ackWaitMs: 60_000,
      maxInflight: 100,
      maxInflightPerFunction: 10,
      retry: {
        attempts: 10,
        codes: [408, 429, 500, 502, 503, 504],
        minWaitMs: 10_000,
        maxWaitMs: 120_000,
      },
      maxAgeMs: 86_400_000,
      drainMs: (24 * 60 + 10) * 60_000,
      port: 8081,
      logLevel: "info",
    });
    expect(usual).toEqual({ allow: [], timeoutMs: 30_000, maxAgeMs: 86_400_000 });
    expect(signingKey()).toBeUndefined();
  });

  test("takes what is set", () => {
    const config = readConfig({
      faas_gateway_address: "g",
      faas_gateway_port: "81",
      function_namespace: "fn",
      queue_name: "slow",
      queue_names: "slow, other",
      ack_wait: "30s",
      max_inflight: "5",
      max_inflight_per_function: "2",
      max_attempts: "3",
      initial_retry_wait: "1",
      max_retry_wait: "1m",
      max_age: "1h",
      drain_timeout: "5s",
      callback_allow: "10.0.0.0/8 hooks.example",
      callback_timeout: "3s",
      callback_max_age: "10m",
    });
    expect(config).toMatchObject({
      gatewayUrl: "http://g:81",
      functionNamespace: "fn",
      queue: "slow",
      queueNames: ["slow", "other"],
      ackWaitMs: 30_000,
      maxInflight: 5,
      maxInflightPerFunction: 2,
      retry: { attempts: 3, minWaitMs: 1000, maxWaitMs: 60_000 },
      maxAgeMs: 3_600_000,
      drainMs: 5000,
      callbacks: {
        allow: ["10.0.0.0/8", "hooks.example"],
        timeoutMs: 3000,
        maxAgeMs: 600_000,
      },
    });
  });

  test("reads the key of callbacks each time, so that it may be renewed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "plonk-key-"));
    atEnd(() => rm(folder, { recursive: true }));
    const path = join(folder, "key");
    const { callbacks } = readConfig({ callback_key_path: path });
    await writeFile(path, "first-0123456789\n");
    expect(callbacks.signingKey()).toEqual(Buffer.from("first-0123456789"));
    await writeFile(path, "second-0123456789");
    expect(callbacks.signingKey()).toEqual(Buffer.from("second-0123456789"));
  });

  test.each([
    [{ max_inflight: "0" }, 'max_inflight: expected >= 1, got "0"'],
    [{ max_attempts: "1001" }, 'max_attempts: expected <= 1000, got "1001"'],
    [{ max_inflight_per_function: "x" }, "max_inflight_per_function: expected"],
    [{ max_age: "soon" }, "max_age: expected"],
    [{ callback_timeout: "-1s" }, "callback_timeout: expected"],
    [{ callback_timeout: "0" }, 'callback_timeout: expected at least 1ms, got "0"'],
    [{ callback_timeout: "0.5ms" }, 'callback_timeout: expected at least 1ms, got "0.5ms"'],
    [{ ack_wait: "0s" }, 'ack_wait: expected 100ms to 24h, got "0s"'],
    [{ ack_wait: "99ms" }, 'ack_wait: expected 100ms to 24h, got "99ms"'],
    [{ ack_wait: "24h1s" }, 'ack_wait: expected 100ms to 24h, got "24h1s"'],
  ])("names the wrong variable of %j", (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });
});

describe("the terms of the streams", () => {
  test("are read", () => {
    const env = { queue_replicas: "3", dead_letter_age: "168h" };
    expect(readConfig(env).streamTerms).toEqual({ replicas: 3, deadLetterAgeMs: 604_800_000 });
  });

  test.each([{ queue_replicas: "0" }, { queue_replicas: "x" }, { dead_letter_age: "a week" }])(
    "are refused: %p",
    (env) => {
      expect(() => readConfig(env)).toThrow(Object.keys(env)[0]);
    },
  );
});
