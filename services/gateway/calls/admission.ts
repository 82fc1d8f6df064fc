/** How much may be going on at the same time: in this gateway, and of each function. */
import { type Failure, failures } from "../errors.ts";
import type { FunctionState } from "./function-states.ts";

export interface AdmissionOptions {
  /** Most calls in flight, queued and upgraded ones included; 0 is no limit. */
  maxInflight: number;
  /** Most bytes of bodies that are held in memory at the same time. */
  maxHeldBytes: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #inFlight = 0;
  #heldBytes = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Calls that are in flight. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Lets a call of a function in, to be followed by one `leave`; or says why it may not. */
  enter(state: FunctionState): Failure | undefined {
    const { maxInflight } = this.#options;
    if (maxInflight !== 0 && this.#inFlight >= maxInflight) {
      return failures.overloaded();
    }
    if (state.maxInflight !== 0 && state.inFlight >= state.maxInflight) {
      return failures.tooManyCalls(state.maxInflight);
    }
    this.#inFlight += 1;
    state.inFlight += 1;
    return undefined;
  }

  leave(state: FunctionState): void {
    this.#inFlight -= 1;
    state.inFlight -= 1;
  }

  /** Reserves memory for a body, to be followed by one `release`; or says why not. */
  hold(bytes: number): Failure | undefined {
    if (this.#heldBytes + bytes > this.#options.maxHeldBytes) {
      return failures.overloaded();
    }
    this.#heldBytes += bytes;
    return undefined;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
