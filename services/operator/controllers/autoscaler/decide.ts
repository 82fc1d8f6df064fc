/** How many replicas a function shall have: the rules, apart from all that carries them out. */
import { leftOf, remember, type ScaleMemory, type WantedRange } from "./scale-memory.ts";

/** Limits, aims and times of the decision; `floor` <= `min` <= `max`. */
export interface ScaleRules {
  /** Fewest replicas, whatever happens. */
  floor: number;
  /** Fewest replicas while the function is not idle. */
  min: number;
  max: number;
  /** What is looked at, and the load of one replica that is aimed at, above 0. */
  signals: readonly Signal[];
  up: Direction;
  down: Direction;
  /** How long it has to be idle to have no replica, milliseconds; undefined: it always has one. */
  zeroAfterMs?: number | undefined;
}

export interface Signal {
  name: string;
  target: number;
  /** Whether there may be such a load without a replica, so that it keeps the function awake. */
  isDemand: boolean;
}

export interface Direction {
  /** How long more, or fewer, have to be wanted without a break, milliseconds; 0: at once. */
  windowMs: number;
  /** Most that are added, or taken away; undefined: any number. */
  step?: Step | undefined;
}

/** So many in a period, or a part of those at its begin: the larger, and at least one. */
export interface Step {
  replicas: number;
  percent: number;
  periodMs: number;
}

/** What is known at one time. */
export interface Seen {
  /** Of any clock that never goes back, milliseconds. */
  now: number;
  /** Replicas that there shall be now, ready or not. */
  replicas: number;
  /** Load of all replicas together, in the order of the rules' signals. */
  loads: readonly Load[];
  /** For how long nobody has called it; 0: a call is under way; undefined: unknown. */
  idleMs: number | undefined;
}

/** At least so much; undefined: nobody knows. */
export interface Load {
  value: number | undefined;
  /** Whether that is all of it: somebody who has a part of it may not have answered. */
  isWhole: boolean;
}

/** Why there shall be another number. */
export type ScaleReason =
  /** A limit holds at once. */
  | "BelowMinimum"
  | "AboveMaximum"
  /** By the load of the signal that wants most. */
  | "LoadRose"
  | "LoadFell"
  /** Nobody calls it any more; somebody does again. */
  | "Idle"
  | "Called";

/** Why there are not as many as the load wants. */
export type Restraint =
  /** More, or fewer, than the limits allow. */
  | "Maximum"
  | "Minimum"
  | "Step"
  | "Window"
  /** A load is unknown, so there are no fewer. */
  | "Unknown";

/** The signal that wants most. */
export interface Wanted {
  signal: string;
  load: number;
  target: number;
  replicas: number;
}

export interface Decision {
  replicas: number;
  /** Undefined: nothing changes. */
  reason: ScaleReason | undefined;
  restraint: Restraint | undefined;
  /** Undefined where no signal is known. */
  wanted: Wanted | undefined;
  memory: ScaleMemory;
}

/**
 * Says how many replicas there shall be. The limits hold at once; more there are when all that was
 * seen in the window of `up` wants more, and as few as the most that was wanted in that of `down`.
 *
 * @param memory undefined: nothing is known of before, so it is too early for fewer
 */
export function decide(memory: ScaleMemory | undefined, seen: Seen, rules: ScaleRules): Decision {
  const wanted = findHighest(seen, rules);
  const range = toRange(seen, wanted);
  const next = remember(memory, seen, { rules, range });
  const { replicas, reason, restraint } = choose({ memory: next, seen, rules, wanted });
  const isSame = replicas === seen.replicas;
  return { replicas, reason: isSame ? undefined : reason, restraint, wanted, memory: next };
}

type Choice = Pick<Decision, "replicas" | "reason" | "restraint">;

interface Situation {
  memory: ScaleMemory;
  seen: Seen;
  rules: ScaleRules;
  wanted: Wanted | undefined;
}

function choose(situation: Situation): Choice {
  const { seen, rules, wanted } = situation;
  const { replicas } = seen;
  if (isIdle(situation)) {
    return { replicas: 0, reason: "Idle", restraint: undefined };
  }
  if (replicas === 0) {
    return wake(seen, rules);
  }
  const least = leastOf(rules);
  if (replicas < least) {
    return { replicas: least, reason: "BelowMinimum", restraint: undefined };
  }
  if (replicas > rules.max) {
    return { replicas: rules.max, reason: "AboveMaximum", restraint: undefined };
  }
  return (wanted?.replicas ?? 0) > replicas ? rise(situation) : fall(situation);
}

/** While it is not idle; an idle one is none for who wants none. */
function leastOf({ min }: ScaleRules): number {
  return Math.max(1, min);
}

