/** The lost-call audit: numbered calls while things break, and what became of each. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseCallId, STREAM } from "../../contract/queue/index.ts";
import { type Breach, check, type Verdict } from "./checker.ts";
import { AuditClient } from "./client.ts";
import type { Evidence, FaultWindow, StreamFigures } from "./evidence.ts";
import { type Fault, FAULT_KINDS, type FaultKind, FAULTS, recover } from "./faults.ts";
import { type Pace, USUAL_PACE } from "./pace.ts";
import { createRandom, type Random, shuffle } from "./random.ts";
import { AuditWorld } from "./world.ts";

export interface AuditOptions {
  seed: number;
  calls: number;
  /** How many, or which. */
  faults: number | readonly FaultKind[];
  /** Faults between two quiet windows. @default 5 */
  quietEvery?: number;
  /** Each so manieth accepted call is taken out of the queue: the audit has to find it. */
  dropEvery?: number;
  /** @default USUAL_PACE */
  pace?: Pace;
  /** Is told now and then how far it is. */
  report?: (line: string) => void;
  /** Ends the audit early: it cleans up, and throws the signal's reason. */
  signal?: AbortSignal;
}

export interface AuditResult extends Verdict {
  calls: number;
  runs: number;
  answers: Readonly<Record<string, number>>;
  windows: readonly FaultWindow[];
  /** Calls that were taken out of the queue, by `dropEvery`. */
  dropped: number;
  hasRealDisk: boolean;
  seconds: number;
}

/** Requests at the same time. */
const CONCURRENCY = 32;

/**
 * Longest wait for the queue to be empty at the end, and in a quiet window for consumers that know
 * of all that is in it, milliseconds.
 */
const PATIENCE_MS = 120_000;

const STALLED = ["ack", "lease", "late"] as const;

export async function runAudit(options: AuditOptions): Promise<AuditResult> {
  const startedAt = performance.now();
  const world = await AuditWorld.start(options.seed, options.pace ?? USUAL_PACE);
  const audit = new Audit(world, options);
  try {
    await Promise.race([audit.run(), untilAborted(options.signal)]);
    const verdict = await audit.check(true, await world.reader.readFigures());
    return {
      ...verdict,
      breaches: withoutRepetitions([...audit.breaches, ...verdict.breaches]),
      calls: audit.client.calls.length,
      runs: world.functions.runs.length,
      answers: audit.client.answers,
      windows: audit.windows,
      dropped: audit.dropped,
      hasRealDisk: world.disk.isReal,
      seconds: (performance.now() - startedAt) / 1000,
    };
  } finally {
    await audit.client.close();
    await world.stop();
  }
}

/** Each look finds again what the one before has found. */
function withoutRepetitions(breaches: readonly Breach[]): Breach[] {
  return [...new Map(breaches.map((breach) => [breach.text, breach])).values()];
}

/** Never resolves; rejects with the signal's reason. */
function untilAborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

/** So many faults in random order, each kind before any kind again. */
export function planFaults(random: Random, count: number): FaultKind[] {
  const rounds = Math.ceil(count / FAULT_KINDS.length);
  const plan = Array.from({ length: rounds }, () => shuffle(random, FAULT_KINDS)).flat();
  return plan.slice(0, count);
}

class Audit {
  readonly client: AuditClient;
  readonly windows: FaultWindow[] = [];
  /** Found in quiet windows. */
  readonly breaches: Breach[] = [];
  dropped = 0;
  readonly #drops: Promise<void>[] = [];
  readonly #world: AuditWorld;
  readonly #options: AuditOptions;
  readonly #random: Random;
  #accepted = 0;

  constructor(world: AuditWorld, options: AuditOptions) {
    this.#world = world;
    this.#options = options;
    this.#random = createRandom(options.seed);
    this.client = new AuditClient({
      seed: options.seed,
      gatewayPorts: world.gateways.map(({ process }) => process.port),
      callbackUrl: world.functions.callbackUrl,
      onAccepted: (id) => this.#see(id),
    });
  }

  async run(): Promise<void> {
    const stopWatching = this.#watchMachine();
    try {
      await this.#run();
    } finally {
      stopWatching();
    }
  }

