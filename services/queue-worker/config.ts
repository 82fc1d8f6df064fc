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
import { loadConfig } from "../lib/config.ts";
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
  maxInFlight: number;
  maxInFlightPerFunction: number;
  /** What holds for functions that say nothing. */
  retry: RetryPolicy;
  /** How long a call is tried that the platform, or a full function, keeps back, milliseconds. */
  maxAgeMs: number;
  /** How long a worker that stops waits for the calls in flight, milliseconds. */
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
    ackWaitMs: parseDuration(raw.ack_wait),
    maxInFlight: raw.max_inflight,
    maxInFlightPerFunction: raw.max_inflight_per_function,
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
      timeoutMs: parseDuration(raw.callback_timeout),
      maxAgeMs: parseDuration(raw.callback_max_age),
      signingKey: () => (keyPath === undefined ? undefined : readSigningKey(keyPath)),
    },
    port: raw.port,
    logLevel: raw.log_level,
  };
}
