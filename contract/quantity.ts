/** Kubernetes' quantities (resource.Quantity) as numbers. */
import { isMatch, QUANTITY } from "./grammar.ts";

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Number that a quantity such as `250m`, `64Mi` or `1e3` stands for; NaN for other text. */
export function parseQuantity(text: string): number {
  if (!isMatch(QUANTITY, text)) {
    return NaN;
  }
  const suffix = /[KMGTPE]i$|[numkMGTPE]$/.exec(text)?.[0] ?? "";
  return Number(text.slice(0, text.length - suffix.length)) * (SUFFIXES[suffix] ?? 1);
}
