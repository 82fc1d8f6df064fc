/** The rules of a function's decisions, from what it declares and what time it is. */
import {
  type Autoscale,
  type FloorState,
  type ScaleFloor,
  stateOfFloor,
} from "../../../../contract/index.ts";
import type { ScaleRules } from "./decide.ts";

interface KnownState extends FloorState {
  /** The clock may be set back. */
  since: number;
}

/** Floors of a function, each looked up anew only when it may have changed. */
export class Floors {
  readonly #states: (KnownState | undefined)[] = [];
  readonly #floors: readonly ScaleFloor[];

  constructor(floors: readonly ScaleFloor[]) {
    this.#floors = floors;
  }

  /** The highest of those in force; 0: none is. @param now Unix milliseconds */
  at(now: number): number {
    const minima = this.#floors.map((floor, index) => {
      const known = this.#states[index];
      const isCurrent = known !== undefined && now >= known.since && now < known.until;
      const state = isCurrent ? known : { ...stateOfFloor(floor, now), since: now };
      this.#states[index] = state;
      return state.isInForce ? floor.min : 0;
    });
    return Math.max(0, ...minima);
  }
}

/** @param floor the highest of the floors in force */
export function toRules(autoscale: Autoscale, floor: number): ScaleRules {
  const { max, signals, up, down, zeroAfterMs } = autoscale;
  const min = Math.min(max, Math.max(autoscale.min, floor));
  return {
    floor: zeroAfterMs === undefined ? min : Math.min(max, floor),
    min,
    max,
    // What pods use is no reason to have some.
    signals: signals.map(({ name, type, aim }) => ({
      name,
      target: aim,
      isDemand: type !== "cpu",
    })),
    up,
    down,
    zeroAfterMs,
  };
}
