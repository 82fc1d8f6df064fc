/**
 * Memory and processor that a pod can be made with. Kubernetes takes more: a limit of `40m` of
 * memory, 40 thousandths of a byte, is one with which no process starts.
 */
import { type Finding, quote, toField } from "../finding.ts";
import { isMatch, METADATA_KEY, QUANTITY } from "../grammar.ts";
import { parseQuantity } from "../quantity.ts";

type Kind = "limits" | "requests";
type Quantities = Partial<Record<string, string>>;

const KINDS: readonly Kind[] = ["limits", "requests"];

/** A rule for the quantity of one resource, beside that it is one. */
export interface ResourceRule {
  kind: Kind;
  resource: "memory" | "cpu";
  least: string;
  most: string;
  /** Whether zero is taken, which asks for nothing in particular. */
  isZeroAllowed: boolean;
}

/**
 * Docker takes no limit of memory below 6 MiB (`docker run --memory`), as less does not hold what
 * starts a container; Kubernetes counts processors in thousandths. No machine has `most`.
 */
export const RESOURCE_RULES: readonly ResourceRule[] = [
  { kind: "limits", resource: "memory", least: "6Mi", most: "64Ti", isZeroAllowed: false },
  { kind: "limits", resource: "cpu", least: "1m", most: "10000", isZeroAllowed: false },
  { kind: "requests", resource: "memory", least: "1Mi", most: "64Ti", isZeroAllowed: true },
  { kind: "requests", resource: "cpu", least: "1m", most: "10000", isZeroAllowed: true },
];

/** What a rule expects, as a noun phrase. */
export function describeRule({ least, most, isZeroAllowed }: ResourceRule): string {
  return `${isZeroAllowed ? "0, or " : ""}${least} to ${most}`;
}

/** Where people forget a unit or take another one, they mean this one. */
const USUAL_UNIT = { memory: "Mi", cpu: "m" } as const;

/** Names that Kubernetes has itself; all others have a domain, such as `nvidia.com/gpu`. */
const OWN_NAMES = /^(memory|cpu|ephemeral-storage|hugepages-.+)$/;

/**
 * What is wrong with quantities that are right as such, and with resources that there are not.
 *
 * @param isWhole whether these are all that the function says; a part may leave limits to another
 */
export function findResourceMistakes(
  { limits, requests }: Partial<Record<Kind, unknown>>,
  isWhole: boolean,
): Finding[] {
  const given = { limits: toQuantities(limits), requests: toQuantities(requests) };
  return [
    ...RESOURCE_RULES.flatMap((rule) => findOutOfBounds(rule, given[rule.kind])),
    ...KINDS.flatMap((kind) => findOddNames(kind, given[kind])),
    ...findBeyondLimit(given),
    ...KINDS.flatMap((kind) => findFractions(kind, given[kind])),
    ...(isWhole ? findUnlimited(given) : []),
  ];
}

/** Those that are quantities; what is none, the schema refuses. */
function toQuantities(map: unknown): Quantities {
  const entries: [string, unknown][] =
    typeof map === "object" && map !== null ? Object.entries(map) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => {
      const [, value] = entry;
      return typeof value === "string" && isMatch(QUANTITY, value);
    }),
  );
}

function findOutOfBounds(rule: ResourceRule, quantities: Quantities): Finding[] {
  const { kind, resource } = rule;
  const value = quantities[resource];
  if (value === undefined || isWithin(rule, parseQuantity(value))) {
    return [];
  }
  const meant = `${/^[0-9.]+/.exec(value)?.[0] ?? ""}${USUAL_UNIT[resource]}`;
  const isLikely =
    meant !== value && isWithin({ ...rule, isZeroAllowed: false }, parseQuantity(meant));
  const expected = `${describeRule(rule)}${isLikely ? ` (${meant} meant?)` : ""}`;
  return [{ field: `${kind}.${resource}`, expected, got: quote(value) }];
}

function isWithin({ least, most, isZeroAllowed }: ResourceRule, amount: number): boolean {
  return (
    (isZeroAllowed && amount === 0) ||
    (amount >= parseQuantity(least) && amount <= parseQuantity(most))
  );
}

function findOddNames(kind: Kind, quantities: Quantities): Finding[] {
  const expected = "memory, cpu, ephemeral-storage, or a resource with a domain";
  return Object.keys(quantities)
    .filter((name) => !OWN_NAMES.test(name) && !isExtended(name))
    .map((name) => ({ field: kind, expected, got: quote(name) }));
}

function isExtended(name: string): boolean {
  return name.includes("/") && isMatch(METADATA_KEY, name);
}

function findBeyondLimit({ limits, requests }: Record<Kind, Quantities>): Finding[] {
  return Object.entries(requests).flatMap(([name, request = ""]) => {
    const limit = limits[name];
    return limit !== undefined && parseQuantity(request) > parseQuantity(limit)
      ? [toFinding(["requests", name], `at most the limit (${limit})`, request)]
      : [];
  });
}

function findFractions(kind: Kind, quantities: Quantities): Finding[] {
  return Object.entries(quantities).flatMap(([name, value = ""]) =>
    isExtended(name) && !Number.isInteger(parseQuantity(value))
      ? [toFinding([kind, name], "a whole number", value)]
      : [],
  );
}

/** Kubernetes promises resources with a domain to one pod alone: what is asked for is the limit. */
function findUnlimited({ limits, requests }: Record<Kind, Quantities>): Finding[] {
  return Object.entries(requests).flatMap(([name, request = ""]) => {
    const { [name]: limit } = limits;
    const isLess = limit === undefined || parseQuantity(request) < parseQuantity(limit);
    return isExtended(name) && isLess
      ? [toFinding(["requests", name], `the limit (${limit ?? "none"})`, request)]
      : [];
  });
}

function toFinding(path: string[], expected: string, value: string): Finding {
  return { field: toField(path), expected, got: quote(value) };
}
