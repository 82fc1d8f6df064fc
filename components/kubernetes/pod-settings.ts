/** What becomes of a program's options for the pods of one workload. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentChecks } from "../errors.ts";
import { checkLabels } from "../labels.ts";
import { checkAnnotations, checkPullSecrets, checkTolerations, OWN_LABELS } from "./pod-checks.ts";
import type { PodDefaults, PodOptions } from "./pod-options.ts";
import type { ContainerSize } from "./pods.ts";
import { type Resources, toLimitMiB, toResources, toUsualResources } from "./resources.ts";

type PodSpec = k8s.types.input.core.v1.PodSpec;
type Texts = pulumi.Output<Record<string, string>>;

/** Options of a workload, checked, with the defaults for all pods and those of the profile. */
export interface PodSettings {
  /** Of its container. */
  resources: pulumi.Input<Resources>;
  /** Limit of the container's memory, MiB. */
  limitMiB: pulumi.Output<number>;
  /** Beside the platform's own labels. */
  labels?: Texts;
  /** Beside the platform's own annotations. */
  annotations?: Texts;
  /** Where the pods may run, and with which logins they pull. */
  spec: Pick<PodSpec, keyof PodDefaults>;
  /** For `dependsOn` of the workload. */
  passed: pulumi.Output<pulumi.Resource[]>;
}

/** Options for the pods of a workload, as they come. */
export interface PodRequest {
  /** Argument of the part that they come from. */
  field: string;
  /** Undefined for none. */
  options: PodOptions | undefined;
  /** Its container's size by the profile. */
  size: ContainerSize;
}

/** The part on whose row wrong options are told, and its defaults. */
interface Place {
  part: pulumi.ComponentResource;
  pods: PodDefaults;
}

/** Checks the options of a workload, and fills in what they leave out. */
export function toPodSettings({ part, pods }: Place, request: PodRequest): PodSettings {
  const { field, options = {}, size } = request;
  const checks = new ArgumentChecks(part);
  const { resources: given, labels, annotations } = options;
  const resources =
    given === undefined
      ? pulumi.output(toUsualResources(size))
      : checks.apply(given, (known) => toResources(`${field}.resources`, known, size));
  return {
    resources,
    limitMiB: resources.apply(toLimitMiB),
    ...(labels && {
      labels: checks.apply(labels, (known) => checkLabels(`${field}.labels`, known, OWN_LABELS)),
    }),
    ...(annotations && {
      annotations: checks.apply(annotations, (known) =>
        checkAnnotations(`${field}.annotations`, known),
      ),
    }),
    spec: checkDefaults(checks, field, { ...pods, ...options }),
    passed: checks.passed,
  };
}

/** Checks those options that are for all pods of a part; of others it takes no notice. */
export function checkDefaults(
  checks: ArgumentChecks,
  field: string,
  { nodeSelector, tolerations, imagePullSecrets }: PodDefaults,
): Pick<PodSpec, keyof PodDefaults> {
  return {
    ...(nodeSelector && {
      nodeSelector: checks.apply(nodeSelector, (known) =>
        checkLabels(`${field}.nodeSelector`, known),
      ),
    }),
    ...(tolerations && {
      tolerations: checks.apply(tolerations, (known) =>
        checkTolerations(`${field}.tolerations`, known),
      ),
    }),
    ...(imagePullSecrets && {
      imagePullSecrets: checks.apply(imagePullSecrets, (known) =>
        checkPullSecrets(`${field}.imagePullSecrets`, known),
      ),
    }),
  };
}