  /** Where the machine stands still for a time, so do the services, and their leases end. */
  #watchMachine(): () => void {
    const stallMs = this.#world.pace.leaseMs / 3;
    let from = Date.now();
    const timer = setInterval(() => {
      const to = Date.now();
      if (to - from > stallMs) {
        const kind = "machine stalled";
        this.windows.push({ kind, from, to, harms: STALLED });
      }
      from = to;
    }, 50);
    return () => clearInterval(timer);
  }

  async #run(): Promise<void> {
    const { calls, faults, quietEvery = 5, dropEvery = 0 } = this.#options;
    if (dropEvery > 0) {
      await this.#loadAndDrop(calls);
    }
    const plan = typeof faults === "number" ? planFaults(this.#random, faults) : faults;
    for (const [index, kind] of plan.entries()) {
      const target = Math.round((calls * (index + 1)) / (plan.length + 1));
      const fault = this.#break(kind);
      await Promise.all([fault, this.#load(target)]);
      if (index % quietEvery === quietEvery - 1) {
        await this.#beQuiet();
      }
      this.#report(`${index + 1}/${plan.length} ${kind}`);
    }
    await this.#load(calls);
    await this.#end();
  }

  /** @param stream read before: what has left it has been run, or has its letter, by now */
  async check(isFinal: boolean, stream: StreamFigures): Promise<Verdict> {
    const { reader, functions } = this.#world;
    const letters = await reader.readLetters();
    const evidence: Evidence = {
      calls: this.client.calls,
      runs: functions.runs,
      calledBack: functions.calledBack,
      windows: this.windows,
      ...{ letters, stream, isFinal },
    };
    return check(evidence);
  }

  #see(id: string): void {
    const { dropEvery = 0 } = this.#options;
    this.#accepted += 1;
    if (dropEvery > 0 && this.#accepted % dropEvery === 0) {
      this.#drops.push(this.#drop(id));
    }
  }

  async #drop(id: string): Promise<void> {
    const isDropped = await this.#world.reader.drop(parseCallId(id)?.sequence ?? 0);
    this.dropped += isDropped ? 1 : 0;
  }

  /** Workers stand still meanwhile: none has got what is taken out of the queue. */
  async #loadAndDrop(calls: number): Promise<void> {
    const { workers } = this.#world;
    workers.forEach(({ process }) => process.signal("SIGSTOP"));
    await this.#load(calls);
    await Promise.all(this.#drops);
    workers.forEach(({ process }) => process.signal("SIGCONT"));
  }

  async #break(kind: FaultKind): Promise<void> {
    await sleep(this.#random() * 500);
    const window: FaultWindow = {
      kind,
      from: Date.now(),
      to: Infinity,
      harms: FAULTS[kind].harms,
    };
    this.windows.push(window);
    const fault: Fault = FAULTS[kind];
    const place = await fault.work(this.#world, this.#random);
    await recover(this.#world);
    window.to = Date.now();
    const worker = this.#world.workers.findIndex((each) => each === place);
    if (worker !== -1) {
      window.worker = worker;
    }
  }

  /** Sends calls until there have been so many, spread over a time. */
  async #load(target: number): Promise<void> {
    const { calls } = this.client;
    const first = calls.length;
    const startedAt = performance.now();
    const isDue = (): boolean => {
      const share = Math.min(1, (performance.now() - startedAt) / this.#world.pace.spreadMs);
      return calls.length < first + (target - first) * share;
    };
    const work = async (): Promise<void> => {
      while (calls.length < target) {
        this.#options.signal?.throwIfAborted();
        await (isDue() ? this.client.sendNext() : sleep(10));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
  }

  /** Nothing is broken and nothing is sent: all that was accepted has to be somewhere. */
  async #beQuiet(): Promise<void> {
    await sleep(this.#world.pace.quietMs);
    const { breaches, balance } = await this.check(false, await this.#untilKnown());
    this.breaches.push(...breaches);
    this.#report(`quiet: ${Object.entries(balance).map(toPair).join(", ")}`);
  }

  /**
   * What JetStream would give to nobody, workers find after some looks at a lane at rest. Resolves
   * to the figures that fit: others, read later, may be of a moment at which calls come and go.
   */
  async #untilKnown(): Promise<StreamFigures> {
    const deadline = performance.now() + PATIENCE_MS;
    let figures = await this.#world.reader.readFigures();
    while (figures.known !== figures.sequences.size && performance.now() < deadline) {
      this.#options.signal?.throwIfAborted();
      await sleep(250);
      figures = await this.#world.reader.readFigures();
    }
    return figures;
  }

  /** Waits until nobody has anything to do any more, or can wait any longer. */
  async #end(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    let left = await this.#countLeft();
    // Twice, as a message may be on its way from one place to another.
    for (let empty = 0; empty < 2 && Date.now() < deadline;) {
      this.#options.signal?.throwIfAborted();
      await sleep(500);
      left = await this.#countLeft();
      empty = left === 0 ? empty + 1 : 0;
    }
    this.#report(`the end: ${left} left`);
  }

  async #countLeft(): Promise<number> {
    const { reader, functions } = this.#world;
    const running = functions.runs.filter(({ end }) => end === undefined).length;
    const counts = [STREAM.calls, STREAM.callbacks].map((stream) => reader.count(stream));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, running);
  }

  #report(line: string): void {
    this.#options.report?.(`${this.client.calls.length} calls; ${line}`);
  }
}

function toPair([name, count]: [string, number]): string {
  return `${name} ${count}`;
}

/** Those that were asked for. */
export function countFaults({ windows }: Pick<AuditResult, "windows">): number {
  return windows.filter(({ kind }) => kind in FAULTS).length;
}

/** The result for people, line by line. */
export function describeResult(result: AuditResult): string[] {
  const { balance, breaches, repetitions, answers } = result;
  const kinds = Map.groupBy(breaches, ({ kind }) => kind);
  const counts = [...kinds].map(([kind, found]): [string, number] => [kind, found.length]);
  return [
    `calls ${result.calls}, runs ${result.runs}, faults ${countFaults(result)}, ` +
      `${Math.round(result.seconds)} s; disk ${result.hasRealDisk ? "of its own" : "shared"}`,
    `answers: ${Object.entries(answers).map(toPair).join(", ")}`,
    Object.entries(balance).map(toPair).join(", "),
    `runs of calls without a clear answer: ${result.unknownRuns}; ` +
      `keys that were forgotten: ${result.forgottenKeys}`,
    ...Object.entries(repetitions).map(([causes, count]) => `ran again: ${count} by ${causes}`),
    breaches.length === 0
      ? "nothing is lost"
      : `BREACHES ${breaches.length}: ${counts.map(toPair).join(", ")}`,
    ...[...kinds.values()].flatMap((found) =>
      found.slice(0, 10).map(({ kind, text }) => `  ${kind}: ${text}`),
    ),
  ];
}
