/** Chance that is the same each time: by a seed, or by what is decided on. */

/** Gives numbers from 0 to 1, 1 excluded. */
export type Random = () => number;

/** A sequence of numbers (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One number for some whole ones, whatever was decided before. */
export function chanceOf(...parts: readonly number[]): number {
  const seed = parts.reduce((sum, part) => Math.imul(sum ^ part, 0x9e3779b1) ^ (sum >>> 13), 7);
  return createRandom(seed)();
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) {
    throw new Error("pick: expected something to pick from, got nothing");
  }
  return picked;
}

/** A whole number between two, both included. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** The same things in another order (Fisher and Yates). */
export function shuffle<T>(random: Random, from: readonly T[]): T[] {
  const rest = [...from];
  return from.map(() => rest.splice(Math.floor(random() * rest.length), 1)).flat();
}
