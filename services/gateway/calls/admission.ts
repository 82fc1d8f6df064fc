/** How much may be going on at the same time: in this gateway, and of each function. */
import { type Failure, failures } from "../errors.ts";
import type { FunctionState } from "./function-states.ts";

export interface AdmissionOptions {
  /** Most calls in flight, and most upgraded connections; 0: no limit. */
  maxInflight: number;
  /** Most calls that wait for a pod, in both; 0: no limit. */
  maxWaiting: number;
  /** Most bytes of bodies that are held in memory at the same time. */
  maxHeldBytes: number;
}

/** What is let in: a call, or a connection that is to be upgraded and may stay for days. */
export type Admitted = "inFlight" | "upgraded";

/** The place of something that was let in, which others may have while it waits for a pod. */
export interface Place {
  /** Gives it up for one among those that wait; or says why there is none. */
  wait(): Failure | undefined;
  /** Takes one again. Returns false while there is none. */
  goOn(): boolean;
}

/**
 * How much a function may have of anything: so many times what is left for all others. One that is
 * broken gets three quarters of the whole, and whatever the others do, something stays free.
 */
const SHARE = 3;

/** Something that there is a limited amount of. */
class Budget {
  used = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  isFull(amount: number): boolean {
    return this.used + amount > this.#max;
  }

  /** Whether it would be too much of it for one. @param own - what that one has already */
  isUnfair(own: number, amount: number): boolean {
    return own + amount > SHARE * (this.#max - this.used);
  }
}

export class Admission {
  readonly #budgets: Readonly<Record<Admitted | "waiting" | "heldBytes", Budget>>;

  constructor({ maxInflight, maxWaiting, maxHeldBytes }: AdmissionOptions) {
    const max = maxInflight || Infinity;
    this.#budgets = {
      inFlight: new Budget(max),
      upgraded: new Budget(max),
      waiting: new Budget(maxWaiting || Infinity),
      heldBytes: new Budget(maxHeldBytes),
    };
  }

  /** Calls that are in flight. */
  get inFlight(): number {
    return this.#budgets.inFlight.used;
  }

  /** Upgraded connections. */
  get upgraded(): number {
    return this.#budgets.upgraded.used;
  }

  /** Calls that wait for a pod. */
  get waiting(): number {
    return this.#budgets.waiting.used;
  }

  /** Lets a call of a function in, to be followed by one `leave`; or says why it may not. */
  enter(state: FunctionState, kind: Admitted = "inFlight"): Failure | undefined {
    const budget = this.#budgets[kind];
    if (budget.isFull(1)) {
      return failures.overloaded();
    }
    const { inFlight, upgraded, waiting, maxInflight } = state;
    if (maxInflight !== 0 && inFlight + upgraded + waiting >= maxInflight) {
      return failures.tooManyCalls(maxInflight);
    }
    if (budget.isUnfair(state[kind], 1)) {
      return failures.overloaded(state.displayName);
    }
    budget.used += 1;
    state[kind] += 1;
    return undefined;
  }

  leave(state: FunctionState, kind: Admitted | "waiting" = "inFlight"): void {
    this.#budgets[kind].used -= 1;
    state[kind] -= 1;
    state.lastLeftAt = performance.now();
  }

  /** What was let in gives its place up for one among those that wait; or says why it may not. */
  wait(state: FunctionState, kind: Admitted): Failure | undefined {
    const { waiting } = this.#budgets;
    if (waiting.isFull(1)) {
      return failures.queueFull();
    }
    if (waiting.isUnfair(state.waiting, 1)) {
      return failures.queueFull(state.displayName, true);
    }
    this.#move(state, kind, "waiting");
    return undefined;
  }

  /** What waits takes a place again, by the same shares as others. Returns whether there is one. */
  goOn(state: FunctionState, kind: Admitted): boolean {
    const budget = this.#budgets[kind];
    if (budget.isFull(1) || budget.isUnfair(state[kind], 1)) {
      return false;
    }
    this.#move(state, "waiting", kind);
    return true;
  }

  /** Reserves memory for a body, to be followed by one `release`; or says why not. */
  hold(state: FunctionState, bytes: number): Failure | undefined {
    const { heldBytes: budget } = this.#budgets;
    if (budget.isFull(bytes)) {
      return failures.overloaded();
    }
    if (budget.isUnfair(state.heldBytes, bytes)) {
      return failures.overloaded(state.displayName);
    }
    budget.used += bytes;
    state.heldBytes += bytes;
    return undefined;
  }

  release(state: FunctionState, bytes: number): void {
    this.#budgets.heldBytes.used -= bytes;
    state.heldBytes -= bytes;
  }

  #move(state: FunctionState, from: Admitted | "waiting", to: Admitted | "waiting"): void {
    this.leave(state, from);
    this.#budgets[to].used += 1;
    state[to] += 1;
  }
}
