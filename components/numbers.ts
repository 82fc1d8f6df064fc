/** Numbers among arguments: each is a whole one, within bounds. */
import type * as pulumi from "@pulumi/pulumi";
import { quote } from "../contract/index.ts";
import { type ArgumentChecks, ArgumentError } from "./errors.ts";

/** What a whole number is at least and at most. */
export interface Bounds {
  /** @default 1 */
  least?: number;
  /** @default any */
  most?: number;
}

/** The numbers among some options. */
export type NumberRules<T> = Readonly<Partial<Record<keyof T, Bounds>>>;

/** Returns `value` when it is a whole number within the bounds. @throws ArgumentError */
export function checkWhole(field: string, value: unknown, bounds: Bounds = {}): number {
  const { least = 1, most = Infinity } = bounds;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) {
    return value;
  }
  const range = most === Infinity ? `from ${least}` : `from ${least} to ${most}`;
  const got = typeof value === "number" ? String(value) : quote(value);
  throw new ArgumentError(`${field}: expected a whole number ${range}, got ${got}`);
}

/**
 * Returns `options` with their numbers checked, at once or when they are known.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.`
 */
export function checkNumbers<T extends object>(
  checks: ArgumentChecks,
  { prefix = "", rules }: { prefix?: string; rules: Readonly<Record<string, Bounds>> },
  options: T,
): T {
  const given = options as Record<string, pulumi.Input<number> | undefined>;
  const checked = Object.entries(rules).flatMap(([field, bounds]) => {
    const value = given[field];
    const check = (known: number): number => checkWhole(`${prefix}${field}`, known, bounds);
    return value === undefined ? [] : [[field, checks.verify(value, check)]];
  });
  return { ...options, ...(Object.fromEntries(checked) as Partial<T>) };
}
