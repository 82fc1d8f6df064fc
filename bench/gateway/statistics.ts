/** The few figures that a benchmark's rounds are boiled down to. */

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
 * One ratio a round, so that what slows the whole machine down for a while falls out.
 * @param values - one a round, in the rounds' order, as `base`
 */
export function toRatios(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / (base[round] ?? NaN));
}

/** E.g. `1.24 (1.19..1.31)`. */
export function formatSpread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
}

/** The names in another order each round, so that nobody always runs after the same one. */
export function rotate<T>(items: readonly T[], round: number): T[] {
  const start = round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
