/** Names of the states of calls; no schema, as the page reads them, too. */

/** Where a call can be. The last four are final. */
export const CALL_STATES = [
  "queued",
  "running",
  "retrying",
  "done",
  "dead",
  "cancelled",
  "expired",
] as const;
export type CallStateName = (typeof CALL_STATES)[number];

/** A call after whose state nothing more happens. */
export function isFinal({ state }: { state: CallStateName }): boolean {
  return state === "done" || state === "dead" || state === "cancelled" || state === "expired";
}
