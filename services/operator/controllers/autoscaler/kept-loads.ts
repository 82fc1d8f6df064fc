/**
 * What is kept of gateways' answers: two numbers of each function that is of interest, in its
 * place in a list. Whole answers of the last seconds would take most of the operator's memory.
 */
import type { GatewayLoads } from "../../../../contract/gateway-loads.ts";

/** Of an answer; not a number where a function was of no interest then. */
export interface KeptLoads {
  /** How long the gateway had been there, milliseconds. */
  ageMs: number;
  /** Calls that had begun. */
  started: Float64Array;
  /** Calls in flight, and those that wait for a pod. */
  busy: Float64Array;
}

export class LoadKeeper {
  /** Of functions that are of interest, by name. */
  readonly #places = new Map<string, number>();
  /** Those of functions that are of no interest any more. */
  readonly #free: number[] = [];
  /** How many places there are, the free ones too. */
  #size = 0;

  /**
   * Says which functions are of interest from now on.
   * @param kept all that is kept, where nothing is known yet of those that are new
   */
  follow(names: readonly string[], kept: readonly Float64Array[]): void {
    const followed = new Set(names);
    for (const [name, place] of this.#places) {
      if (!followed.has(name)) {
        this.#places.delete(name);
        this.#free.push(place);
      }
    }
    for (const name of followed) {
      if (!this.#places.has(name)) {
        this.#places.set(name, this.#take(kept));
      }
    }
  }

  /** Of a function, in all lists; -1, where there is nothing, for one of no interest. */
  placeOf(name: string): number {
    return this.#places.get(name) ?? -1;
  }

  /** A function that the gateway does not name was not called there. */
  keep({ ageMs, functions }: GatewayLoads): KeptLoads {
    const [started, busy] = [this.#createList(), this.#createList()];
    for (const [name, place] of this.#places) {
      const [begun, inFlight, waiting] = functions[name] ?? NEVER_CALLED;
      started[place] = begun;
      busy[place] = inFlight + waiting;
    }
    return { ageMs, started, busy };
  }

  /** For how long nobody has called each function, milliseconds. */
  keepIdle({ ageMs, functions }: GatewayLoads): Float64Array {
    const idle = this.#createList();
    for (const [name, place] of this.#places) {
      idle[place] = functions[name]?.[3] ?? ageMs;
    }
    return idle;
  }

  #take(kept: readonly Float64Array[]): number {
    const place = this.#free.pop();
    if (place === undefined) {
      this.#size += 1;
      return this.#size - 1;
    }
    // What is there is about another function.
    for (const list of kept) {
      list[place] = NaN;
    }
    return place;
  }

  #createList(): Float64Array {
    return new Float64Array(this.#size).fill(NaN);
  }
}

const NEVER_CALLED = [0, 0, 0] as const;

/** A number of a list; undefined where it is not known. */
export function toKnown(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}
