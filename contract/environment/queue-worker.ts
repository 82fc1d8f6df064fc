/** The queue-worker's environment variables: OpenFaaS' names where it has them. */
import { Type } from "typebox";
import { PORT } from "../names.ts";
import { callbackSettings } from "./callbacks.ts";
import { natsSettings } from "./servers.ts";
import { durationSetting, logLevelSetting, portSetting } from "./settings.ts";

export const QueueWorkerEnvironment = Type.Object({
  faas_nats_address: Type.String({ default: "nats" }),
  ...natsSettings,
  faas_gateway_address: Type.String({ default: "gateway" }),
  faas_gateway_port: portSetting(PORT.gateway),
  /** Silence after which the queue gives a call to another worker. */
  ack_wait: durationSetting("60s"),
  /** Calls at the same time. */
  max_inflight: Type.Integer({ minimum: 1, maximum: 10_000, default: 50 }),
  /** Calls of one message, the first included. */
  max_attempts: Type.Integer({ minimum: 1, maximum: 1000, default: 10 }),
  /** Wait before the first repetition; each further one doubles it. */
  initial_retry_wait: durationSetting("10s"),
  max_retry_wait: durationSetting("120s"),
  /** Longest wait for a function's first byte, and between two chunks of its answer. */
  call_timeout: durationSetting("5m"),
  ...callbackSettings,
  /** Port of metrics and health. */
  port: portSetting(PORT.queueWorkerMetrics),
  log_level: logLevelSetting,
});
