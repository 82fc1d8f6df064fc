/** The deploy form's fields, and what is sent for them. */
import type { FunctionDeployment, FunctionDescription } from "../api/types.ts";
import { formatPairs, parsePairs } from "./pairs.ts";

/** Largest code that the gateway takes, bytes of UTF-8. */
export const MAX_CODE_BYTES = 256 * 1024;

export interface DeployFields {
  source: "image" | "code";
  name: string;
  namespace: string;
  image: string;
  code: string;
  envProcess: string;
  /** Lines of `NAME=value`. */
  envVars: string;
  labels: string;
  annotations: string;
  secrets: readonly string[];
  memoryLimit: string;
  cpuLimit: string;
  memoryRequest: string;
  cpuRequest: string;
  readOnlyRootFilesystem: boolean;
  /** What a function has that the form does not show, and that stays as it is. */
  kept: Pick<FunctionDeployment, "constraints" | "scale" | "limits" | "requests">;
}

/** What a new function's code begins with. */
export const CODE_TEMPLATE = `/** Answers each request to /function/<name>. */
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const name = searchParams.get("name") ?? "world";
    console.log(request.method, pathname);

    return Response.json({ hello: name });
  },
};
`;

export function emptyFields(namespace: string): DeployFields {
  return {
    source: "image",
    name: "",
    namespace,
    image: "",
    code: CODE_TEMPLATE,
    envProcess: "",
    envVars: "",
    labels: "",
    annotations: "",
    secrets: [],
    memoryLimit: "",
    cpuLimit: "",
    memoryRequest: "",
    cpuRequest: "",
    readOnlyRootFilesystem: false,
    kept: {},
  };
}

/**
 * The fields of a function that exists.
 *
 * @throws Error with a sentence when its code is not known: another text would take its place
 */
export function toFields(description: FunctionDescription): DeployFields {
  const { name, namespace, image, code } = description;
  if (code !== undefined && code.text === undefined) {
    throw new Error(`The code of ${name} cannot be read, so that it cannot be edited here.`);
  }
  return {
    ...emptyFields(namespace),
    source: code === undefined ? "image" : "code",
    name,
    image: code === undefined ? image : "",
    code: code?.text ?? CODE_TEMPLATE,
    envProcess: description.envProcess ?? "",
    envVars: formatPairs(description.envVars),
    labels: formatPairs(description.labels),
    annotations: formatPairs(description.annotations),
    secrets: description.secrets ?? [],
    ...toResourceFields(description),
    readOnlyRootFilesystem: description.readOnlyRootFilesystem ?? false,
    kept: toKept(description),
  };
}

function toKept({
  constraints,
  scale,
  limits,
  requests,
}: FunctionDescription): DeployFields["kept"] {
  return {
    ...(constraints !== undefined && { constraints }),
    ...(scale !== undefined && { scale }),
    limits: withoutFields(limits),
    requests: withoutFields(requests),
  };
}

/** Resources that have no field, such as GPUs. */
function withoutFields(resources: Record<string, string> = {}): Record<string, string> {
  const others = Object.entries(resources).filter(([name]) => name !== "memory" && name !== "cpu");
  return Object.fromEntries(others);
}

type ResourceFields = "memoryLimit" | "cpuLimit" | "memoryRequest" | "cpuRequest";

function toResourceFields({
  limits = {},
  requests = {},
}: FunctionDescription): Pick<DeployFields, ResourceFields> {
  return {
    memoryLimit: limits.memory ?? "",
    cpuLimit: limits.cpu ?? "",
    memoryRequest: requests.memory ?? "",
    cpuRequest: requests.cpu ?? "",
  };
}

/** @throws Error with a sentence for whoever fills in the form. */
export function toDeployment(fields: DeployFields): FunctionDeployment {
  const { name, namespace, envProcess, secrets, readOnlyRootFilesystem, kept } = fields;
  const limits = toResources(kept.limits, fields.memoryLimit, fields.cpuLimit);
  const requests = toResources(kept.requests, fields.memoryRequest, fields.cpuRequest);
  return {
    service: name.trim(),
    namespace,
    ...toSource(fields),
    ...(envProcess.trim() !== "" && { envProcess: envProcess.trim() }),
    ...toMap("envVars", "Environment", fields.envVars),
    ...toMap("labels", "Labels", fields.labels),
    ...toMap("annotations", "Annotations", fields.annotations),
    ...(secrets.length > 0 && { secrets: [...secrets] }),
    ...(kept.constraints !== undefined && { constraints: kept.constraints }),
    ...(kept.scale !== undefined && { scale: kept.scale }),
    ...(limits !== undefined && { limits }),
    ...(requests !== undefined && { requests }),
    ...(readOnlyRootFilesystem && { readOnlyRootFilesystem }),
  };
}

function toSource({ source, image, code }: DeployFields): { image: string } | { code: string } {
  if (source === "image") {
    return { image: image.trim() };
  }
  const bytes = new TextEncoder().encode(code).length;
  if (bytes > MAX_CODE_BYTES) {
    throw new Error(`The code must not be larger than ${MAX_CODE_BYTES} bytes, got ${bytes}.`);
  }
  return { code };
}

/** Nothing rather than an empty map, which an API server takes for null when it was not empty. */
function toMap(key: string, label: string, lines: string): Record<string, Record<string, string>> {
  try {
    const pairs = parsePairs(lines);
    return pairs.length === 0 ? {} : { [key]: Object.fromEntries(pairs) };
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error });
  }
}

function toResources(
  others: Record<string, string> | undefined,
  memory: string,
  cpu: string,
): Record<string, string> | undefined {
  const resources = {
    ...others,
    ...(memory.trim() !== "" && { memory: memory.trim() }),
    ...(cpu.trim() !== "" && { cpu: cpu.trim() }),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}
