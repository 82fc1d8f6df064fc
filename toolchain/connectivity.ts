/** What the person says about the network. */
import type { Environment } from "./directories.ts";
import { ToolchainError } from "./errors.ts";

/**
 * `closed`: nothing is asked of vendors. `open`: they can be reached, so a download that fails is
 * an error and not a reason to build from source. `unknown`: that is found out.
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
      throw new ToolchainError("argument", `PLONK_OFFLINE: must be 0 or 1, got "${value}"`);
  }
}
