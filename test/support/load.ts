/** A bounded, constant load of calls on one URL, which keeps every answer that was not expected. */
import { setTimeout as sleep } from "node:timers/promises";

export interface LoadResult {
  calls: number;
  /** One line for each call that failed: its status or error. */
  failures: string[];
  /** Distinct bodies of the answered calls, in the order in which they first came. */
  bodies: string[];
}

export interface Load {
  /** Ends the load after the calls in flight. */
  stop(): Promise<LoadResult>;
  /** Resolves when an answer contains the text; rejects after `timeoutMs`. */
  waitForBody(text: string, timeoutMs: number): Promise<void>;
}

async function call(url: string, body: string): Promise<{ body?: string; failure?: string }> {
  try {
    const answer = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(60_000) });
    const text = await answer.text();
    return answer.ok ? { body: text } : { failure: `status ${answer.status}: ${text}` };
  } catch (error) {
    const cause = (error as Error).cause;
    return { failure: `${String(error)} ${cause instanceof Error ? cause.message : ""}` };
  }
}

/**
 * Calls `url` from four callers, each about 50 times a second, for ten minutes at most.
 */
export function startLoad(url: string, body: string): Load {
  const result: LoadResult = { calls: 0, failures: [], bodies: [] };
  const deadline = Date.now() + 600_000;
  let isStopped = false;
  const caller = async (): Promise<void> => {
    while (!isStopped && Date.now() < deadline) {
      const answer = await call(url, body);
      result.calls += 1;
      if (answer.failure !== undefined) {
        result.failures.push(answer.failure);
      }
      if (answer.body !== undefined && !result.bodies.includes(answer.body)) {
        result.bodies.push(answer.body);
      }
      await sleep(20);
    }
  };
  const callers = [caller(), caller(), caller(), caller()];
  return {
    stop: async () => {
      isStopped = true;
      await Promise.all(callers);
      return result;
    },
    waitForBody: async (text, timeoutMs) => {
      const end = Date.now() + timeoutMs;
      while (!result.bodies.some((seen) => seen.includes(text))) {
        if (Date.now() > end) {
          throw new Error(`expected an answer with ${text} in ${timeoutMs} ms`);
        }
        await sleep(50);
      }
    },
  };
}
