/** What the body's schema cannot say of a deployment, found before Kubernetes or the operator. */
import {
  findMistakes,
  type FunctionDeployment,
  type SpecPart,
  toText,
} from "../../../contract/index.ts";
import { findQueueMistake } from "../../../contract/queue/index.ts";
import { failures, HttpError } from "../errors.ts";

/** The REST API's names of fields, where they are not those of the custom resource. */
const NAMES: Readonly<Record<string, string>> = {
  name: "service",
  handler: "envProcess",
  environment: "envVars",
};

/**
 * Throws a BadRequest that names the mistakes of a deployment, if it has any.
 *
 * @param queueNames queues beside the usual one
 */
export function checkDeployment(
  deployment: FunctionDeployment,
  queueNames: readonly string[],
): void {
  const unknownQueue = findQueueMistake(deployment.annotations, queueNames);
  const mistakes = [
    ...findMistakes(toSpecPart(deployment), toRestName),
    ...(unknownQueue === undefined ? [] : [unknownQueue]),
  ];
  if (mistakes.length > 0) {
    throw new HttpError(failures.badRequest(mistakes.map(toText).join("; ")));
  }
}

function toRestName(field: string): string {
  return field.replace(/^\w+/, (name) => NAMES[name] ?? name);
}

function toSpecPart(deployment: FunctionDeployment): SpecPart {
  const { service, envProcess, envVars, code, ...same } = deployment;
  return {
    ...same,
    name: service,
    ...(envProcess !== undefined && { handler: envProcess }),
    ...(envVars !== undefined && { environment: envVars }),
    // The text has checks of its own; its ConfigMap is named later.
    ...(code !== undefined && { code: { configMap: service } }),
  };
}
