/**
 * Labels and annotations that a function may not have, as nothing reads them: one that is misspelt,
 * or in the other map, would be accepted and then without effect.
 */
import { type Finding, quote } from "../finding.ts";
import { ANNOTATION } from "../names.ts";
import { VALUE_RULES } from "./values.ts";

type KeyedMap = "labels" | "annotations";

/** What begins so belongs to the platform, and to what OpenFaaS documents. */
const FAMILIES: readonly string[] = [
  "plonk/",
  "com.openfaas.scale.",
  ANNOTATION.healthProbe,
  ANNOTATION.readyProbe,
  ANNOTATION.retry,
];

/** Those of the object, which are no part of its spec. */
const OF_OBJECT: readonly string[] = [ANNOTATION.allowOverride, ANNOTATION.restartedAt];

const KNOWN: Readonly<Record<KeyedMap, ReadonlySet<string>>> = {
  labels: new Set([...keysOf("labels"), ANNOTATION.private]),
  annotations: new Set([...keysOf("annotations"), ANNOTATION.private]),
};

const OTHER: Readonly<Record<KeyedMap, { map: KeyedMap; word: string }>> = {
  labels: { map: "annotations", word: "an annotation" },
  annotations: { map: "labels", word: "a label" },
};

/** What is wrong with the names of labels or annotations. */
export function findKeyMistakes(
  map: KeyedMap,
  texts: Partial<Record<string, string>>,
  toField: (map: string, key: string) => string,
): Finding[] {
  return Object.entries(texts).flatMap(([key, value = ""]) => {
    const expected = findExpected(map, key);
    return expected === undefined
      ? []
      : [{ field: toField(map, key), expected, got: quote(value) }];
  });
}

function findExpected(map: KeyedMap, key: string): string | undefined {
  if (KNOWN[map].has(key)) {
    return undefined;
  }
  const other = OTHER[map];
  if (KNOWN[other.map].has(key)) {
    return `none, as it is ${other.word}`;
  }
  if (OF_OBJECT.includes(key)) {
    return "none, as it is an annotation of the object itself";
  }
  return FAMILIES.some((family) => key.startsWith(family))
    ? `none, as nothing reads one of this name (${closest(map, key)})`
    : undefined;
}

/** Those of the same family. */
function closest(map: KeyedMap, key: string): string {
  const family = FAMILIES.find((each) => key.startsWith(each)) ?? "";
  const names = [...KNOWN[map]].filter((each) => each.startsWith(family));
  return names.length === 0 ? `there are no ${map} ${family}*` : `there are ${names.join(", ")}`;
}

function keysOf(map: KeyedMap): string[] {
  return VALUE_RULES.filter((rule) => rule.map === map).map(({ key }) => key);
}
