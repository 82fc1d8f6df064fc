/**
 * Work whose programs all end when it is stopped: also those that their parents leave running, as
 * jest does with its workers and a test with its servers.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { interruptible } from "./process.ts";
import { ancestors, hasVariable, listProcesses, signalProcess } from "./processes.ts";

/** The variable by which a program knows, and is known by, the run that it is part of. */
const MARK = "PLONK_RUN";

/** What programs get to end in order, and what the system gets to end them; milliseconds. */
const GRACE_MS = 5000;
const PAUSE_MS = 50;

/** All that a run has started, by its mark or by descent. */
function findParts(mark: string): number[] {
  const processes = listProcesses();
  const isMarked = (pid: number): boolean => pid === process.pid || hasVariable(pid, MARK, mark);
  const marked = new Set([...processes.keys()].filter(isMarked));
  return [...processes.values()]
    .filter((one) => [one, ...ancestors(one, processes)].some(({ pid }) => marked.has(pid)))
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid);
}

/** Sends a signal to all parts, also to those that come meanwhile, until none is left. */
async function signalParts(mark: string, signal: NodeJS.Signals): Promise<void> {
  const known = new Set<number>();
  for (let waited = 0; waited < GRACE_MS; waited += PAUSE_MS) {
    const parts = findParts(mark);
    if (parts.length === 0) {
      return;
    }
    // Each is asked once: a second SIGTERM would cut short the end that the first has begun.
    for (const pid of parts.filter((one) => !known.has(one))) {
      known.add(pid);
      signalProcess(pid, signal);
    }
    await sleep(PAUSE_MS);
  }
}

/** Asks all parts to end, and ends those that do not. */
async function endParts(mark: string): Promise<void> {
  await signalParts(mark, "SIGTERM");
  await signalParts(mark, "SIGKILL");
}

/**
 * Does work that Ctrl-C, or a supervisor, stops at once, with every program that it has started.
 * The signal that `work` gets is aborted then; what it still does has no more effect on the result.
 * Nothing that it has started outlives a failure of the work either.
 * @throws CommandError with the exit code of the signal, once all programs have ended
 */
export function stoppable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const mark = randomUUID();
  process.env[MARK] = mark;
  return interruptible(async (signal) => {
    const stopped = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
    try {
      return await Promise.race([work(signal), stopped]);
    } catch (error) {
      await endParts(mark);
      throw error;
    }
  });
}
