/** How much may be going on at the same time: in this gateway, and of each function. */
import { type Failure, failures } from "../errors.ts";
import type { FunctionState } from "./function-states.ts";

export interface AdmissionOptions {
  /** Most calls in flight, waiting ones included, and most upgraded connections; 0: no limit. */
  maxInflight: number;
  /** Most bytes of bodies that are held in memory at the same time. */
  maxHeldBytes: number;
}

/** What is let in: a call, or a connection that is to be upgraded and may stay for days. */
export type Admitted = "inFlight" | "upgraded";

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
  readonly #budgets: Readonly<Record<Admitted | "heldBytes", Budget>>;

  constructor({ maxInflight, maxHeldBytes }: AdmissionOptions) {
    const max = maxInflight === 0 ? Infinity : maxInflight;
    this.#budgets = {
      inFlight: new Budget(max),
      upgraded: new Budget(max),
      heldBytes: new Budget(maxHeldBytes),
    };
  }

  /** Calls that are in flight. */
  get inFlight(): number {
    return this.#budgets.inFlight.used;
  }

  /** Lets a call of a function in, to be followed by one `leave`; or says why it may not. */
  enter(state: FunctionState, kind: Admitted = "inFlight"): Failure | undefined {
    const budget = this.#budgets[kind];
    if (budget.isFull(1)) {
      return failures.overloaded();
    }
    if (state.maxInflight !== 0 && state.inFlight + state.upgraded >= state.maxInflight) {
      return failures.tooManyCalls(state.maxInflight);
    }
    if (budget.isUnfair(state[kind], 1)) {
      return failures.overloaded(state.displayName);
    }
    budget.used += 1;
    state[kind] += 1;
    return undefined;
  }

  leave(state: FunctionState, kind: Admitted = "inFlight"): void {
    this.#budgets[kind].used -= 1;
    state[kind] -= 1;
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
}
