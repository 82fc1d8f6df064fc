/** Headers by which the parts that a call passes speak of it. */

/** Their names in lower case, as Node has them. */
export const CALL_HEADER = {
  callId: "x-call-id",
  startTime: "x-start-time",
  /** Where the answer of an asynchronous call is to be sent. */
  callbackUrl: "x-callback-url",
  /** Of the function alone, as callbacks and the watchdog tell it. */
  durationSeconds: "x-duration-seconds",
  functionStatus: "x-function-status",
  functionName: "x-function-name",
} as const;

/** Go's canonical form of a header name, e.g. `X-Call-Id`: messages are keyed by it. */
export function toCanonicalName(name: string): string {
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (match) => match.toUpperCase());
}
