/** One thing that a person asked for: whether it is going on, and why it failed. */
import { useState } from "preact/hooks";
import { type ApiError, toError } from "../api/http.ts";

export interface Action {
  isRunning: boolean;
  error: ApiError | undefined;
  /** Runs it, and `then` where it did not fail. */
  run: (work: () => Promise<void>, then?: () => void) => void;
  clear: () => void;
}

export function useAction(): Action {
  const [state, setState] = useState<{ isRunning: boolean; error?: ApiError }>({
    isRunning: false,
  });
  return {
    isRunning: state.isRunning,
    error: state.error,
    run: (work, then) => {
      setState({ isRunning: true });
      work().then(
        () => {
          setState({ isRunning: false });
          then?.();
        },
        (error: unknown) => setState({ isRunning: false, error: toError(error) }),
      );
    },
    clear: () => setState({ isRunning: false }),
  };
}
