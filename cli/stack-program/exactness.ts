/**
 * Where a program and the stack file could differ. faas-cli puts values into the text of the file
 * and reads that as YAML; a program has them as they are.
 */
import {
  findNeeded,
  type Part,
  readStackFile,
  type StackFunction,
  toValue,
  type Variables,
} from "../../contract/stack-file/index.ts";

/** A value that YAML takes for no more than itself. */
const SAMPLE = "x";

/** Names of functions that are others with defaults in the text, as the file has them. */
export function findInexact(text: string): string[] {
  const { functions, holes } = readStackFile(text);
  const variables = toSamples(functions, (part) => holes.split(part));
  const fill = (part: Part): string =>
    typeof part === "string" ? part : (toValue(part, variables) ?? SAMPLE);
  const filled = functions.map((each) =>
    mapTexts(toFields(each), (part) => holes.split(part).map(fill).join("")),
  );
  const read = readStackFile(text, variables).functions.map(toFields);
  return functions.flatMap(({ name }, index) =>
    JSON.stringify(filled[index]) === JSON.stringify(read[index]) ? [] : [holes.restore(name)],
  );
}

/** What a program says of a function, but for the flag: a sample is none. */
function toFields(wanted: StackFunction): object {
  return {
    ...wanted,
    problems: undefined,
    buildFields: undefined,
    readOnlyRootFilesystem: undefined,
  };
}

/** A value for each variable without a default. */
function toSamples(functions: unknown, split: (text: string) => Part[]): Variables {
  const names = new Set<string>();
  mapTexts(functions, (text) => {
    for (const part of split(text)) {
      const name = typeof part === "string" ? undefined : findNeeded(part);
      if (name !== undefined) {
        names.add(name);
      }
    }
    return text;
  });
  return Object.fromEntries([...names].map((name) => [name, SAMPLE]));
}

/** A copy with other texts, those of keys included. */
function mapTexts(value: unknown, toText: (text: string) => string): unknown {
  if (typeof value === "string") {
    return toText(value);
  }
  if (Array.isArray(value)) {
    return value.map((each) => mapTexts(each, toText));
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, each]) => [toText(key), mapTexts(each, toText)]));
}
