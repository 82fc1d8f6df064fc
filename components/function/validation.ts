/**
 * Checks of single arguments of a function by the rules that hold for every Function; each throws
 * `ArgumentError`. What is not known yet in a preview does not keep the rest from being checked.
 */
import {
  ANNOTATION,
  DNS_NAME,
  dropEmptyFields,
  findMistakes,
  findUnknownProfile,
  FunctionSpec,
  isMatch,
  MAX_PROFILE_NAMES,
  quote,
  type SpecPart,
  toText,
} from "../../contract/index.ts";
import { findQueueMistake } from "../../contract/queue/index.ts";
import { ArgumentError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";

/**
 * Returns what `part` says, without optional texts that are empty. Throws when the rules find
 * something in it.
 *
 * @param rename how the arguments call a field of the spec
 */
export function checkPart(part: SpecPart, rename?: (field: string) => string): SpecPart {
  const given = dropEmptyFields(FunctionSpec, part);
  const mistakes = findMistakes(given, rename);
  if (mistakes.length > 0) {
    throw new ArgumentError(mistakes.map(toText).join("; "));
  }
  return given;
}

/** Returns `name` when a function can have it. */
export function checkName(name: string): string {
  checkPart({ name });
  return name;
}

/**
 * Throws when annotations name a queue that there is not.
 *
 * @param names of the platform's queues beside the usual one
 */
export function checkQueueName(annotations: Record<string, string>, names: string[]): void {
  const mistake = findQueueMistake(annotations, names);
  if (mistake !== undefined) {
    throw new ArgumentError(toText(mistake));
  }
}

/** Returns `name` when it can name a profile. */
export function checkProfileName(index: number, name: string): string {
  if (name.length > 253 || !isMatch(DNS_NAME, name)) {
    throw new ArgumentError(
      `profiles[${index}]: expected the name of a profile, got ${quote(name)}`,
    );
  }
  return name;
}

/**
 * Throws when a function names a profile that there is not.
 *
 * @param names of the platform's profiles; null: unknown
 */
export function checkProfiles(
  { profiles = [], annotations = {} }: { profiles?: string[]; annotations?: Texts },
  names: readonly string[] | null,
): void {
  const own = profiles.length > 0;
  if (own && annotations[ANNOTATION.profile] !== undefined) {
    throw new ArgumentError(
      `profiles: expected none beside the annotation ${ANNOTATION.profile}, got ${quote(profiles)}`,
    );
  }
  if (profiles.join(",").length > MAX_PROFILE_NAMES) {
    const expected = `names of at most ${MAX_PROFILE_NAMES} characters together`;
    throw new ArgumentError(`profiles: expected ${expected}, got ${profiles.join(",").length}`);
  }
  const given = own ? { [ANNOTATION.profile]: profiles.join(",") } : annotations;
  const mistake = names === null ? undefined : findUnknownProfile(given, names);
  if (mistake !== undefined) {
    throw new ArgumentError(toText(own ? { ...mistake, field: "profiles" } : mistake));
  }
}

type Texts = Record<string, string>;

/** Returns `name` when it can name a Secret. */
export function checkSecretName(name: string): string {
  checkPart({ secrets: [name] }, () => "name");
  return name;
}

/** Returns `image` when it can be the reference of an image. */
export function checkImage(image: string): string {
  checkPart({ image });
  return image;
}

/** Returns `value` when it can stand at this place of a list. */
export function checkItem(list: "secrets" | "constraints", index: number, value: string): string {
  checkPart({ [list]: [value] }, () => `${list}[${index}]`);
  return value;
}

/** An entry of one of the maps of a spec. */
export interface MapEntry {
  map: "environment" | "limits" | "requests";
  key: string;
}

/** Returns `value` when it can stand under this key; undefined where it says nothing. */
export function checkEntry({ map, key }: MapEntry, value: string): string | undefined {
  const given: Partial<Record<string, string>> = checkPart({ [map]: { [key]: value } })[map] ?? {};
  return given[key];
}

/** Returns limits and requests when they go together. */
export function checkResources(
  resources: Required<Pick<SpecPart, "limits" | "requests">>,
): typeof resources {
  checkPart(resources);
  return resources;
}

/** Returns `texts` when they can be labels or annotations. */
export function checkTexts(
  map: "labels" | "annotations",
  texts: Record<string, string>,
): Record<string, string> {
  checkPart({ [map]: texts });
  return texts;
}

/** Returns the command line when a variable can hold it; undefined where it says nothing. */
export function checkProcess(fprocess: string): string | undefined {
  const { handler } = checkPart({ handler: fprocess }, () => "fprocess");
  if (handler?.trim() === "") {
    throw new ArgumentError(`fprocess: expected a text, got ${quote(handler)}`);
  }
  return handler;
}

/** Returns `seconds` when it is a whole number from 1 to a day. */
export function checkTimeout(seconds: number): number {
  return checkWhole("timeoutSeconds", seconds, { most: 86_400 });
}
