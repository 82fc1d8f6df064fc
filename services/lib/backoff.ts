/** Exponential backoff with jitter, so that many clients do not retry at the same time. */

export interface BackoffOptions {
  /** First wait, milliseconds. @default 200 */
  initialMs?: number;
  /** Longest wait, milliseconds. @default 30000 */
  maxMs?: number;
  /** Source of jitter, 0 to 1. @default Math.random */
  random?: () => number;
}

/** Milliseconds to wait before retry `attempt` (0 is the first): half fixed, half random. */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { initialMs = 200, maxMs = 30_000, random = Math.random } = options;
  const full = Math.min(maxMs, initialMs * 2 ** Math.min(attempt, 30));
  return Math.round(full / 2 + (full / 2) * random());
}
