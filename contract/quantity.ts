/** Kubernetes' quantities (resource.Quantity) as numbers. */

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

/** Kubernetes' grammar (resource.Quantity), without signs. */
const GRAMMAR =
  /^(?<digits>\d+(\.\d*)?|\.\d+)(?<suffix>[KMGTPE]i|[numkMGTPE]|[eE](?<power>[-+]?\d+))?$/;

/** Whether Kubernetes takes the text for a quantity. */
export function isQuantity(text: string): boolean {
  return GRAMMAR.test(text);
}

/** Number that a quantity such as `250m`, `64Mi` or `1e3` stands for; NaN for other text. */
export function parseQuantity(text: string): number {
  const { digits, suffix = "", power } = GRAMMAR.exec(text)?.groups ?? {};
  if (digits === undefined) {
    return NaN;
  }
  if (power !== undefined) {
    return Number(`${digits}e${power}`);
  }
  return Number(digits) * (suffix === "" ? 1 : (SUFFIXES[suffix] ?? NaN));
}
