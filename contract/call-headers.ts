/** Headers by which the parts that a call passes speak of it. */

/** Their names in lower case, as Node has them. */
export const CALL_HEADER = {
  callId: "x-call-id",
  startTime: "x-start-time",
  /** Where the answer of an asynchronous call is to be sent. */
  callbackUrl: "x-callback-url",
  /** Of a queued call of a private function: that its caller had the right, in a gateway's word. */
  admitted: "x-plonk-admitted",
  /** What the queue-worker says of a queued call, for the check of that word. */
  queued: "x-plonk-queued",
  /** The gateway's own word for why a call failed; a function's answer has none. */
  failureCode: "x-plonk-code",
  /** Wait before a queued call is run, and time after which it is not begun, seconds. */
  delaySeconds: "x-delay-seconds",
  expiresSeconds: "x-expires-seconds",
  /** How long the answer of a queued call is kept for who asks for it, seconds. */
  keepResultSeconds: "x-keep-result-seconds",
  /** Two acceptances with the same key, of one caller and one function, are one call. */
  idempotencyKey: "idempotency-key",
  /** Of callbacks: repetitions that there were, and most that there can be (OpenFaaS Pro). */
  retry: "x-retry",
  retryMax: "x-retry-max",
  /** Of callbacks and kept results: not all of the answer is there. */
  truncated: "x-plonk-truncated",
  /** Of the function alone, as callbacks and the watchdog tell it. */
  durationSeconds: "x-duration-seconds",
  functionStatus: "x-function-status",
  functionName: "x-function-name",
} as const;

/** Go's canonical form of a header name, e.g. `X-Call-Id`: messages are keyed by it. */
export function toCanonicalName(name: string): string {
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (match) => match.toUpperCase());
}
