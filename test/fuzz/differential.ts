/**
 * The same bytes to Go's ReverseProxy, nginx, haproxy and the gateway: how many calls of a function
 * does each pass on? More than the strictest of the three is a fault of the gateway.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type ReferenceName, REFERENCES, startReference } from "../../bench/gateway/references.ts";
import { MAX_HEAD_BYTES, MAX_HEADERS } from "../../services/gateway/http/guard/head-limits.ts";
import { inParallel, toAddress } from "./campaign.ts";
import { drive, type RawCase } from "./drive.ts";
import { isCall } from "./invariants.ts";
import { readRequests } from "./strict-request.ts";
import { RecordingUpstream } from "./upstream.ts";
import type { FuzzWorld } from "./world.ts";

/** All have the gateway's limits, so that they differ only in how they read. */
const HEAD = { bytes: MAX_HEAD_BYTES, headers: MAX_HEADERS };

/** One proxy and what its upstream sees. */
interface Contestant {
  name: "gateway" | ReferenceName;
  port: number;
  upstream: RecordingUpstream;
  stop: () => Promise<void>;
}

export interface Difference {
  /** The bytes that were sent. */
  sent: string;
  /** Why the gateway may have refused it, or what is odd about it. */
  kind: string;
  gateway: number;
  references: Readonly<Record<ReferenceName, number>>;
}

export interface Comparison {
  cases: number;
  /** Cases in which all four passed on the same number of calls. */
  same: number;
  /** The gateway passed on more than the strictest of the others. */
  laxer: Difference[];
  /** The gateway passed on fewer than the most generous of the others, and no more than any. */
  stricter: Difference[];
}

export function createComparison(): Comparison {
  return { cases: 0, same: 0, laxer: [], stricter: [] };
}

/** Under load a proxy may take its time. */
const SILENCE_MS = 400;
const CONCURRENCY = 100;

export class Contest {
  readonly #contestants: Contestant[] = [];

  /** Starts the references beside a world; the first start downloads and compiles them. */
  static async start(world: FuzzWorld): Promise<Contest> {
    const contest = new Contest();
    const { gateway, upstream } = world;
    contest.#contestants.push({
      name: "gateway",
      port: gateway.port,
      upstream,
      stop: () => Promise.resolve(),
    });
    for (const name of REFERENCES) {
      const own = new RecordingUpstream({ isLenient: true });
      const upstreamPort = await own.start();
      const program = await startReference(name, { upstreamPort, head: HEAD });
      const stop = async (): Promise<void> => {
        await program.stop();
        await own.stop();
      };
      contest.#contestants.push({ name, port: program.port, upstream: own, stop });
    }
    return contest;
  }

  async stop(): Promise<void> {
    for (const contestant of this.#contestants) {
      await contestant.stop();
    }
  }

  /** Runs cases and adds what came of them. */
  async compare(cases: readonly RawCase[], comparison: Comparison): Promise<void> {
    const counts = new Map<string, Counted[]>();
    for (const contestant of this.#contestants) {
      counts.set(contestant.name, await countCalls(contestant, cases));
    }
    for (const [index, one] of cases.entries()) {
      const difference = toDifference(one.parts.join(""), (name) => counts.get(name)?.[index]);
      comparison.cases += 1;
      await this.#judge(difference, one, comparison);
    }
  }

  /** A count may be low because a proxy was slow: what looks like a fault is looked at again. */
  async #judge(difference: Difference, one: RawCase, comparison: Comparison): Promise<void> {
    const { gateway, references } = difference;
    const others = Object.values(references);
    if (gateway > Math.min(...others)) {
      const again = await this.#repeat(one);
      const isLaxer = again.gateway > Math.min(...Object.values(again.references));
      if (isLaxer) {
        comparison.laxer.push(again);
      } else {
        comparison.same += 1;
      }
    } else if (gateway < Math.max(...others)) {
      comparison.stricter.push(difference);
    } else {
      comparison.same += 1;
    }
  }

  async #repeat(one: RawCase): Promise<Difference> {
    const counts = new Map<string, Counted>();
    for (const contestant of this.#contestants) {
      const [first] = await countCalls(contestant, [one]);
      if (first !== undefined) {
        counts.set(contestant.name, first);
      }
    }
    return toDifference(one.parts.join(""), (name) => counts.get(name));
  }
}

interface Counted {
  calls: number;
  /** Status and text of the first answer. */
  first: string;
}

async function countCalls(
  { name, port, upstream }: Contestant,
  cases: readonly RawCase[],
): Promise<Counted[]> {
  const answers: string[] = [];
  await inParallel(cases.length, CONCURRENCY, async (index) => {
    const destination = { port, localAddress: toAddress(index) };
    const outcome = await drive(cases[index] ?? { parts: [] }, destination, SILENCE_MS);
    answers[index] = outcome.received;
  });
  await sleep(100);
  return cases.map((_one, index) => {
    const seen = upstream.take(toAddress(index));
    // The gateway takes the function's name from the path; the others know no functions.
    const calls = name === "gateway" ? seen : seen.filter(isCall);
    return { calls: calls.length, first: describeAnswer(answers[index] ?? "") };
  });
}

function describeAnswer(received: string): string {
  const status = /^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? "no answer";
  const reason = status === "400" ? /\r\n\r\n([\w-]+):/.exec(received)?.[1] : undefined;
  return reason === undefined ? status : `${status} ${reason}`;
}

function toDifference(
  sent: string,
  counted: (name: Contestant["name"]) => Counted | undefined,
): Difference {
  const strict = readRequests(sent);
  const why = strict.reason?.replace(/ "[^]*$/, "") ?? "well formed";
  const callsOf = (name: Contestant["name"]): number => counted(name)?.calls ?? 0;
  return {
    sent,
    kind: `${counted("gateway")?.first ?? ""}: ${why}`,
    gateway: callsOf("gateway"),
    references: { go: callsOf("go"), nginx: callsOf("nginx"), haproxy: callsOf("haproxy") },
  };
}
