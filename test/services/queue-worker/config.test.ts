/** The queue-worker's settings. */
import { describe, expect, test } from "@jest/globals";
import { readConfig } from "../../../services/queue-worker/config.ts";

describe("readConfig", () => {
  test("has defaults for a cluster", () => {
    expect(readConfig({})).toEqual({
      nats: { url: "nats://nats:4222", secretPath: undefined },
      gatewayUrl: "http://gateway:8080",
      ackWaitMs: 60_000,
      maxInFlight: 50,
      retry: { maxAttempts: 10, initialWaitMs: 10_000, maxWaitMs: 120_000 },
      callTimeoutMs: 300_000,
      port: 8081,
      logLevel: "info",
    });
  });

  test("names a wrong variable", () => {
    expect(() => readConfig({ max_inflight: "0" })).toThrow('max_inflight: expected >= 1, got "0"');
  });
});
