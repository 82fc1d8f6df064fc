/**
 * Work that ends all its programs when it is stopped, including those that outlive their parents,
 * such as jest's workers and the servers of tests.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { interruptible } from "./process.ts";
import {
  ancestors,
  hasVariable,
  listProcesses,
  type RunningProcess,
  signalProcess,
} from "./processes.ts";

/** Environment variable that identifies the programs of a run. */
const MARK = "PLONK_RUN";

/** Time between SIGTERM and SIGKILL, and after SIGKILL; milliseconds. */
const GRACE_MS = 5000;
const PAUSE_MS = 50;

/**
 * All processes of a run, by its mark or by ancestry.
 * @param known those that were found before: one that is ending has no environment any more
 */
function findParts(mark: string, known: ReadonlySet<number>): number[] {
  const processes = listProcesses();
  const isMarked = (pid: number): boolean => pid === process.pid || hasVariable(pid, MARK, mark);
  const isPart = (one: RunningProcess): boolean =>
    known.has(one.pid) || [one, ...ancestors(one, processes)].some(({ pid }) => marked.has(pid));
  const marked = new Set([...processes.keys()].filter(isMarked));
  return [...processes.values()]
    .filter(isPart)
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid);
}

/** Sends a signal to all processes, including new ones, until none is left. */
async function signalParts(mark: string, signal: NodeJS.Signals): Promise<void> {
  const known = new Set<number>();
  for (let waited = 0; waited < GRACE_MS; waited += PAUSE_MS) {
    const parts = findParts(mark, known);
    if (parts.length === 0) {
      return;
    }
    // One signal per process: a second SIGTERM would interrupt its shutdown.
    for (const pid of parts.filter((one) => !known.has(one))) {
      known.add(pid);
      signalProcess(pid, signal);
    }
    await sleep(PAUSE_MS);
  }
}

/** Terminates all processes, and kills those that do not end. */
async function endParts(mark: string): Promise<void> {
  await signalParts(mark, "SIGTERM");
  await signalParts(mark, "SIGKILL");
}

/**
 * Runs work that Ctrl-C or a supervisor stops at once, with all programs that it has started: the
 * signal that `work` gets is aborted, and its result is ignored. The programs are also ended when
 * the work fails.
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
