/** Statistics over a benchmark's rounds. */

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Median, smallest and largest; NaN for no values. */
export function toSpread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return { median: (low + high) / 2, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/**
 * A ratio per round, which cancels temporary slowness of the whole machine.
 * @param values - one per round, in the same order as `base`
 */
export function toRatios(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / (base[round] ?? NaN));
}

/** E.g. `1.24 (1.19..1.31)`. */
export function formatSpread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
}

/** Rotates the order each round, so that the predecessor of each proxy varies. */
export function rotate<T>(items: readonly T[], round: number): T[] {
  const start = round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
