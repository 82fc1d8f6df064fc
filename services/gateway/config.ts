/** The gateway's settings: OpenFaaS' environment variables. */
import { join } from "node:path";
import type { Static } from "typebox";
import { parseDuration } from "../../contract/duration.ts";
import { GatewayEnvironment } from "../../contract/environment/index.ts";
import { readQueueNames, type StreamTerms } from "../../contract/queue/index.ts";
import { findStoreMistake, STORE } from "../../contract/store.ts";
import { readAllowed } from "../lib/address-policy.ts";
import { ConfigError, loadConfig } from "../lib/config.ts";
import { type NatsAddress, toNatsAddress } from "../lib/nats.ts";
import { type PrometheusAddress, toPrometheusAddress } from "../lib/prometheus.ts";
import { readStreamTerms } from "../lib/queue/stream-terms.ts";
import type { OidcConfig } from "./auth/bearer-auth.ts";
import { type CallConfig, toCallConfig } from "./calls/call-settings.ts";
import type { ColdStartConfig } from "./calls/cold-starts.ts";
import type { WorkerRules } from "./calls/worker-scale.ts";
import type { StoreSource } from "./system/store.ts";

/** Beside the bundle; a checkout has them elsewhere, where they have been built. */
const ASSETS = join(import.meta.dirname, "assets");

export interface GatewayConfig {
  port: number;
  metricsPort: number;
  /** Longest time to receive a request, or silence where its body is streamed, milliseconds. */
  readTimeoutMs: number;
  /** Longest time for which a client may leave its answer unread, milliseconds. */
  writeTimeoutMs: number;
  calls: CallConfig;
  /** Without it there are no asynchronous calls. */
  nats: NatsAddress | undefined;
  streamTerms: StreamTerms;
  /** Undefined: somebody else says how many queue-workers there are. */
  workers: WorkerRules | undefined;
  /** Ranges and names that callbacks may reach though they are private. */
  callbackAllow: readonly string[];
  /** Queues beside the usual one. */
  queueNames: readonly string[];
  prometheus: PrometheusAddress;
  /**
   * Folder with `basic-auth-user`, `basic-auth-password` and perhaps `users.yaml`; undefined: no
   * basic authentication, and none at all without `oidc`.
   */
  secretMountPath: string | undefined;
  /** Folder with the keys of marks; undefined: private functions' calls are not queued. */
  queueSecretPath: string | undefined;
  /** Who signs bearer tokens; undefined: there are none. */
  oidc: OidcConfig | undefined;
  /** Undefined: functions without replicas stay so. */
  scaleFromZero: ColdStartConfig | undefined;
  functionNamespace: string;
  platformNamespace: string;
  /** All marked namespaces, not just `functionNamespace`. */
  isClusterScoped: boolean;
  /** Folder with the static files, `ui/` and `docs/`. */
  assetsDirectory: string;
  /** Image that runs pasted JavaScript; undefined: such functions are refused. */
  runtimeImage: string | undefined;
  /** Where the store document is from: the gateway itself, nowhere, or this address. */
  store: StoreSource;
  logLevel: string;
}

/** Reads the environment; throws a ConfigError that names each wrong variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const raw = loadConfig(GatewayEnvironment, env);
  return {
    port: raw.port,
    metricsPort: raw.metrics_port,
    readTimeoutMs: parseDuration(raw.read_timeout),
    writeTimeoutMs: parseDuration(raw.write_timeout),
    calls: toCallConfig(raw),
    nats: toNatsAddress(raw),
    streamTerms: readStreamTerms(raw),
    workers: toWorkerRules(raw),
    callbackAllow: readAllowed(raw.callback_allow),
    queueNames: readQueueNames(raw.queue_names),
    prometheus: toPrometheusAddress(raw),
    secretMountPath: raw.basic_auth === "true" ? raw.secret_mount_path : undefined,
    queueSecretPath: raw.queue_secret_path,
    oidc: toOidc(raw),
    scaleFromZero:
      raw.scale_from_zero === "true"
        ? {
            timeoutMs: parseDuration(raw.scale_from_zero_timeout),
            queueLength: raw.scale_from_zero_queue,
          }
        : undefined,
    functionNamespace: raw.function_namespace,
    platformNamespace: raw.platform_namespace,
    isClusterScoped: raw.cluster_scope === "true",
    assetsDirectory: raw.assets_directory ?? ASSETS,
    runtimeImage: raw.runtime_image,
    store: toStoreSource(raw.function_store),
    logLevel: raw.log_level,
  };
}

function toStoreSource(text: string): StoreSource {
  const mistake = findStoreMistake(text);
  if (mistake !== undefined) {
    throw new ConfigError(`function_store: ${mistake}`);
  }
  return text === STORE.own || text === STORE.off ? text : new URL(text);
}

function toWorkerRules(raw: Static<typeof GatewayEnvironment>): WorkerRules | undefined {
  const { queue_workers_min: min, queue_workers_max: max } = raw;
  if (max === undefined) {
    return undefined;
  }
  if (min > max) {
    const expected = `at most queue_workers_max (${max})`;
    throw new ConfigError(`queue_workers_min: expected ${expected}, got ${min}`);
  }
  if (toNatsAddress(raw) === undefined) {
    throw new ConfigError("queue_workers_max: expected with nats_url, got no queue");
  }
  return {
    min,
    max,
    callsPerWorker: raw.queue_calls_per_worker,
    maxWaitMs: parseDuration(raw.queue_workers_max_wait),
    quietMs: parseDuration(raw.queue_workers_quiet),
  };
}

function toOidc(raw: Static<typeof GatewayEnvironment>): OidcConfig | undefined {
  const { oidc_issuer: issuer, oidc_audience: audience } = raw;
  if (issuer === undefined) {
    return undefined;
  }
  if (audience === undefined) {
    // Without one, a token for any other program of the issuer's would do.
    throw new ConfigError("oidc_audience: expected with oidc_issuer, got nothing");
  }
  return {
    issuer,
    audience,
    rolesClaim: raw.oidc_roles_claim,
    rolePrefix: raw.oidc_role_prefix,
  };
}
