/** The inputs of a command resource: validation and types. */
import type { CheckFailure } from "../provider-protocol/provider.ts";
import {
  isAsset,
  type PropertyMap,
  readField,
  reveal,
  Secret,
  UNKNOWN,
  unwrap,
  type Value,
} from "../provider-protocol/values.ts";

/** Which output streams are shown while a command runs (the SDK's `local.Logging`). */
export const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"] as const;
export type Logging = (typeof LOGGING)[number];

/** The inputs that all commands share. */
export interface CommandEnvironment {
  /** Added to the existing environment. */
  environment: Record<string, string>;
  stdin: string | undefined;
  /** @default stdoutAndStderr */
  logging: Logging;
  /** Whether the next command gets the previous output. @default true */
  addPreviousOutputInEnv: boolean;
  /** Texts that must never be shown: secrets in the environment and standard input. */
  secrets: string[];
}

/** The additional inputs of commands on this machine. */
export interface LocalEnvironment extends CommandEnvironment {
  /** Program and arguments; the command is added as the last one. @default /bin/sh -c */
  interpreter: string[];
  /** Working directory. @default that of the engine */
  dir: string | undefined;
}

/** Returns the reason why a known value is invalid. */
export type Test = (value: Value) => string | undefined;

export const isText: Test = (value) =>
  typeof value === "string" ? undefined : `expected a string, got ${describe(value)}`;

const isTexts: Test = (value) =>
  Array.isArray(value) && value.every((item) => isKnownAs(item, "string"))
    ? undefined
    : `expected a list of strings, got ${describe(value)}`;

const isTextMap: Test = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value as PropertyMap).every((item) => isKnownAs(item, "string"))
    ? undefined
    : `expected a map of strings, got ${describe(value)}`;

const isLogging: Test = (value) =>
  (LOGGING as readonly Value[]).includes(value)
    ? undefined
    : `expected one of ${LOGGING.join(", ")}, got ${JSON.stringify(value)}`;

const isBoolean: Test = (value) =>
  typeof value === "boolean" ? undefined : `expected true or false, got ${describe(value)}`;

const isCollector: Test = () =>
  "this plugin does not collect files; the official pulumi-resource-command does";

const SURROUNDINGS: Record<string, Test> = {
  addPreviousOutputInEnv: isBoolean,
  environment: isTextMap,
  logging: isLogging,
  stdin: isText,
};

const LOCAL_SURROUNDINGS: Record<string, Test> = {
  ...SURROUNDINGS,
  archivePaths: isCollector,
  assetPaths: isCollector,
  dir: isText,
  interpreter: isTexts,
};

const TRIGGERS: Record<string, Test> = {
  triggers: (value) => (Array.isArray(value) ? undefined : "expected a list"),
};

const MOMENTS: Record<string, Test> = {
  ...TRIGGERS,
  create: isText,
  delete: isText,
  update: isText,
};

/** Properties of `command:local:Command`. */
export const COMMAND_PROPERTIES: Record<string, Test> = { ...LOCAL_SURROUNDINGS, ...MOMENTS };

/** Properties of `command:remote:Command`, without its connection. */
export const REMOTE_COMMAND_PROPERTIES: Record<string, Test> = { ...SURROUNDINGS, ...MOMENTS };

/** Properties of `command:remote:CopyToRemote`, without its connection. */
export const COPY_PROPERTIES: Record<string, Test> = {
  ...TRIGGERS,
  remotePath: (value) => (value === "" ? "expected text, got none" : isText(value)),
  source: (value) =>
    isAsset(value) ? undefined : `expected an asset or an archive, got ${describe(value)}`,
};

/** Arguments of `command:local:run`. */
export const RUN_PROPERTIES: Record<string, Test> = { ...LOCAL_SURROUNDINGS, command: isText };

/**
 * Finds properties that are not in the schema or have the wrong type.
 * @param prefix path of the map itself, e.g. `connection.`
 */
export function findFailures(
  inputs: PropertyMap,
  schema: Record<string, Test>,
  prefix = "",
): CheckFailure[] {
  return Object.entries(inputs).flatMap(([key, value]) => {
    const property = `${prefix}${key}`;
    const test = schema[key];
    if (test === undefined) {
      return [{ property, reason: `${property}: is not a known property` }];
    }
    const complaint = isPlain(value) ? test(unwrap(value) as Value) : undefined;
    return complaint === undefined ? [] : [{ property, reason: `${property}: ${complaint}` }];
  });
}

/** Finds missing required properties. */
export function findMissing(
  inputs: PropertyMap,
  keys: readonly string[],
  prefix = "",
): CheckFailure[] {
  return keys
    .filter((key) => (unwrap(readField(inputs, key)) ?? null) === null)
    .map((key) => ({ property: `${prefix}${key}`, reason: `${prefix}${key}: is missing` }));
}

/** Converts checked inputs of a command on this machine. All values must be known. */
export function toLocalEnvironment(inputs: PropertyMap): LocalEnvironment {
  const plain = reveal(inputs) as PropertyMap;
  const interpreter = (plain["interpreter"] as string[] | undefined) ?? [];
  return {
    ...toEnvironment(inputs),
    interpreter: interpreter.length > 0 ? interpreter : ["/bin/sh", "-c"],
    dir: toText(plain["dir"]),
  };
}

/** Converts the checked inputs that all commands share. All values must be known. */
export function toEnvironment(inputs: PropertyMap): CommandEnvironment {
  const plain = reveal(inputs) as PropertyMap;
  return {
    environment: (plain["environment"] as Record<string, string> | undefined) ?? {},
    stdin: toText(plain["stdin"]),
    logging: (plain["logging"] as Logging | undefined) ?? "stdoutAndStderr",
    addPreviousOutputInEnv: plain["addPreviousOutputInEnv"] !== false,
    secrets: [...collectSecrets(inputs["environment"]), ...collectSecrets(inputs["stdin"])],
  };
}

/** The text of a property, whether it is secret or not. */
export function toText(value: Value | undefined): string | undefined {
  const text = unwrap(value);
  return typeof text === "string" ? text : undefined;
}

function collectSecrets(value: Value | undefined): string[] {
  if (value instanceof Secret) {
    return collectTexts(reveal(value));
  }
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.values(value as PropertyMap).flatMap(collectSecrets);
}

function collectTexts(value: Value): string[] {
  if (typeof value === "string") {
    return [value];
  }
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.values(value as PropertyMap).flatMap(collectTexts);
}

function isKnownAs(value: Value, type: string): boolean {
  const plain = unwrap(value);
  return plain === UNKNOWN || typeof plain === type;
}

/** Whether the type can be checked: the value is present and known. */
function isPlain(value: Value): boolean {
  const plain = unwrap(value);
  return plain !== null && plain !== UNKNOWN;
}

/** Describes only the type, as the value may be secret. */
export function describe(value: Value): string {
  if (value === null) {
    return "null";
  }
  return Array.isArray(value) ? "a list of other things" : typeof value;
}
