/** The queue-worker's settings: OpenFaaS' environment variables. */
import { parseDuration } from "../../contract/duration.ts";
import { QueueWorkerEnvironment } from "../../contract/environment/index.ts";
import {
  readQueueNames,
  RETRIED_CODES,
  type RetryPolicy,
  type StreamTerms,
} from "../../contract/queue/index.ts";
import { readAllowed } from "../lib/address-policy.ts";
import { ConfigError, loadConfig } from "../lib/config.ts";
import { type NatsAddress, toNatsAddress } from "../lib/nats.ts";
import { readStreamTerms } from "../lib/queue/stream-terms.ts";
import { readSigningKey } from "./signing-key.ts";

export interface WorkerConfig {
  nats: NatsAddress;
  streamTerms: StreamTerms;
  gatewayUrl: string;
  /** Where a function without a namespace in its name is. */
  functionNamespace: string;
  /** Whose calls it runs. */
  queue: string;
  /** Queues beside the usual one. */
  queueNames: readonly string[];
  /** Silence after which the queue gives a call to another worker, milliseconds. */
  ackWaitMs: number;
  /** Calls at the same time, and those of one function. */
  maxInflight: number;
  maxInflightPerFunction: number;
  /** What holds for functions that say nothing. */
  retry: RetryPolicy;
  /** How long a call is tried that the platform, or a full function, keeps back, milliseconds. */
  maxAgeMs: number;
  /** The most that a worker which stops waits for the calls in flight, milliseconds. */
  drainMs: number;
  callbacks: {
    /** Ranges and names that callbacks may reach though they are private. */
    allow: readonly string[];
    /** From connecting to the last byte, milliseconds. */
    timeoutMs: number;
    /** How long a receiver is tried, milliseconds. */
    maxAgeMs: number;
    /** Read for each callback, so that a renewed Secret needs no restart. */
    signingKey: () => Buffer | undefined;
  };
  port: number;
  logLevel: string;
}

/** Reads the environment; throws a ConfigError that names each wrong variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): WorkerConfig {
  const raw = loadConfig(QueueWorkerEnvironment, env);
  const keyPath = raw.callback_key_path;
  return {
    nats: toNatsAddress(raw),
    streamTerms: readStreamTerms(raw),
    gatewayUrl: `http://${raw.faas_gateway_address}:${raw.faas_gateway_port}`,
    functionNamespace: raw.function_namespace,
    queue: raw.queue_name,
    queueNames: readQueueNames(raw.queue_names),
    ackWaitMs: readAckWait(raw.ack_wait),
    maxInflight: raw.max_inflight,
    maxInflightPerFunction: raw.max_inflight_per_function,
    retry: {
      attempts: raw.max_attempts,
      codes: RETRIED_CODES,
      minWaitMs: parseDuration(raw.initial_retry_wait),
      maxWaitMs: parseDuration(raw.max_retry_wait),
    },
    maxAgeMs: parseDuration(raw.max_age),
    drainMs: parseDuration(raw.drain_timeout),
    callbacks: {
      allow: readAllowed(raw.callback_allow),
      timeoutMs: readCallbackTimeout(raw.callback_timeout),
      maxAgeMs: parseDuration(raw.callback_max_age),
      signingKey: () => (keyPath === undefined ? undefined : readSigningKey(keyPath)),
    },
    port: raw.port,
    logLevel: raw.log_level,
  };
}

/** Shorter ones are over before the queue can be told that a call is worked on. */
const ACK_WAIT_MS = { least: 100, most: 24 * 3_600_000 };

function readAckWait(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < ACK_WAIT_MS.least || milliseconds > ACK_WAIT_MS.most) {
    throw new ConfigError(`ack_wait: expected 100ms to 24h, got "${text}"`);
  }
  return milliseconds;
}

/** None is no limit elsewhere: a receiver that never answers would hold a place for ever. */
function readCallbackTimeout(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < 1) {
    throw new ConfigError(`callback_timeout: expected at least 1ms, got "${text}"`);
  }
  return milliseconds;
}
