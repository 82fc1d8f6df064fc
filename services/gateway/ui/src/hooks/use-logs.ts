/** A log as it grows: lines come in bursts and are shown together. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, toError } from "../api/http.ts";
import { type LogQuery, readLogs } from "../api/logs.ts";
import type { LogMessage } from "../api/types.ts";

/** Lines that are kept: a browser is slow with many more. */
const MAX_LINES = 2000;

export interface LogLine extends LogMessage {
  /** Tells lines apart, and grows. */
  id: number;
}

export interface Logs {
  lines: readonly LogLine[];
  state: "connecting" | "following" | "ended";
  error: ApiError | undefined;
  clear: () => void;
  reconnect: () => void;
}

/** Follows until the component goes away; lines are kept back while it is paused. */
export function useLogs(query: LogQuery, isPaused: boolean): Logs {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [state, setState] = useState<Logs["state"]>("connecting");
  const [error, setError] = useState<ApiError>();
  const [attempt, setAttempt] = useState(0);
  const waiting = useRef<LogLine[]>([]);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  const { name, namespace, tail, instance = "" } = query;

  const show = (): void => {
    const fresh = waiting.current.splice(0);
    if (fresh.length > 0) {
      setLines((old) => [...old, ...fresh].slice(-MAX_LINES));
    }
  };
  useEffect(() => {
    if (!isPaused) {
      show();
    }
  }, [isPaused]);

  useEffect(() => {
    const stop = new AbortController();
    waiting.current = [];
    setLines([]);
    setError(undefined);
    setState("connecting");
    const asked = { name, namespace, tail, ...(instance !== "" && { instance }) };
    follow(asked, stop.signal).then(
      () => setState("ended"),
      (reason: unknown) => {
        if (stop.signal.aborted) {
          return;
        }
        setError(toError(reason));
        setState("ended");
      },
    );
    return () => stop.abort();
  }, [name, namespace, tail, instance, attempt]);

  async function follow(asked: LogQuery, signal: AbortSignal): Promise<void> {
    let id = 0;
    for await (const messages of readLogs(asked, signal, () => setState("following"))) {
      if (signal.aborted) {
        return;
      }
      waiting.current.push(...messages.map((message) => ({ ...message, id: id++ })));
      waiting.current.splice(0, waiting.current.length - MAX_LINES);
      if (!paused.current) {
        show();
      }
    }
  }
  return {
    lines,
    state,
    error,
    clear: () => setLines([]),
    reconnect: () => setAttempt(attempt + 1),
  };
}
