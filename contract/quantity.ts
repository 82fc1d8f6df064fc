/** Kubernetes' quantities (resource.Quantity) as numbers. */
import { isMatch, QUANTITY } from "./grammar.ts";

/** Powers of ten; as exponents, so that `700m` and `0.7` are one number. */
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

/** Powers of two. */
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

/** Number that a quantity such as `250m`, `64Mi` or `1e3` stands for; NaN for other text. */
export function parseQuantity(text: string): number {
  if (!isMatch(QUANTITY, text)) {
    return NaN;
  }
  const suffix = /[KMGTPE]i$|[numkMGTPE]$/.exec(text)?.[0] ?? "";
  const digits = text.slice(0, text.length - suffix.length);
  const power = BINARY[suffix];
  return power === undefined
    ? Number(suffix === "" ? digits : `${digits}e${DECIMAL[suffix] ?? 0}`)
    : Number(digits) * 2 ** power;
}
