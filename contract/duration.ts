/** Durations as OpenFaaS writes them: Go's notation (`1m5s`) or whole seconds. */
import { DURATION, isMatch } from "./grammar.ts";

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const PARTS = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/**
 * Milliseconds of `1m5s`, `1.5h`, `250ms`, or of a number of whole seconds such as `65`.
 * Throws an Error that quotes the text when it is anything else (negative ones included).
 */
export function parseDuration(text: string): number {
  if (!isMatch(DURATION, text)) {
    throw new Error(`duration: expected e.g. 1m5s or whole seconds, got ${JSON.stringify(text)}`);
  }
  if (/^\d+$/.test(text)) {
    return Number(text) * 1000;
  }
  let total = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(PARTS)) {
    total += Number(amount) * (MILLISECONDS[unit] ?? NaN);
  }
  return total;
}

/** Writes milliseconds in Go's notation, e.g. `1m5s`; what `parseDuration` reads back. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) {
    return milliseconds === 0 ? "0s" : `${milliseconds}ms`;
  }
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  const seconds = (milliseconds % 60_000) / 1000;
  return [
    hours === 0 ? "" : `${hours}h`,
    minutes === 0 ? "" : `${minutes}m`,
    seconds === 0 ? "" : `${seconds}s`,
  ].join("");
}
