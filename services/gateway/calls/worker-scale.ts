/** How many queue-workers there shall be: the rules, apart from all that carries them out. */

/** Limits and times of the decision. */
export interface WorkerRules {
  /** Fewest workers; 0: none when there is nothing to do. */
  min: number;
  max: number;
  /** Waiting and running calls and callbacks for which there is one worker. */
  callsPerWorker: number;
  /** Wait of the oldest call after which there is one more worker, milliseconds. */
  maxWaitMs: number;
  /** How long fewer workers have to be enough before there are fewer, milliseconds. */
  quietMs: number;
}

/** What is known of the queue at one time. */
export interface QueueFacts {
  /** Calls and callbacks that no worker has been given. */
  waiting: number;
  /** Those that workers say they work on, and how long the first of them has lasted. */
  running: number;
  longestRunMs: number;
  /** How long the oldest of the waiting ones has waited, milliseconds; 0: there is none. */
  oldestWaitMs: number;
  /** Until the next one is due, also of those that were given back; Infinity: there is none. */
  dueInMs: number;
}

/** What was seen before, without a gap. */
export interface ScaleMemory {
  since: number;
  /** Workers as they were seen last, and when there were more, or fewer, than before. */
  workers: number;
  raisedAt: number;
  loweredAt: number;
  /** How long it has to be quiet: longer where a worker that had gone was soon missed. */
  patienceMs: number;
  /** Numbers that were wanted, and when last: each less than those before it. */
  wanted: readonly Wanted[];
}

interface Wanted {
  at: number;
  workers: number;
}

export interface Seen {
  /** Of any clock that never goes back, milliseconds. */
  now: number;
  /** Workers that there shall be now, ready or not. */
  workers: number;
  facts: QueueFacts;
}

/** So much earlier than the next call is due its worker starts, milliseconds. */
const START_MS = 2000;

/** How much longer than `quietMs` it has to be quiet at most. */
const MOST_PATIENCE = 8;

/**
 * Says how many workers there shall be. More there are at once, fewer one after the other, after a
 * quiet time in which fewer were enough all the while.
 *
 * @param memory undefined: nothing is known of before, so it is too early for fewer
 */
export function decideWorkers(
  memory: ScaleMemory | undefined,
  seen: Seen,
  rules: WorkerRules,
): { workers: number; memory: ScaleMemory } {
  const observed = observe(memory, seen, rules);
  const { patienceMs } = observed;
  const wanted = clamp(toWanted(observed, seen, rules), rules);
  const next = { ...observed, wanted: remember(observed, { at: seen.now, workers: wanted }) };
  const workers = clamp(seen.workers, rules);
  if (wanted >= workers || !isQuiet(next, seen, rules)) {
    return { workers: Math.max(wanted, workers), memory: next };
  }
  const highest = next.wanted.find(({ at }) => seen.now - at <= patienceMs)?.workers ?? wanted;
  return { workers: Math.min(workers, Math.max(highest, workers - 1)), memory: next };
}

/** What has changed since the last time, whoever has changed it. */
function observe(
  memory: ScaleMemory | undefined,
  { now, workers }: Seen,
  { quietMs, maxWaitMs }: WorkerRules,
): ScaleMemory {
  if (memory === undefined) {
    const never = -Infinity;
    const times = { since: now, raisedAt: never, loweredAt: never };
    return { ...times, workers, patienceMs: quietMs, wanted: [] };
  }
  const { patienceMs, loweredAt, raisedAt } = memory;
  if (workers > memory.workers) {
    // Calls wait for as long before they show that a worker is missed.
    const isSoon = (at: number): boolean => now - at <= patienceMs + maxWaitMs;
    const longer = Math.min(2 * patienceMs, MOST_PATIENCE * quietMs);
    const usual = isSoon(raisedAt) ? patienceMs : quietMs;
    return { ...memory, workers, raisedAt: now, patienceMs: isSoon(loweredAt) ? longer : usual };
  }
  return workers < memory.workers ? { ...memory, workers, loweredAt: now } : memory;
}

function toWanted(
  { patienceMs, raisedAt }: ScaleMemory,
  { now, workers, facts }: Seen,
  { callsPerWorker, maxWaitMs }: WorkerRules,
): number {
  const byDepth = Math.ceil((facts.waiting + facts.running) / callsPerWorker);
  // One that has just come has to show first what it changes.
  const hasSettled = now - raisedAt >= maxWaitMs;
  const byAge = facts.oldestWaitMs > maxWaitMs ? workers + (hasSettled ? 1 : 0) : 0;
  const soonMs = workers > 0 ? Math.max(START_MS, patienceMs) : START_MS;
  const byTime = facts.dueInMs <= soonMs ? 1 : 0;
  return Math.max(byDepth, byAge, byTime);
}

/** The numbers of the quiet time, as far as they count: what is more and later hides others. */
function remember({ wanted, patienceMs }: ScaleMemory, latest: Wanted): readonly Wanted[] {
  const kept = wanted.filter(
    ({ at, workers }) => workers > latest.workers && latest.at - at <= patienceMs,
  );
  return [...kept, latest];
}

function isQuiet(
  { since, raisedAt, loweredAt, patienceMs }: ScaleMemory,
  { now, facts }: Seen,
  { quietMs }: WorkerRules,
): boolean {
  const isKnown = now - since >= patienceMs && now - raisedAt >= patienceMs;
  // A run that lasts may outlast the time that a worker gets to end, and would be run again.
  return isKnown && now - loweredAt >= quietMs && facts.longestRunMs < quietMs;
}

function clamp(workers: number, { min, max }: WorkerRules): number {
  return Math.min(max, Math.max(min, workers));
}
