/** Runs many cases against a gateway process and checks every one of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { drive, type Outcome, type RawCase } from "./drive.ts";
import { ENTRIES, type Entry } from "./entries.ts";
import { judge, type Verdict } from "./invariants.ts";
import type { FuzzWorld } from "./world.ts";

export interface Failure {
  /** Number of the case. */
  number: number;
  breach: string;
  case: RawCase;
}

export interface Tally {
  cases: number;
  /** Requests that the function saw. */
  passed: number;
  /** Cases that asked an entry; one may ask several. */
  entries: Record<Entry, number>;
  /** Asynchronous calls that were answered 202, and upgrades that were answered 101. */
  accepted: number;
  upgraded: number;
  /** Requests with the administrator's credentials, and those that REST answered with 2xx. */
  letIn: number;
  managed: number;
  /** By how the connection ended, and by the first status. */
  endings: Record<string, number>;
  statuses: Record<string, number>;
  failures: Failure[];
  /** What failed in the crowd, and not when it was repeated alone. */
  unconfirmed: Failure[];
}

export function createTally(): Tally {
  return {
    ...{ cases: 0, passed: 0, accepted: 0, upgraded: 0, letIn: 0, managed: 0 },
    entries: Object.fromEntries(ENTRIES.map((entry) => [entry, 0])) as Record<Entry, number>,
    ...{ endings: {}, statuses: {}, failures: [], unconfirmed: [] },
  };
}

const CONCURRENCY = 250;

/** Time in which what a client has sent last reaches the function. */
const SETTLE_MS = 100;

/** A loopback address for each case: the first twelve million have one of their own. */
export function toAddress(number: number): string {
  const [high, middle, low] = [Math.floor(number / 62_500), Math.floor(number / 250), number];
  return `127.${(high % 200) + 50}.${(middle % 250) + 1}.${(low % 250) + 1}`;
}

/** Does something for each index, so many at a time. */
export async function inParallel(
  count: number,
  limit: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      await work(next++);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
}

function countOne(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** Runs cases and adds them to the tally; `first` is the number of the first one. */
export async function runCases(
  world: FuzzWorld,
  cases: readonly RawCase[],
  { tally, first = 0 }: { tally: Tally; first?: number },
): Promise<void> {
  const outcomes: Outcome[] = [];
  // What comes late is not taken for a request of a later case.
  const addresses = world.takeAddresses(cases.length).map(toAddress);
  await inParallel(cases.length, CONCURRENCY, async (index) => {
    const { port } = world.gateway;
    const probe = (): Promise<void> => world.comeRound();
    const destination = { port, localAddress: addresses[index] ?? "", probe };
    outcomes[index] = await drive(cases[index] ?? { parts: [] }, destination);
  });
  await sleep(SETTLE_MS);
  const queued = await world.countQueued();
  const facts = { letIn: 0, stored: 0 };
  for (const [index, one] of cases.entries()) {
    const outcome = outcomes[index] ?? { received: "", ending: "stuck" };
    const address = addresses[index] ?? "";
    const seen = world.upstream.take(address);
    const sent = one.parts.join("");
    const evidence = { sent, outcome, seen, queued: world.takeQueued(address) };
    const verdict = judge({ ...evidence, authority: world.authority });
    if (verdict.breach !== undefined) {
      tally.failures.push({ number: first + index, breach: verdict.breach, case: one });
    }
    facts.letIn += verdict.letIn;
    facts.stored += verdict.stored;
    tally.passed += seen.length;
    countVerdict(tally, verdict);
    countOne(tally.endings, outcome.ending);
    countOne(tally.statuses, /^HTTP\/1\.1 (\d+)/.exec(outcome.received)?.[1] ?? "none");
  }
  tally.cases += cases.length;
  const breach = await world.endBlock(facts, queued);
  if (breach !== undefined) {
    tally.failures.push({ number: first, breach: `in this block: ${breach}`, case: { parts: [] } });
  }
}

function countVerdict(tally: Tally, verdict: Verdict): void {
  const { entries, accepted, isUpgraded, letIn, managed } = verdict;
  entries.forEach((entry) => (tally.entries[entry] += 1));
  tally.accepted += accepted;
  tally.upgraded += isUpgraded ? 1 : 0;
  tally.letIn += letIn;
  tally.managed += managed;
}

/** How many cases each entry had, and what came of them, in words. */
export function describeEntries(tally: Tally): string {
  const { sync, async, upgrade, REST, other } = tally.entries;
  return [
    `sync ${sync} cases (${tally.passed} requests passed on)`,
    `async ${async} (${tally.accepted} x 202)`,
    `upgrade ${upgrade} (${tally.upgraded} x 101)`,
    `REST ${REST} (${tally.managed} x 2xx)`,
    `with credentials ${tally.letIn} requests`,
    `elsewhere ${other}`,
  ].join(", ");
}

/** How often a case that failed is repeated. */
const REPEATS = 3;

/** Repeats what has failed since then, alone: a machine can be too busy to answer 250 in time. */
export async function confirmFailures(
  world: FuzzWorld,
  tally: Tally,
  since: number,
): Promise<void> {
  for (const failure of tally.failures.splice(since)) {
    const isAboutAll = failure.case.parts.length === 0;
    const again = createTally();
    for (let count = 0; count < REPEATS && !isAboutAll; count += 1) {
      await runCases(world, [failure.case], { tally: again });
    }
    const list = isAboutAll || again.failures.length > 0 ? tally.failures : tally.unconfirmed;
    list.push(failure);
  }
}

/** A smaller case that still fails: leaves out ever smaller pieces while it does. */
export async function shrink(world: FuzzWorld, failing: RawCase): Promise<RawCase> {
  let best = failing.parts.join("");
  let budget = 150;
  const fails = async (text: string): Promise<boolean> => {
    const tally = createTally();
    budget -= 1;
    await runCases(world, [{ parts: [text] }], { tally });
    return tally.failures.length > 0;
  };
  if (!(await fails(best))) {
    return failing;
  }
  let size = best.length;
  while (size > 1 && budget > 0) {
    size = Math.ceil(size / 2);
    for (let at = 0; at < best.length && budget > 0;) {
      const shorter = best.slice(0, at) + best.slice(at + size);
      if (await fails(shorter)) {
        best = shorter;
      } else {
        at += size;
      }
    }
  }
  return { parts: [best] };
}
