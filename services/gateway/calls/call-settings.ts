/** The settings of the invocation path: limits, time-outs, trusted proxies, service mode. */
import { type Static, type TObject, Type } from "typebox";
import type { CallTimeouts } from "../../../contract/index.ts";
import { booleanSetting, ConfigError } from "../../lib/config.ts";
import { timeoutSettings, toTimeouts } from "../../lib/timeout-settings.ts";
import { TrustedPeers } from "../http/trusted-peers.ts";

/** For the gateway's schema. */
export const callSettings = {
  ...timeoutSettings,
  max_inflight: Type.Integer({ minimum: 0, default: 1000 }),
  max_held_bytes: Type.Integer({ minimum: 0, default: 32 * 1024 * 1024 }),
  max_inflight_per_function: Type.Integer({ minimum: 0, default: 0 }),
  trusted_proxies: Type.String({ default: "" }),
  direct_functions: booleanSetting(false),
  direct_functions_suffix: Type.String({ default: "svc.cluster.local" }),
};

export interface CallConfig {
  /** The platform's; a function's labels may say otherwise. */
  timeouts: CallTimeouts;
  /** Most calls in flight in this gateway; 0 is no limit. */
  maxInflight: number;
  /** The same for each function without a label of its own. */
  maxInflightPerFunction: number;
  /** Most bytes of queued calls' bodies in memory at the same time. */
  maxHeldBytes: number;
  /** Addresses and ranges of proxies whose X-Forwarded-* headers are believed. */
  trustedProxies: readonly string[];
  /**
   * Domain of the functions' Services, when calls go to those (and a mesh balances them);
   * undefined: calls go to pods.
   */
  serviceSuffix: string | undefined;
}

/** The settings as they were read by the schema. Throws a ConfigError. */
export function toCallConfig(raw: Static<TObject<typeof callSettings>>): CallConfig {
  return {
    timeouts: toTimeouts(raw),
    maxInflight: raw.max_inflight,
    maxHeldBytes: raw.max_held_bytes,
    maxInflightPerFunction: raw.max_inflight_per_function,
    trustedProxies: readRanges(raw.trusted_proxies),
    serviceSuffix: raw.direct_functions === "true" ? raw.direct_functions_suffix : undefined,
  };
}

function readRanges(text: string): string[] {
  const ranges = text.split(/[\s,]+/).filter((range) => range !== "");
  try {
    new TrustedPeers(ranges);
  } catch (error) {
    throw new ConfigError(`trusted_proxies: ${(error as Error).message}`);
  }
  return ranges;
}
