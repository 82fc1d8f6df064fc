/** The queue-worker's environment variables: OpenFaaS' names where it has them. */
import { Type } from "typebox";
import { formatDuration } from "../duration.ts";
import { NAMESPACE, PORT } from "../names.ts";
import { QUEUE } from "../queue/names.ts";
import { QUEUE_NAME, QUEUE_NAMES } from "../queue/queue-names.ts";
import { MAX_ATTEMPTS } from "../queue/retry-policy.ts";
import { LONGEST_DRAIN_SECONDS } from "../timeouts.ts";
import { callbackSettings } from "./callbacks.ts";
import { natsSettings, streamSettings } from "./servers.ts";
import { durationSetting, logLevelSetting, portSetting } from "./settings.ts";

export const QueueWorkerEnvironment = Type.Object({
  faas_nats_address: Type.String({ default: "nats" }),
  ...natsSettings,
  ...streamSettings,
  faas_gateway_address: Type.String({ default: "gateway" }),
  faas_gateway_port: portSetting(PORT.gateway),
  /** Where a function without a namespace in its name is. */
  function_namespace: Type.String({ default: NAMESPACE.functions }),
  /** Whose calls it runs; that of the usual queue alone sends callbacks. */
  queue_name: Type.String({ pattern: QUEUE_NAME, default: QUEUE.name }),
  /** Queues beside the usual one, which have workers of their own. */
  queue_names: Type.String({ pattern: QUEUE_NAMES, default: "" }),
  /** Silence after which the queue gives a call to another worker. */
  ack_wait: durationSetting("60s"),
  /** Calls at the same time; functions without any get one beyond that. */
  max_inflight: Type.Integer({ minimum: 1, maximum: 10_000, default: 100 }),
  /** The same of one function. */
  max_inflight_per_function: Type.Integer({ minimum: 1, maximum: 10_000, default: 10 }),
  /** Runs of one call that end with a status which is repeated, the first included. */
  max_attempts: Type.Integer({ minimum: 1, maximum: MAX_ATTEMPTS, default: 10 }),
  /** Wait before the first repetition; each further one doubles it. */
  initial_retry_wait: durationSetting("10s"),
  max_retry_wait: durationSetting("120s"),
  /** How long a call is tried that the platform, or a full function, keeps back. */
  max_age: durationSetting("24h"),
  /** The most that a worker which stops waits for the calls in flight. */
  drain_timeout: durationSetting(formatDuration(LONGEST_DRAIN_SECONDS * 1000)),
  ...callbackSettings,
  /** How long a receiver is tried that does not take its callback. */
  callback_max_age: durationSetting("24h"),
  /** Port of metrics and health. */
  port: portSetting(PORT.queueWorkerMetrics),
  log_level: logLevelSetting,
});
