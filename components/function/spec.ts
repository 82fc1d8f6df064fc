/** `spec` of a Function resource from component arguments. */
import * as pulumi from "@pulumi/pulumi";
import { LABEL, type FunctionSpec } from "../../services/contract/index.ts";
import { checkFor } from "../errors.ts";
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
export type SpecInputs = {
  [Field in Exclude<keyof FunctionSpec, "replicas">]?: pulumi.Input<unknown>;
};

/** The part of `spec` that does not depend on what the function is made of. */
export function toSpec(resource: pulumi.Resource, args: FunctionOptions): SpecInputs {
  const check = <T, U>(value: pulumi.Input<T>, test: (known: pulumi.Unwrap<T>) => U) =>
    pulumi.output(value).apply((known) => checkFor(resource, () => test(known)));
  const { environment, secrets, annotations, constraints, readOnlyRootFilesystem } = args;
  return dropUndefined({
    environment: toEnvironment(
      environment,
      args.timeoutSeconds && check(args.timeoutSeconds, checkTimeout),
    ),
    labels: toLabels(args.labels, args.scale && check<ScaleInputs, ScaleValues>(args.scale, checkScale)),
    secrets: secrets?.map((name) => check(name, checkSecretName)),
    annotations,
    constraints: constraints?.map((constraint) => check(constraint, checkConstraint)),
    limits: toResources(resource, "limits", args.limits),
    requests: toResources(resource, "requests", args.requests),
    readOnlyRootFilesystem,
  });
}

type ScaleInputs = NonNullable<FunctionOptions["scale"]>;

/** The watchdog's time-outs, unless the environment sets its own. */
function toEnvironment(
  environment: FunctionOptions["environment"],
  timeoutSeconds: pulumi.Output<number> | undefined | 0,
): FunctionOptions["environment"] {
  if (!timeoutSeconds) return environment;
  const timeout = pulumi.interpolate`${timeoutSeconds}s`;
  return { exec_timeout: timeout, read_timeout: timeout, write_timeout: timeout, ...environment };
}

/** OpenFaaS keeps the scale in labels. */
function toLabels(
  labels: FunctionOptions["labels"],
  scale: pulumi.Output<ScaleValues> | undefined,
): pulumi.Input<Record<string, pulumi.Input<string>>> | undefined {
  if (!scale) return labels;
  return pulumi.all([labels ?? {}, scale]).apply(([own, values]) => ({
    ...own,
    ...toScaleLabels(values),
  }));
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
  resource: pulumi.Resource,
  field: "limits" | "requests",
  resources: FunctionResources | undefined,
): Record<string, pulumi.Output<string>> | undefined {
  if (!resources) return undefined;
  const entries = Object.entries(resources) as [string, pulumi.Input<string> | undefined][];
  return Object.fromEntries(
    entries.flatMap(([name, quantity]) => {
      if (quantity === undefined) return [];
      const checked = pulumi
        .output(quantity)
        .apply((value) => checkFor(resource, () => checkQuantity(`${field}.${name}`, value)));
      return [[name, checked]];
    }),
  );
}

function dropUndefined(fields: SpecInputs): SpecInputs {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
