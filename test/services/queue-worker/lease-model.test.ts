/**
 * Lease and settlement as a model: one message, two workers, and all orders in which things can
 * happen to them, as far as the steps go. What holds here holds for the protocol; that the services
 * keep to it, their own tests say.
 */
import { expect, test } from "@jest/globals";

/** How a protocol is made; each of the broken ones lacks one part. */
interface Protocol {
  /** A worker that runs a call says so before its lease ends. */
  hasHeartbeat: boolean;
  /** The message is acknowledged once the run is over, not when it is delivered. */
  acknowledgesAfterRun: boolean;
  /** A dead letter is on disk before its message is acknowledged. */
  keepsLetterFirst: boolean;
}

const OURS: Protocol = {
  hasHeartbeat: true,
  acknowledgesAfterRun: true,
  keepsLetterFirst: true,
};

/** What a worker is doing with the message. `burying`: there is a letter, or is to be one. */
type Doing = "idle" | "running" | "settling" | "burying";

interface Worker {
  doing: Doing;
  isCut: boolean;
}

interface State {
  /** `gone`: acknowledged. */
  message: "waiting" | "leased" | "gone";
  holder: number;
  /** Of the lease. */
  ticksLeft: number;
  workers: [Worker, Worker];
  failures: number;
  /** Runs that came to their end. */
  done: number;
  letters: number;
  removals: number;
  /** Whether the queue still knows that the call is done, though nobody has acknowledged it. */
  isKnownDone: boolean;
  /** Something broke, so that a second run is nobody's fault. */
  isExcused: boolean;
  /** Breakages that may still come: it ends some time. */
  breakages: number;
  /** A breach that shows in a step, not in a state. */
  breach: string;
}

const LEASE_TICKS = 2;
const MAX_ATTEMPTS = 2;
const BREAKAGES = 3;

const START: State = {
  message: "waiting",
  holder: 0,
  ticksLeft: 0,
  workers: [
    { doing: "idle", isCut: false },
    { doing: "idle", isCut: false },
  ],
  failures: 0,
  done: 0,
  letters: 0,
  removals: 0,
  isKnownDone: false,
  isExcused: false,
  breakages: BREAKAGES,
  breach: "",
};

/** A step by its name; the names are the way to a breach. */
interface Step {
  name: string;
  next: State;
}

const PAIR = [0, 1] as const;
type Index = (typeof PAIR)[number];

function step(name: string, state: State, change: (next: State) => void): Step {
  const next = structuredClone(state);
  change(next);
  return { name, next };
}

/** Everything that can happen next. */
function findSteps(state: State, protocol: Protocol): Step[] {
  return [
    ...passTime(state, protocol),
    ...PAIR.flatMap((index) => [
      ...deliver(state, index, protocol),
      ...endRun(state, index),
      ...settle(state, index),
      ...bury(state, index, protocol),
      ...breakWorker(state, index),
    ]),
    ...breakQueue(state),
  ];
}

function passTime(state: State, { hasHeartbeat }: Protocol): Step[] {
  if (state.message !== "leased") {
    return [];
  }
  return [
    step("time passes", state, (next) => {
      const holder = next.workers[next.holder as Index];
      const beats = hasHeartbeat && holder.doing === "running" && !holder.isCut;
      next.ticksLeft = beats ? LEASE_TICKS : next.ticksLeft - 1;
      next.message = next.ticksLeft === 0 ? "waiting" : "leased";
    }),
  ];
}

function deliver(state: State, index: Index, protocol: Protocol): Step[] {
  const { doing, isCut } = state.workers[index];
  if (state.message !== "waiting" || doing !== "idle" || isCut) {
    return [];
  }
  return [
    step(`delivered to ${index}`, state, (next) => {
      const [other] = next.workers.filter((_worker, at) => at !== index);
      if (other?.doing === "running" && !next.isExcused) {
        next.breach = "it is run by two workers, though nothing broke";
      }
      Object.assign(next, { message: "leased", holder: index, ticksLeft: LEASE_TICKS });
      next.workers[index].doing = next.isKnownDone ? "settling" : "running";
      if (!protocol.acknowledgesAfterRun) {
        remove(next);
      }
    }),
  ];
}

function endRun(state: State, index: Index): Step[] {
  if (state.workers[index].doing !== "running") {
    return [];
  }
  const succeed = step(`run of ${index} succeeds`, state, (next) => {
    next.done += 1;
    if (next.done > 1 && !next.isExcused) {
      next.breach = "it was run twice, though nothing broke";
    }
    next.isKnownDone = !next.workers[index].isCut;
    next.workers[index].doing = "settling";
  });
  const fail = step(`run of ${index} fails`, state, (next) => {
    next.failures += 1;
    next.workers[index].doing = next.failures >= MAX_ATTEMPTS ? "burying" : "idle";
    const isHeard = !next.workers[index].isCut && next.message !== "gone";
    if (next.workers[index].doing === "idle" && isHeard) {
      next.message = "waiting";
    }
  });
  return [succeed, fail];
}

function remove(next: State): void {
  next.removals += next.message === "gone" ? 0 : 1;
  next.message = "gone";
}

