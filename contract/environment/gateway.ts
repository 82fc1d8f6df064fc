/** The gateway's environment variables: OpenFaaS' names where it has them. */
import { Type } from "typebox";
import { NAMESPACE, PORT } from "../names.ts";
import { QUEUE_NAMES } from "../queue/queue-names.ts";
import { STORE } from "../store.ts";
import { callbackSettings } from "./callbacks.ts";
import { natsSettings, prometheusSettings, streamSettings } from "./servers.ts";
import { booleanSetting, durationSetting, logLevelSetting, portSetting } from "./settings.ts";
import { timeoutSettings } from "./timeouts.ts";

export const GatewayEnvironment = Type.Object({
  port: portSetting(PORT.gateway),
  metrics_port: portSetting(PORT.gatewayMetrics),
  /** Longest time to receive a request, or silence where its body is streamed. */
  read_timeout: durationSetting("65s"),
  /** Longest time for which a client may leave its answer unread. */
  write_timeout: durationSetting("65s"),
  ...timeoutSettings,
  /**
   * Most calls in flight in one gateway, and most upgraded connections; one function gets at most
   * three times what is left for all others. 0 is no limit.
   */
  max_inflight: Type.Integer({ minimum: 0, default: 1000 }),
  /** Most calls that wait for a pod of their function, counted apart and shared out as well. */
  max_waiting: Type.Integer({ minimum: 0, default: 1000 }),
  /** Most calls in flight, waiting or upgraded of each function without a label of its own. */
  max_inflight_per_function: Type.Integer({ minimum: 0, default: 0 }),
  /**
   * Most bytes of queued calls' bodies in memory at the same time, shared out as calls are. With
   * less than 8 MiB, calls of private functions with a larger body are taken and never run.
   */
  max_held_bytes: Type.Integer({ minimum: 0, default: 32 * 1024 * 1024 }),
  /** Addresses and ranges of proxies whose X-Forwarded-* headers are believed. */
  trusted_proxies: Type.String({ default: "" }),
  /** Calls go to functions' Services, and a mesh balances them; otherwise to pods. */
  direct_functions: booleanSetting(false),
  direct_functions_suffix: Type.String({ default: "svc.cluster.local" }),
  /** Without it and `nats_url` there are no asynchronous calls. */
  faas_nats_address: Type.Optional(Type.String()),
  ...natsSettings,
  ...streamSettings,
  /**
   * Most queue-workers: this gateway changes their number, between `queue_workers_min` and this.
   * @default somebody else says how many there are
   */
  queue_workers_max: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  /** Fewest of them; 0: none when there is nothing to do. */
  queue_workers_min: Type.Integer({ minimum: 0, maximum: 100, default: 1 }),
  /** Waiting and running calls and callbacks for which there is one more. */
  queue_calls_per_worker: Type.Integer({ minimum: 1, default: 100 }),
  /** Wait of the oldest call after which there is one more. */
  queue_workers_max_wait: durationSetting("30s"),
  /** How long fewer of them have to be enough before there are fewer. */
  queue_workers_quiet: durationSetting("60s"),
  callback_allow: callbackSettings.callback_allow,
  /** Queues beside the usual one, which functions may name. */
  queue_names: Type.String({ pattern: QUEUE_NAMES, default: "" }),
  ...prometheusSettings,
  basic_auth: booleanSetting(false),
  /** Folder with `basic-auth-user`, `basic-auth-password` and perhaps `users.yaml`. */
  secret_mount_path: Type.String({ default: "/run/secrets/" }),
  /**
   * Folder with `current`, the key by which queued calls of private functions are marked, and
   * perhaps `previous`, by which marks are still read; 32 bytes or more each, of the same content
   * for all gateways. Without it such calls are not queued: 503.
   */
  queue_secret_path: Type.Optional(Type.String()),
  /** Who signs bearer tokens; `oidc_audience` goes with it. */
  oidc_issuer: Type.Optional(Type.String({ pattern: "^https?://" })),
  oidc_audience: Type.Optional(Type.String()),
  oidc_roles_claim: Type.String({ default: "roles" }),
  oidc_role_prefix: Type.String({ default: "plonk:" }),
  scale_from_zero: booleanSetting(true),
  scale_from_zero_timeout: durationSetting("60s"),
  /** Most calls that wait for a pod of one function that does not say how many. */
  scale_from_zero_queue: Type.Integer({ minimum: 1, default: 1000 }),
  function_namespace: Type.String({ default: NAMESPACE.functions }),
  platform_namespace: Type.String({ default: NAMESPACE.platform }),
  /** Folder with the static files. @default the one beside the program */
  assets_directory: Type.Optional(Type.String()),
  /** Serves every marked namespace, which takes the right to list them; otherwise one alone. */
  cluster_scope: booleanSetting(false),
  /** Image that runs pasted JavaScript; without it such functions are refused. */
  runtime_image: Type.Optional(Type.String({ minLength: 1 })),
  /** `own`, `off`, or the https URL of a store document, which is asked for when somebody asks. */
  function_store: Type.String({ default: STORE.own }),
  log_level: logLevelSetting,
});
