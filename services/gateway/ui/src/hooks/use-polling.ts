/** Asks for something again and again while the page is seen, and keeps the last answer. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, toError } from "../api/http.ts";

/** Between the end of one request and the next, milliseconds. */
const PERIOD_MS = 3000;
/** A gateway with so much to say that it takes long is asked less often. */
const PATIENCE = 5;

export interface Polled<T> {
  value: T | undefined;
  /** Of the last request; what was known before stays beside it. */
  error: ApiError | undefined;
  /** Asks at once, or once more where it is being asked. */
  refresh: () => void;
}

interface State<T> {
  key: string;
  value?: T;
  error?: ApiError;
}

/** Polls until the component goes away; begins anew, without a value, when `key` changes. */
export function usePolling<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Polled<T> {
  const [state, setState] = useState<State<T>>({ key });
  const latest = useRef(ask);
  latest.current = ask;
  const wake = useRef<() => void>(() => undefined);

  useEffect(() => {
    const stop = new AbortController();
    void poll(stop.signal);
    return () => {
      stop.abort();
      wake.current();
    };
  }, [key]);

  async function poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begin = performance.now();
      // What is on its way was asked before something has changed.
      const asked = { isAgain: false };
      wake.current = () => (asked.isAgain = true);
      const change = await latest.current(signal).then(
        (value) => (): State<T> => ({ key, value }),
        (reason: unknown) => {
          const error = toError(reason);
          // What was known before stays.
          return (old: State<T>): State<T> => ({ ...(old.key === key ? old : {}), key, error });
        },
      );
      if (!isStopped(signal)) {
        setState(change);
      }
      const pause = Math.max(PERIOD_MS, (performance.now() - begin) * PATIENCE);
      if (!isStopped(signal) && !asked.isAgain) {
        await sleepUntilDue(pause, (wakeUp) => (wake.current = wakeUp));
      }
    }
  }

  const refresh = useCallback(() => wake.current(), []);
  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : undefined,
    error: isCurrent ? state.error : undefined,
    refresh,
  };
}

/** Sleeps, and on while the page is in the background; whoever gets `wakeUp` may end it. */
async function sleepUntilDue(
  milliseconds: number,
  offer: (wakeUp: () => void) => void,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      if (!document.hidden) {
        finish();
      }
    }, milliseconds);
    const onVisible = (): void => {
      if (!document.hidden) {
        finish();
      }
    };
    const finish = (): void => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
      resolve();
    };
    document.addEventListener("visibilitychange", onVisible);
    offer(finish);
  });
}

/** By a call, as the compiler takes what it has once seen for what it stays. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}
