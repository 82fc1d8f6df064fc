/** `spec` of a Function resource from component arguments. */
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION, LABEL, type FunctionSpec } from "../../services/contract/index.ts";
import type { ArgumentChecks } from "../errors.ts";
import type { FunctionOptions, FunctionResources } from "./args.ts";
import {
  checkConstraint,
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
  const timeout = args.timeoutSeconds && checks.apply(args.timeoutSeconds, checkTimeout);
  const scale = args.scale && checks.apply<ScaleInputs, ScaleValues>(args.scale, checkScale);
  return dropUndefined({
    environment: timeout ? toEnvironment(environment, timeout) : environment,
    labels: scale ? toLabels(args.labels, scale) : args.labels,
    secrets: secrets?.map((name) => checks.apply(name, checkSecretName)),
    annotations: toAnnotations(args),
    constraints: constraints?.map((constraint) => checks.apply(constraint, checkConstraint)),
    limits: args.limits && toResources(checks, "limits", args.limits),
    requests: args.requests && toResources(checks, "requests", args.requests),
    readOnlyRootFilesystem,
  });
}

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
  labels: FunctionOptions["labels"],
  scale: pulumi.Output<ScaleValues>,
): pulumi.Output<Record<string, string>> {
  return pulumi
    .all([labels ?? {}, scale])
    .apply(([own, values]): Record<string, string> => ({ ...own, ...toScaleLabels(values) }));
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
