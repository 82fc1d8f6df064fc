/** The user's setting for network access, `$PLONK_OFFLINE`. */
import type { Environment } from "./directories.ts";
import { ToolchainError } from "./errors.ts";

/**
 * `closed`: no requests to vendors. `open`: vendors are reachable, so a failed download is an error
 * and not a reason to build from source. `unknown`: detected at run time.
 */
export type Connectivity = "open" | "closed" | "unknown";

/** @throws ToolchainError for a `$PLONK_OFFLINE` that is neither 0 nor 1. */
export function readConnectivity(env: Environment): Connectivity {
  const value = env["PLONK_OFFLINE"] ?? "";
  switch (value) {
    case "":
      return "unknown";
    case "0":
      return "open";
    case "1":
      return "closed";
    default:
      throw new ToolchainError("argument", `PLONK_OFFLINE: expected 0 or 1, got "${value}"`);
  }
}
