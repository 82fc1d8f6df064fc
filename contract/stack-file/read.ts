/** What a stack file says (`stack.yml` of OpenFaaS), for those who deploy it and who import it. */
import { type Finding, toField } from "../finding.ts";
import { Holes } from "./holes.ts";
import { type Problem, Reader } from "./reader.ts";
import { findVariables, type Variables } from "./substitution.ts";
import { describeValue, readYaml, type Value } from "./yaml.ts";

/** Memory and processor, as the file has them. */
export interface StackResources {
  memory?: string;
  cpu?: string;
}

/** One function of a stack file. What is absent or empty there, is absent or empty here. */
export interface StackFunction {
  name: string;
  image?: string;
  fprocess?: string;
  namespace?: string;
  environment: Record<string, string>;
  /** Paths of files whose variables win over `environment`, the last one first. */
  environmentFiles: string[];
  secrets: string[];
  constraints: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  limits: StackResources;
  requests: StackResources;
  /** A word for yes or no. */
  readOnlyRootFilesystem?: string;
  /** Fields that only `faas-cli build` reads. */
  buildFields: Map<string, Value>;
  problems: Problem[];
}

/** A stack file, read. Texts have holes where variables had no value. */
export interface StackFile {
  functions: StackFunction[];
  /** What is wrong with the file as a whole: then there are no functions. */
  mistakes: Finding[];
  /** What is wrong beside the functions. */
  problems: Problem[];
  /** Fields beside the functions that have no effect on a cluster. */
  unusedFields: Map<string, Value>;
  holes: Holes;
}

/** Fields that only `faas-cli build`, `push` and `publish` read. */
const BUILD_FIELDS = [
  "lang",
  "handler",
  "skip_build",
  "build_args",
  "build_options",
  "build_secrets",
  "platforms",
];

/** Fields of a function; those that are deployed come first. */
const FUNCTION_FIELDS = [
  "image",
  "fprocess",
  "namespace",
  "environment",
  "environment_file",
  "secrets",
  "constraints",
  "labels",
  "annotations",
  "limits",
  "requests",
  "readonly_root_filesystem",
  ...BUILD_FIELDS,
];

const ROOT_FIELDS = ["version", "provider", "functions", "configuration"];
/** Beside the name: the platform says where its gateway is, and Kubernetes has no such network. */
const PROVIDER_FIELDS = ["gateway", "network"];
const RESOURCE_FIELDS = ["memory", "cpu"];

/** What is found in the place of a field that there is. */
export const ANOTHER_FIELD = "another field";

/**
 * Reads a stack file.
 *
 * @param variables values of `${NAME}`; undefined to leave them, and their defaults, as holes
 */
export function readStackFile(text: string, variables?: Variables): StackFile {
  const holes = new Holes(text);
  const { parts, mistake } = findVariables(text);
  const filled = holes.fill(parts, variables);
  const read = mistake === undefined ? readYaml(filled, holes) : { value: undefined, mistake };
  const file = {
    functions: [],
    mistakes: read.mistake === undefined ? [] : [read.mistake],
    problems: [],
    unusedFields: new Map<string, Value>(),
    holes,
  };
  if (read.value === undefined) {
    return file;
  }
  if (read.value !== null && !(read.value instanceof Map)) {
    const got = describeValue(read.value);
    return { ...file, mistakes: [{ field: "line 1", expected: "a stack file", got }] };
  }
  return { ...file, ...readRoot(read.value ?? new Map<string, Value>(), holes) };
}

type Root = Pick<StackFile, "functions" | "problems" | "unusedFields">;

function readRoot(root: Map<string, Value>, holes: Holes): Root {
  const reader = new Reader();
  const version = reader.text(["version"], root.get("version"));
  if (version !== undefined && version !== "1.0") {
    reader.refuse(["version"], "1.0", version);
  }
  const unusedFields = readProvider(reader, root.get("provider"));
  for (const [name, value] of root) {
    if (name === "configuration") {
      unusedFields.set(name, value);
    } else if (!ROOT_FIELDS.includes(name)) {
      refuseField(reader, [name], { value, names: ROOT_FIELDS });
    }
  }
  const functions = [...reader.fields(["functions"], root.get("functions"))];
  if (functions.length === 0) {
    reader.refuse(["functions"], "functions by name", root.get("functions") ?? null);
  }
  return {
    functions: functions.map(([name, value]) => readFunction(name, value, holes)),
    problems: reader.problems,
    unusedFields,
  };
}

