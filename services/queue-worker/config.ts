/** The queue-worker's settings: OpenFaaS' environment variables. */
import { Type } from "typebox";
import { parseDuration } from "../../contract/duration.ts";
import { PORT } from "../../contract/index.ts";
import { durationSetting, loadConfig, logLevelSetting, portSetting } from "../lib/config.ts";

const Schema = Type.Object({
  faas_nats_address: Type.String({ default: "nats" }),
  faas_nats_port: portSetting(PORT.nats),
  faas_gateway_address: Type.String({ default: "gateway" }),
  faas_gateway_port: portSetting(PORT.gateway),
  ack_wait: durationSetting("60s"),
  max_inflight: Type.Integer({ minimum: 1, maximum: 10_000, default: 50 }),
  max_attempts: Type.Integer({ minimum: 1, maximum: 1000, default: 10 }),
  initial_retry_wait: durationSetting("10s"),
  max_retry_wait: durationSetting("120s"),
  call_timeout: durationSetting("5m"),
  port: portSetting(PORT.queueWorkerMetrics),
  log_level: logLevelSetting,
});

export interface RetryPolicy {
  /** Calls of one message, the first included. */
  maxAttempts: number;
  /** Wait before the first repetition, milliseconds; each further one doubles it. */
  initialWaitMs: number;
  /** Longest wait, milliseconds. */
  maxWaitMs: number;
}

export interface WorkerConfig {
  nats: { host: string; port: number };
  gatewayUrl: string;
  /** Silence after which the queue gives a call to another worker, milliseconds. */
  ackWaitMs: number;
  /** Calls at the same time. */
  maxInFlight: number;
  retry: RetryPolicy;
  /** Longest wait for a function's first byte, and between two chunks of its answer. */
  callTimeoutMs: number;
  port: number;
  logLevel: string;
}

/** Reads the environment; throws a ConfigError that names each wrong variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): WorkerConfig {
  const raw = loadConfig(Schema, env);
  return {
    nats: { host: raw.faas_nats_address, port: raw.faas_nats_port },
    gatewayUrl: `http://${raw.faas_gateway_address}:${raw.faas_gateway_port}`,
    ackWaitMs: parseDuration(raw.ack_wait),
    maxInFlight: raw.max_inflight,
    retry: {
      maxAttempts: raw.max_attempts,
      initialWaitMs: parseDuration(raw.initial_retry_wait),
      maxWaitMs: parseDuration(raw.max_retry_wait),
    },
    callTimeoutMs: parseDuration(raw.call_timeout),
    port: raw.port,
    logLevel: raw.log_level,
  };
}
