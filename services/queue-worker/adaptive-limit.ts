/**
 * How many calls of one function run at once: as many as it takes. A refusal halves the number, an
 * answer lets it grow again by one for as many answers as run at once (AIMD, as TCP has it:
 * RFC 5681 §3.1).
 */
export class AdaptiveLimit {
  readonly #max: number;
  #current: number;
  /** Calls that began before this one was refused say nothing new. */
  #generation = 0;

  /** @param max most calls at once, with which it begins */
  constructor(max: number) {
    this.#max = max;
    this.#current = max;
  }

  /** Calls that may run at once, at least one. */
  get current(): number {
    return Math.max(1, Math.floor(this.#current));
  }

  /** For a call that begins now, to be given back with its outcome. */
  get generation(): number {
    return this.#generation;
  }

  /** The function took a call. */
  succeed(): void {
    this.#current = Math.min(this.#max, this.#current + 1 / this.#current);
  }

  /** The function was too busy for a call. @param inFlight calls that ran then, it included */
  refuse(generation: number, inFlight: number): void {
    if (generation === this.#generation) {
      this.#generation += 1;
      this.#current = Math.max(1, Math.min(this.#current, inFlight) / 2);
    }
  }
}