/** Returns the fields that have no effect. */
function readProvider(reader: Reader, value: Value | undefined): Map<string, Value> {
  const provider = reader.fields(["provider"], value);
  const name = provider.get("name") ?? null;
  if (name !== "openfaas") {
    reader.refuse(["provider", "name"], "openfaas", name);
  }
  provider.delete("name");
  for (const [field, each] of provider) {
    if (!PROVIDER_FIELDS.includes(field)) {
      provider.delete(field);
      refuseField(reader, ["provider", field], {
        value: each,
        names: ["name", ...PROVIDER_FIELDS],
      });
    }
  }
  return new Map([...provider].map(([field, each]) => [`provider.${field}`, each]));
}

/** Says of a field that there is not which there are. */
function refuseField(
  reader: Reader,
  path: readonly string[],
  { value, names }: { value: Value; names: readonly string[] },
): void {
  const expected = names.join(", ");
  reader.problems.push({ field: toField(path), expected, got: ANOTHER_FIELD, value });
}

function readFunction(name: string, value: Value, holes: Holes): StackFunction {
  const reader = new Reader();
  const path = ["functions", name];
  const given = reader.fields(path, value);
  const at = (field: string): [string[], Value | undefined] => [[...path, field], given.get(field)];
  for (const [field, each] of given) {
    if (!FUNCTION_FIELDS.includes(field)) {
      refuseField(reader, [...path, field], { value: each, names: FUNCTION_FIELDS });
    }
  }
  const isOpen = (text: string): boolean => holes.restore(text) !== text;
  const texts = {
    image: reader.text(...at("image")),
    fprocess: reader.text(...at("fprocess")),
    namespace: reader.text(...at("namespace")),
    readOnlyRootFilesystem: reader.flag(...at("readonly_root_filesystem"), isOpen),
  };
  return {
    name,
    ...dropAbsent(texts),
    environment: reader.map(...at("environment")),
    environmentFiles: reader.texts(...at("environment_file")),
    secrets: reader.texts(...at("secrets")),
    constraints: reader.texts(...at("constraints")),
    labels: reader.map(...at("labels")),
    annotations: reader.map(...at("annotations")),
    limits: readResources(reader, ...at("limits")),
    requests: readResources(reader, ...at("requests")),
    buildFields: new Map([...given].filter(([field]) => BUILD_FIELDS.includes(field))),
    problems: reader.problems,
  };
}

function readResources(
  reader: Reader,
  path: readonly string[],
  value: Value | undefined,
): StackResources {
  const fields = reader.fields(path, value);
  for (const [name, each] of fields) {
    if (!RESOURCE_FIELDS.includes(name)) {
      refuseField(reader, [...path, name], { value: each, names: RESOURCE_FIELDS });
    }
  }
  return dropAbsent({
    memory: reader.text([...path, "memory"], fields.get("memory")),
    cpu: reader.text([...path, "cpu"], fields.get("cpu")),
  });
}

function dropAbsent(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The variables of an environment file, and what is wrong with it. Nothing in it is replaced. */
export function readEnvironmentText(text: string): {
  environment: Record<string, string>;
  mistakes: Finding[];
} {
  const { value, mistake } = readYaml(text);
  if (mistake !== undefined) {
    return { environment: {}, mistakes: [mistake] };
  }
  const reader = new Reader();
  const fields = reader.fields(["file"], value);
  for (const [name, each] of fields) {
    if (name !== "environment") {
      refuseField(reader, [name], { value: each, names: ["environment"] });
    }
  }
  const environment = reader.map(["environment"], fields.get("environment"));
  return { environment, mistakes: reader.problems };
}
