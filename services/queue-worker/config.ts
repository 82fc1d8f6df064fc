/** The queue-worker's settings: OpenFaaS' environment variables. */
import { parseDuration } from "../../contract/duration.ts";
import { QueueWorkerEnvironment } from "../../contract/environment/index.ts";
import { loadConfig } from "../lib/config.ts";
import { type NatsAddress, toNatsAddress } from "../lib/nats.ts";

export interface RetryPolicy {
  /** Calls of one message, the first included. */
  maxAttempts: number;
  /** Wait before the first repetition, milliseconds; each further one doubles it. */
  initialWaitMs: number;
  /** Longest wait, milliseconds. */
  maxWaitMs: number;
}

export interface WorkerConfig {
  nats: NatsAddress;
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
  const raw = loadConfig(QueueWorkerEnvironment, env);
  return {
    nats: toNatsAddress(raw),
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
