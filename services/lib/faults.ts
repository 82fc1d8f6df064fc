/**
 * Callbacks of events, timers and promises that nobody waits for: an error that leaves one of them
 * would end the process with all calls. A fault of ours ends what it is about, and is in the log.
 */
import { type Logger, messageOf } from "./logger.ts";

let logger: Logger | undefined;

/** Tells faults there from now on. */
export function logFaultsTo(to: Logger): void {
  logger = to;
}

/** Tells a fault, and ends what it was about. Never throws. */
export function endByFault(error: unknown, end: (error: Error) => void = nothing): void {
  tell(error);
  try {
    end(error as Error);
  } catch (further) {
    tell(further);
  }
}

/** A callback that never throws. @param end - ends what it is about, after a fault */
export function guard<Arguments extends unknown[]>(
  callback: (...args: Arguments) => void,
  end: (error: Error) => void = nothing,
): (...args: Arguments) => void {
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      endByFault(error, end);
    }
  };
}

function tell(error: unknown): void {
  try {
    logger?.error({ reason: messageOf(error), err: error }, "a callback failed by a fault of ours");
  } catch {
    // Nobody is left to be told.
  }
}

function nothing(): void {
  // What has failed ends by itself.
}
