/** A function that is soon busy: the queue-worker beside one that does not ask it less. */
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../../services/lib/servers.ts";
import { stopServer } from "../../test/support/network.ts";
import { rotate, toRatios } from "../gateway/statistics.ts";
import type { Bench } from "./bench.ts";
import { type Finding, toTable } from "./report.ts";
import { World } from "./world.ts";

/** Calls that the function takes at once, how long each lasts, and how many are queued. */
const LIMIT = 5;
const CALL_MS = 20;
const CALLS = 300;

/** Calls that the workers make at once, as long as nothing else is said. */
const SHARE = 20;

const MAINS = {
  adaptive: join(import.meta.dirname, "../../services/queue-worker/main.ts"),
  greedy: join(import.meta.dirname, "greedy-worker.ts"),
};
type Contestant = keyof typeof MAINS;

interface Outcome {
  refusals: number;
  /** From the first call to the last answer. */
  seconds: number;
}

/** Runs it and prints its table. */
export async function benchAdaptive(bench: Bench): Promise<void> {
  const busy = new BusyFunction();
  const port = await busy.start();
  const outcomes: Record<Contestant, Outcome[]> = { adaptive: [], greedy: [] };
  try {
    await World.with(bench, { adaptive: port, greedy: port }, async (world) => {
      for (let round = 0; round < bench.rounds; round++) {
        bench.say(`adaptive: round ${round + 1} of ${bench.rounds}`);
        for (const name of rotate(["adaptive", "greedy"] as const, round)) {
          outcomes[name].push(await drain(world, busy, name));
        }
      }
    });
  } finally {
    await busy.stop();
  }
  console.log(toTable(title(), toFindings(outcomes)));
}

function title(): string {
  return (
    `${CALLS} calls of a function that takes ${LIMIT} at once for ${CALL_MS} ms, ` +
    `by a worker that makes ${SHARE} at once`
  );
}

function toFindings({ adaptive, greedy }: Record<Contestant, Outcome[]>): Finding[] {
  const pick = (outcomes: readonly Outcome[], key: keyof Outcome): number[] =>
    outcomes.map((outcome) => outcome[key]);
  const ratios = (key: keyof Outcome): number[] => toRatios(pick(adaptive, key), pick(greedy, key));
  return [
    { what: "429s, adaptive", values: pick(adaptive, "refusals"), unit: "answers" },
    { what: "429s, greedy", values: pick(greedy, "refusals"), unit: "answers" },
    { what: "ratio of 429s", values: ratios("refusals"), aim: { most: 0.5 } },
    { what: "seconds, adaptive", values: pick(adaptive, "seconds") },
    { what: "seconds, greedy", values: pick(greedy, "seconds") },
    { what: "ratio of times", values: ratios("seconds"), aim: { most: 1 } },
  ];
}

/** With a new worker: what one has learned must not help it. */
async function drain(world: World, busy: BusyFunction, name: Contestant): Promise<Outcome> {
  await world.filler.fill(name, CALLS);
  busy.reset();
  const worker = await world.startWorker({
    main: MAINS[name],
    env: { max_inflight_per_function: String(SHARE) },
  });
  await world.followDrain(name);
  await worker.stop();
  if (busy.answered !== CALLS) {
    throw new Error(`adaptive: expected ${CALLS} answered calls, got ${busy.answered}`);
  }
  return busy.outcome;
}

/** Answers 429 to what is too much. */
class BusyFunction {
  readonly #server: Server;
  #inFlight = 0;
  #refusals = 0;
  #first = NaN;
  #last = NaN;
  answered = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume();
      this.#first = Number.isNaN(this.#first) ? performance.now() : this.#first;
      if (this.#inFlight >= LIMIT) {
        this.#refusals += 1;
        response.writeHead(429).end();
        return;
      }
      this.#inFlight += 1;
      void sleep(CALL_MS).then(() => {
        this.#inFlight -= 1;
        this.answered += 1;
        this.#last = performance.now();
        response.end();
      });
    });
  }

  start(): Promise<number> {
    return listen(this.#server, 0, "127.0.0.1");
  }

  stop(): Promise<void> {
    return stopServer(this.#server);
  }

  reset(): void {
    [this.#refusals, this.answered] = [0, 0];
    [this.#first, this.#last] = [NaN, NaN];
  }

  get outcome(): Outcome {
    return { refusals: this.#refusals, seconds: (this.#last - this.#first) / 1000 };
  }
}
