/** Which of a call's time limits is over: the one place that decides, asked at each tick. */
import type { CallTimeouts } from "../../../contract/index.ts";

/** What a call waits for. */
export const Phase = {
  /** The rest of a small body. */
  Reading: "reading",
  /** An upstream. Cold starts have a limit of their own. */
  Searching: "searching",
  /** The first byte of the answer. */
  Waiting: "waiting",
  /** The rest of the answer. */
  Answering: "answering",
  /** Nothing: the connection has become a tunnel, which has its own limit. */
  Tunnelling: "tunnelling",
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** How the bytes of a call move. */
export interface Transfer {
  /** Whether the caller is still sending. */
  isUploading: boolean;
  /** Whether it is the function that does not take what is sent. */
  isStuck: boolean;
  /** Whether the caller does not take its answer. */
  isUnread: boolean;
  /** Whether the answer is a stream of server-sent events. */
  isEventStream: boolean;
}

/** The state of a call, for its time limits. */
export interface CallProgress {
  /** Time since a byte moved in either direction, milliseconds. */
  sinceMs: number;
  /** Whether the whole call has taken longer than it may. */
  isLate: boolean;
  transfer: Transfer;
  timeouts: CallTimeouts;
  readMs: number;
  writeMs: number;
}

/** Whose time is over: the function's (504) or the caller's (408). */
export type Overdue = "function" | "caller";

/** Who has kept a call waiting for too long; undefined while it may go on. */
export function findOverdue(phase: Phase, progress: CallProgress): Overdue | undefined {
  if (progress.isLate) {
    return phase === "reading" ? "caller" : "function";
  }
  const [limitMs, whose] = limitOf(phase, progress);
  return limitMs > 0 && progress.sinceMs > limitMs ? whose : undefined;
}

function limitOf(phase: Phase, progress: CallProgress): [limitMs: number, whose: Overdue] {
  const { transfer, timeouts, readMs, writeMs } = progress;
  if (phase === "answering") {
    return transfer.isUnread ? [writeMs, "caller"] : [idleLimit(progress), "function"];
  }
  if (phase === "waiting") {
    const isCallers = transfer.isUploading && !transfer.isStuck;
    return isCallers ? [readMs, "caller"] : [timeouts.firstByteMs, "function"];
  }
  return [0, "function"];
}

/** A stream of events may well be silent: nothing has happened. */
function idleLimit({ transfer, timeouts }: CallProgress): number {
  return transfer.isEventStream ? 0 : timeouts.idleMs;
}
