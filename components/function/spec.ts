/** `spec` of a Function resource from component arguments. */
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION, type FunctionSpec } from "../../contract/index.ts";
import type { ArgumentChecks } from "../errors.ts";
import type { FunctionOptions, FunctionResources } from "./args.ts";
import { hasScaleSpec, type ScaleValues, toScaleLabels, toScaleSpec } from "./scale.ts";
import { checkScaleInputs } from "./scale-inputs.ts";
import {
  checkEntry,
  checkItem,
  checkProfileName,
  checkResources,
  checkTexts,
  checkTimeout,
} from "./validation.ts";

/** `spec` with Inputs, as the Kubernetes provider takes it. */
export type SpecInputs = Partial<
  Record<Exclude<keyof FunctionSpec, "replicas">, pulumi.Input<unknown>>
>;

/** The part of `spec` that does not depend on what the function is made of. */
export function toSpec(checks: ArgumentChecks, args: FunctionOptions): SpecInputs {
  const { environment, secrets, constraints, readOnlyRootFilesystem } = args;
  const { timeoutSeconds, limits, requests } = args;
  // Compared with undefined all of them: 0 is to be refused, not left out.
  const timeout =
    timeoutSeconds === undefined ? undefined : checks.apply(timeoutSeconds, checkTimeout);
  const scale = toScale(checks, args);
  checkUnchanged(checks, args);
  if (requests !== undefined) {
    // Each of them is right by itself: what is left is whether they go together.
    const both = { limits: dropUndefined(limits ?? {}), requests: dropUndefined(requests) };
    checks.apply(both as ResourceInputs, checkResources);
  }
  return dropUndefined({
    environment: timeout ? toEnvironment(environment, timeout) : environment,
    labels: toLabels(checks, args.labels, scale),
    scale: toOwnScale(args.scale, scale),
    secrets: secrets?.map((name, index) =>
      checks.apply(name, (value) => checkItem("secrets", index, value)),
    ),
    annotations: toAnnotations(checks, args),
    constraints: constraints?.map((constraint, index) =>
      checks.apply(constraint, (value) => checkItem("constraints", index, value)),
    ),
    limits: limits === undefined ? undefined : toResources(checks, "limits", limits),
    requests: requests === undefined ? undefined : toResources(checks, "requests", requests),
    readOnlyRootFilesystem,
  });
}

type LabelInputs = NonNullable<FunctionOptions["labels"]>;
type ResourceInputs = Record<"limits" | "requests", Record<string, pulumi.Input<string>>>;

function toScale(
  checks: ArgumentChecks,
  { scale, labels = {} }: FunctionOptions,
): pulumi.Output<ScaleValues> | undefined {
  return scale === undefined ? undefined : checkScaleInputs(checks, { scale, labels });
}

/** What no label says. */
function toOwnScale(
  given: FunctionOptions["scale"],
  scale: pulumi.Output<ScaleValues> | undefined,
): pulumi.Output<unknown> | undefined {
  return hasScaleSpec(given) ? scale?.apply(toScaleSpec) : undefined;
}

/** The watchdog's time-outs, unless the environment sets its own. */
function toEnvironment(
  environment: FunctionOptions["environment"],
  timeoutSeconds: pulumi.Output<number>,
): FunctionOptions["environment"] {
  const timeout = pulumi.interpolate`${timeoutSeconds}s`;
  return { exec_timeout: timeout, read_timeout: timeout, write_timeout: timeout, ...environment };
}

function toAnnotations(
  checks: ArgumentChecks,
  { annotations, profiles = [], private: isPrivate }: FunctionOptions,
): FunctionOptions["annotations"] {
  const own = {
    ...(isPrivate !== undefined && { [ANNOTATION.private]: pulumi.interpolate`${isPrivate}` }),
    ...(profiles.length > 0 && { [ANNOTATION.profile]: joinProfiles(checks, profiles) }),
  };
  return Object.keys(own).length === 0 ? annotations : { ...annotations, ...own };
}

function joinProfiles(
  checks: ArgumentChecks,
  profiles: readonly pulumi.Input<string>[],
): pulumi.Output<string> {
  const names = profiles.map((name, index) =>
    checks.apply(name, (known) => checkProfileName(index, known)),
  );
  return pulumi.all(names).apply((known) => known.join(","));
}

/** The labels as given, and those of the scale. */
function toLabels(
  checks: ArgumentChecks,
  labels: FunctionOptions["labels"],
  scale: pulumi.Output<ScaleValues> | undefined,
): pulumi.Output<Record<string, string>> | undefined {
  const own = checks.apply<LabelInputs, Record<string, string>>(labels ?? {}, (given) =>
    checkTexts("labels", given),
  );
  if (scale === undefined) {
    return labels === undefined ? undefined : own;
  }
  return pulumi.all([own, scale]).apply(([given, values]) => ({
    ...given,
    ...toScaleLabels(values),
  }));
}

function toResources(
  checks: ArgumentChecks,
  map: "limits" | "requests",
  resources: FunctionResources,
): Record<string, pulumi.Output<string | undefined>> {
  const given = toGiven(resources as Record<string, pulumi.Input<string> | undefined>);
  return Object.fromEntries(
    given.map(([key, quantity]) => [
      key,
      checks.apply(quantity, (value) => checkEntry({ map, key }, value)),
    ]),
  );
}

/** Checks what stays as it was given: one unknown value shall not hide the others in a preview. */
function checkUnchanged(checks: ArgumentChecks, args: FunctionOptions): void {
  for (const [key, value] of toGiven(args.environment ?? {})) {
    checks.apply(value, (text) => checkEntry({ map: "environment", key }, text));
  }
  checks.apply<LabelInputs, unknown>(args.annotations ?? {}, (given) =>
    checkTexts("annotations", given),
  );
}

function toGiven<T>(record: Record<string, T | undefined>): [string, T][] {
  return Object.entries(record).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as [string, T]],
  );
}

function dropUndefined<T extends object>(fields: T): T {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}
