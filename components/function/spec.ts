/** `spec` of a Function resource from component arguments. */
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION, type FunctionSpec, LABEL } from "../../contract/index.ts";
import type { ArgumentChecks } from "../errors.ts";
import type { FunctionOptions, FunctionResources } from "./args.ts";
import {
  checkConstraint,
  checkLabels,
  checkQuantity,
  checkScale,
  checkSecretName,
  checkTimeout,
  type ScaleValues,
} from "./validation.ts";

/** `spec` with Inputs, as the Kubernetes provider takes it. */
export type SpecInputs = Partial<
  Record<Exclude<keyof FunctionSpec, "replicas">, pulumi.Input<unknown>>
>;

/** The part of `spec` that does not depend on what the function is made of. */
export function toSpec(checks: ArgumentChecks, args: FunctionOptions): SpecInputs {
  const { environment, secrets, constraints, readOnlyRootFilesystem } = args;
  const { timeoutSeconds, limits, requests } = args;
  // Compared with undefined all of them: 0 and "" are to be refused, not left out.
  const timeout =
    timeoutSeconds === undefined ? undefined : checks.apply(timeoutSeconds, checkTimeout);
  const scale =
    args.scale === undefined
      ? undefined
      : checks.apply<ScaleInputs, ScaleValues>(args.scale, checkScale);
  return dropUndefined({
    environment: timeout ? toEnvironment(environment, timeout) : environment,
    labels: toLabels(checks, args.labels, scale),
    secrets: secrets?.map((name) => checks.apply(name, checkSecretName)),
    annotations: toAnnotations(args),
    constraints: constraints?.map((constraint) => checks.apply(constraint, checkConstraint)),
    limits: limits === undefined ? undefined : toResources(checks, "limits", limits),
    requests: requests === undefined ? undefined : toResources(checks, "requests", requests),
    readOnlyRootFilesystem,
  });
}

type LabelInputs = NonNullable<FunctionOptions["labels"]>;
type ScaleInputs = NonNullable<FunctionOptions["scale"]>;

/** The watchdog's time-outs, unless the environment sets its own. */
function toEnvironment(
  environment: FunctionOptions["environment"],
  timeoutSeconds: pulumi.Output<number>,
): FunctionOptions["environment"] {
  const timeout = pulumi.interpolate`${timeoutSeconds}s`;
  return { exec_timeout: timeout, read_timeout: timeout, write_timeout: timeout, ...environment };
}

function toAnnotations({
  annotations,
  private: isPrivate,
}: FunctionOptions): FunctionOptions["annotations"] {
  return isPrivate === undefined
    ? annotations
    : { ...annotations, [ANNOTATION.private]: pulumi.interpolate`${isPrivate}` };
}

/** OpenFaaS keeps the scale in labels. */
function toLabels(
  checks: ArgumentChecks,
  labels: FunctionOptions["labels"],
  scale: pulumi.Output<ScaleValues> | undefined,
): pulumi.Output<Record<string, string>> | undefined {
  if (labels === undefined && scale === undefined) {
    return undefined;
  }
  const own = checks.apply<LabelInputs, Record<string, string>>(labels ?? {}, checkLabels);
  return pulumi
    .all([own, scale])
    .apply(([given, values]) => ({ ...given, ...(values && toScaleLabels(values)) }));
}

/** The labels `com.openfaas.scale.*` for those values that are given. */
export function toScaleLabels(scale: ScaleValues): Record<string, string> {
  const { zeroAfterSeconds } = scale;
  const values = {
    [LABEL.scaleMin]: scale.min,
    [LABEL.scaleMax]: scale.max,
    [LABEL.scaleFactor]: scale.factorPercent,
    [LABEL.scaleZero]: scale.zero,
    [LABEL.scaleZeroDuration]: zeroAfterSeconds === undefined ? undefined : `${zeroAfterSeconds}s`,
    [LABEL.scaleType]: scale.type,
    [LABEL.scaleTarget]: scale.target,
  };
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([label, value]) => [label, String(value)]));
}

function toResources(
  checks: ArgumentChecks,
  field: "limits" | "requests",
  resources: FunctionResources,
): Record<string, pulumi.Output<string>> {
  const entries = Object.entries(resources) as [string, pulumi.Input<string> | undefined][];
  const given = entries.flatMap(([name, quantity]) =>
    quantity === undefined ? [] : [{ name, quantity }],
  );
  return Object.fromEntries(
    given.map(({ name, quantity }) => {
      const check = (value: string): string => checkQuantity(`${field}.${name}`, value);
      return [name, checks.apply(quantity, check)];
    }),
  );
}

function dropUndefined(fields: SpecInputs): SpecInputs {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