/** Nobody calls it: a replica is of no use, unless there shall be one whatever happens. */
function isIdle({ memory: { awakeSince }, seen, rules }: Situation): boolean {
  const { now, idleMs } = seen;
  const { floor, zeroAfterMs } = rules;
  if (zeroAfterMs === undefined || idleMs === undefined || floor > 0) {
    return false;
  }
  // One that was made, or woken, a moment ago may just not have been called yet.
  const isPast = awakeSince !== undefined && now - awakeSince >= zeroAfterMs;
  return isPast && idleMs >= zeroAfterMs && !hasDemand(seen, rules);
}

/** Whether there is, or may be, something to do. */
function hasDemand({ loads }: Seen, { signals }: ScaleRules): boolean {
  return loads.some((load, index) => {
    const isDemand = signals[index]?.isDemand ?? false;
    return isDemand && (!isKnown(load) || (load.value ?? 0) > 0);
  });
}

/** A function without a replica: the gateway gives it one with the next call. */
function wake(seen: Seen, rules: ScaleRules): Choice {
  const demands = rules.signals.map(({ isDemand }) => isDemand);
  const loads = seen.loads.map((load, index) =>
    demands[index] === true ? load : { value: undefined, isWhole: true },
  );
  const wanted = findHighest({ ...seen, loads }, rules)?.replicas ?? 0;
  if (wanted > 0 || seen.idleMs === 0) {
    const replicas = Math.min(Math.max(leastOf(rules), wanted), rules.max);
    return { replicas, reason: "Called", restraint: undefined };
  }
  const replicas = rules.floor > 0 ? leastOf(rules) : 0;
  return { replicas, reason: "BelowMinimum", restraint: undefined };
}

/** More are wanted. */
function rise({ memory, seen, rules }: Situation): Choice {
  const { now, replicas } = seen;
  const { max, up } = rules;
  const least = memory.lowest[0]?.replicas ?? 0;
  if (least <= replicas || now - memory.since < up.windowMs) {
    return { replicas, reason: undefined, restraint: replicas === max ? "Maximum" : "Window" };
  }
  const allowed = replicas + leftOf(up.step, memory, 1);
  const chosen = Math.min(least, max, allowed);
  const limit = max <= allowed ? "Maximum" : "Step";
  return { replicas: chosen, reason: "LoadRose", restraint: chosen < least ? limit : undefined };
}

/** As many as there are are enough, or fewer. */
function fall(situation: Situation): Choice {
  const { seen, rules, wanted } = situation;
  const { replicas } = seen;
  const stay = { replicas, reason: undefined };
  if (wanted === undefined || !seen.loads.every(isKnown)) {
    return { ...stay, restraint: "Unknown" };
  }
  if (Math.max(wanted.replicas, leastOf(rules)) >= replicas) {
    return { ...stay, restraint: wanted.replicas < replicas ? "Minimum" : undefined };
  }
  return lower(situation, wanted.replicas);
}

/** Fewer are enough now. */
function lower({ memory, seen, rules }: Situation, wanted: number): Choice {
  const { now, replicas } = seen;
  const { down } = rules;
  const least = leastOf(rules);
  const most = Math.max(memory.highest[0]?.replicas ?? replicas, least);
  if (most >= replicas || now - memory.since < down.windowMs) {
    return { replicas, reason: undefined, restraint: "Window" };
  }
  const chosen = Math.max(most, replicas - leftOf(down.step, memory, -1));
  if (chosen > most) {
    return { replicas: chosen, reason: "LoadFell", restraint: "Step" };
  }
  const limit = chosen > least ? "Window" : "Minimum";
  return { replicas: chosen, reason: "LoadFell", restraint: chosen > wanted ? limit : undefined };
}

/** Whether all of a load is known; undefined: there is none. */
export function isKnown(load: Load | undefined): boolean {
  return load?.value !== undefined && load.isWhole;
}

/** So little above a whole number is the noise of divisions, as `0.3 / 0.1` has it. */
const NOISE = 1e-9;

function findHighest({ loads }: Seen, { signals }: ScaleRules): Wanted | undefined {
  let highest: Wanted | undefined;
  for (const [index, { name, target }] of signals.entries()) {
    const load = loads[index]?.value;
    if (load !== undefined) {
      const replicas = Math.max(0, Math.ceil(load / target - NOISE));
      if (highest === undefined || replicas > highest.replicas) {
        highest = { signal: name, load, target, replicas };
      }
    }
  }
  return highest;
}

/** Whatever a load that is unknown wants, it may be as many as there are. */
function toRange(seen: Seen, wanted: Wanted | undefined): WantedRange {
  const least = wanted?.replicas ?? 0;
  return { least, most: seen.loads.every(isKnown) ? least : Math.max(least, seen.replicas) };
}