/** The acknowledgement arrives, or is lost. */
function settle(state: State, index: Index): Step[] {
  const { doing, isCut } = state.workers[index];
  if (doing !== "settling") {
    return [];
  }
  const arrives = step(`acknowledgement of ${index} arrives`, state, (next) => {
    remove(next);
    next.workers[index].doing = "idle";
  });
  const isLost = step(`acknowledgement of ${index} is lost`, state, (next) => {
    // The worker tells it again, until the queue confirms it; meanwhile the lease may end.
    next.isExcused = true;
    next.breakages -= 1;
  });
  return [...(isCut ? [] : [arrives]), ...(state.breakages > 0 ? [isLost] : [])];
}

/** The letter, then the acknowledgement; letters of one message are one. */
function bury(state: State, index: Index, { keepsLetterFirst }: Protocol): Step[] {
  const { doing, isCut } = state.workers[index];
  if (doing !== "burying" || isCut) {
    return [];
  }
  const keep = step(`letter of ${index} is kept`, state, (next) => {
    next.letters = 1;
    next.workers[index].doing = keepsLetterFirst ? "settling" : "idle";
  });
  const removeFirst = step(`message of ${index} is acknowledged before its letter`, state, remove);
  const isFirst = keepsLetterFirst || state.message === "gone";
  return isFirst ? [keep] : [removeFirst];
}

function breakWorker(state: State, index: Index): Step[] {
  const worker = state.workers[index];
  const mend = step(`${index} is connected again`, state, (next) => {
    next.workers[index].isCut = false;
  });
  if (state.breakages === 0) {
    return worker.isCut ? [mend] : [];
  }
  const die = step(`${index} dies and starts again`, state, (next) => {
    Object.assign(next, { isExcused: true, breakages: next.breakages - 1 });
    next.workers[index] = { doing: "idle", isCut: false };
  });
  const cut = step(`${index} is cut off`, state, (next) => {
    Object.assign(next, { isExcused: true, breakages: next.breakages - 1 });
    next.workers[index].isCut = true;
  });
  return [die, worker.isCut ? mend : cut];
}

/** What is on disk stays; what was told in memory is forgotten. */
function breakQueue(state: State): Step[] {
  return state.breakages === 0
    ? []
    : [
        step("NATS restarts", state, (next) => {
          next.isExcused = true;
          next.breakages -= 1;
          next.isKnownDone = false;
        }),
      ];
}

/** What must hold in each state; undefined when all of it does. */
function findBreach(state: State): string | undefined {
  const isPending = state.workers.some(({ doing }) => doing === "running" || doing === "burying");
  if (state.message === "gone" && state.done === 0 && state.letters === 0 && !isPending) {
    return "it is lost";
  }
  if (state.removals > 1) {
    return "it was settled twice";
  }
  return state.breach === "" ? undefined : state.breach;
}

interface Exploration {
  states: number;
  /** The shortest way to a breach. */
  breach?: { text: string; path: readonly string[] };
  /** How it can end. */
  ends: ReadonlySet<string>;
}

interface Reached {
  state: State;
  path: readonly string[];
}

/** Goes through all states, breadth first, so that a breach is found by the shortest way. */
function explore(protocol: Protocol, depth: number): Exploration {
  const seen = new Set([JSON.stringify(START)]);
  const ends = new Set<string>();
  let level: Reached[] = [{ state: START, path: [] }];
  for (let round = 0; round < depth && level.length > 0; round += 1) {
    level = level.flatMap((from) => findNew(from, protocol, seen));
    for (const { state, path } of level) {
      const text = findBreach(state);
      if (text !== undefined) {
        return { states: seen.size, breach: { text, path }, ends };
      }
      if (state.message === "gone") {
        ends.add(state.letters > 0 ? "dead" : "done");
      }
    }
  }
  return { states: seen.size, ends };
}

function findNew({ state, path }: Reached, protocol: Protocol, seen: Set<string>): Reached[] {
  return findSteps(state, protocol).flatMap(({ name, next }) => {
    const key = JSON.stringify(next);
    const isKnown = seen.has(key);
    seen.add(key);
    return isKnown ? [] : [{ state: next, path: [...path, name] }];
  });
}

const DEPTH = 14;

test("no order of events loses a message, runs it twice for no reason, or settles it twice", () => {
  const { states, breach, ends } = explore(OURS, DEPTH);
  expect(breach).toBeUndefined();
  expect(ends).toEqual(new Set(["done", "dead"]));
  expect(states).toBeGreaterThan(1000);
});

interface Broken {
  protocol: Partial<Protocol>;
  text: string;
  path: string[];
}

test.each<[string, Broken]>([
  [
    "that acknowledges before it runs",
    {
      protocol: { acknowledgesAfterRun: false },
      text: "it is lost",
      path: ["delivered to 0", "run of 0 fails"],
    },
  ],
  [
    "without heartbeats",
    {
      protocol: { hasHeartbeat: false },
      text: "it is run by two workers, though nothing broke",
      path: ["delivered to 0", "time passes", "time passes", "delivered to 1"],
    },
  ],
  [
    "that acknowledges before it keeps a letter",
    {
      protocol: { keepsLetterFirst: false },
      text: "it is lost",
      path: [
        ...["delivered to 0", "run of 0 fails", "delivered to 0", "run of 0 fails"],
        ...["message of 0 is acknowledged before its letter", "0 dies and starts again"],
      ],
    },
  ],
])("finds what is wrong with a protocol %s", (_what, { protocol, text, path }) => {
  expect(explore({ ...OURS, ...protocol }, DEPTH).breach).toEqual({ text, path });
});
