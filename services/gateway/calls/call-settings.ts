/** The settings of the invocation path: limits, time-outs, trusted proxies, service mode. */
import type { Static } from "typebox";
import { type GatewayEnvironment, toTimeouts } from "../../../contract/environment/index.ts";
import type { CallTimeouts } from "../../../contract/index.ts";
import { ConfigError } from "../../lib/config.ts";
import { TrustedPeers } from "../http/trusted-peers.ts";

export interface CallConfig {
  /** The platform's; a function's labels may say otherwise. */
  timeouts: CallTimeouts;
  /** Most calls in flight in this gateway; 0 is no limit. */
  maxInflight: number;
  /** Most calls that wait for a pod in this gateway; 0 is no limit. */
  maxWaiting: number;
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
export function toCallConfig(raw: Static<typeof GatewayEnvironment>): CallConfig {
  return {
    timeouts: toTimeouts(raw),
    maxInflight: raw.max_inflight,
    maxWaiting: raw.max_waiting,
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
