/** How long a call may take that is in flight when the gateway stops. */
import {
  type CallTimeouts,
  callTimeouts,
  type FunctionResource,
  UNLIMITED_DRAIN_MS,
} from "../../../contract/index.ts";

export interface LongestCallOptions {
  /** The platform's; a function's labels may say otherwise. */
  timeouts: CallTimeouts;
  functions: Iterable<FunctionResource>;
  /** Longest wait for a first pod, which comes before the call; undefined: nobody waits. */
  scaleFromZero: { timeoutMs: number } | undefined;
}

/** The longest limit of any function, milliseconds; one without a limit has five minutes. */
export function longestCallMs({ timeouts, functions, scaleFromZero }: LongestCallOptions): number {
  let longest = timeouts.callMs || UNLIMITED_DRAIN_MS;
  for (const { spec } of functions) {
    longest = Math.max(longest, callTimeouts(spec, timeouts).callMs || UNLIMITED_DRAIN_MS);
  }
  return (scaleFromZero?.timeoutMs ?? 0) + longest;
}
