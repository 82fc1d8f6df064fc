/** Profiles: what the platform offers to functions of Kubernetes' own fields of pods. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  CRD,
  DNS_NAME,
  dropEmptyFields,
  findProfileMistakes,
  isMatch,
  PROFILE,
  ProfileSpec,
  quote,
  toField,
  toText,
} from "../../contract/index.ts";
import { type ArgumentChecks, ArgumentError } from "../errors.ts";
import { checkTolerations } from "../kubernetes/pod-checks.ts";
import { toLabels, toMetadata } from "../kubernetes/pods.ts";
import {
  type PartContext,
  retainWithCluster,
  TAKE_OVER,
  toRetainedAnnotations,
} from "../kubernetes/workloads.ts";
import { toStructural } from "./structural-schema.ts";

type DefinitionSpec = k8s.types.input.apiextensions.v1.CustomResourceDefinitionSpec;

/**
 * A profile of functions, each field as Kubernetes has it. What a function says itself goes before:
 * its limits and requests, `readOnlyRootFilesystem`, the annotation `plonk/user`.
 */
export interface FunctionProfile {
  /** Taints of nodes on which the pods may run all the same. */
  tolerations?: pulumi.Input<pulumi.Input<k8s.types.input.core.v1.Toleration>[]>;
  /** On which nodes, and beside which pods, they run. */
  affinity?: pulumi.Input<k8s.types.input.core.v1.Affinity>;
  /**
   * How they are spread. One without `labelSelector` counts the function's own pods.
   * @default over nodes, as far as that goes
   */
  topologySpreadConstraints?: pulumi.Input<
    pulumi.Input<k8s.types.input.core.v1.TopologySpreadConstraint>[]
  >;
  /** RuntimeClass, e.g. of gVisor. */
  runtimeClassName?: pulumi.Input<string>;
  /** PriorityClass. */
  priorityClassName?: pulumi.Input<string>;
  /** @default "ClusterFirst" */
  dnsPolicy?: pulumi.Input<string>;
  /** Name servers and search domains beside those of `dnsPolicy`. */
  dnsConfig?: pulumi.Input<k8s.types.input.core.v1.PodDNSConfig>;
  /** Of the pod; a field that is left out is as the restricted standard has it. */
  podSecurityContext?: pulumi.Input<k8s.types.input.core.v1.PodSecurityContext>;
  /** Of the container; the same. */
  containerSecurityContext?: pulumi.Input<k8s.types.input.core.v1.SecurityContext>;
  /** Limits and requests of each resource that the function says nothing of. */
  resources?: pulumi.Input<k8s.types.input.core.v1.ResourceRequirements>;
  /** `Recreate` ends all old pods before new ones come. @default rolling, without a gap */
  strategy?: FunctionProfileStrategy;
}

/** How new pods take the place of old ones. */
export interface FunctionProfileStrategy {
  /** `RollingUpdate` or `Recreate`. */
  type: pulumi.Input<string>;
}

/** `metadata.name` of the definition. */
export const PROFILE_CRD_NAME = `${PROFILE.plural}.${PROFILE.group}`;

/** `spec` of the definition of Profiles. */
export function toProfileDefinition(): DefinitionSpec {
  return {
    group: PROFILE.group,
    scope: "Namespaced",
    names: {
      kind: PROFILE.kind,
      listKind: `${PROFILE.kind}List`,
      plural: PROFILE.plural,
      singular: "profile",
      categories: ["plonk"],
    },
    versions: [
      {
        name: PROFILE.version,
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            description: "What functions of the PLONK stack may have of Kubernetes' own.",
            required: ["spec"],
            properties: { spec: toStructural(ProfileSpec) },
          },
        },
      },
    ],
  };
}

/**
 * Creates the definition of Profiles.
 *
 * @param owners known when neither definition is another OpenFaaS'
 */
export function createProfileDefinition(
  context: PartContext,
  { adopt = false }: { adopt?: boolean },
  owners: pulumi.Output<pulumi.Resource[]>,
): k8s.apiextensions.v1.CustomResourceDefinition {
  return new k8s.apiextensions.v1.CustomResourceDefinition(
    `${context.name}-profiles`,
    {
      metadata: {
        name: PROFILE_CRD_NAME,
        labels: { ...toLabels("profiles"), [CRD.ownerLabel]: CRD.ownerValue },
        annotations: adopt ? TAKE_OVER : toRetainedAnnotations(context.options),
      },
      spec: toProfileDefinition(),
    },
    pulumi.mergeOptions(context.options, {
      dependsOn: owners,
      ...retainWithCluster(context.options),
    }),
  );
}

/** Creates the Profiles, in the platform's namespace. */
export function createProfiles(
  context: PartContext,
  checks: ArgumentChecks,
  { profiles, definition }: ProfileArgs,
): k8s.apiextensions.CustomResource[] {
  const options = pulumi.mergeOptions(context.options, { dependsOn: [definition] });
  return Object.entries(profiles).map(([name, profile]) => {
    const spec = checks.apply(profile, (known) => checkFunctionProfile(name, known as ProfileSpec));
    return new k8s.apiextensions.CustomResource(
      `${context.name}-profile-${name}`,
      {
        apiVersion: PROFILE.apiVersion,
        kind: PROFILE.kind,
        metadata: toMetadata("operator", context.namespace, name),
        spec,
      },
      pulumi.mergeOptions(options, { dependsOn: checks.passed }),
    );
  });
}

interface ProfileArgs {
  /** By name. */
  profiles: Record<string, FunctionProfile>;
  definition: pulumi.Resource;
}

/** Argument that profiles come from. */
const FIELD = "functionProfiles";

/** Throws unless each can name a profile. */
export function checkProfileNames(field: string, names: readonly string[]): void {
  for (const name of names) {
    if (name.length > 63 || !isMatch(DNS_NAME, name)) {
      throw new ArgumentError(
        `${field}: expected names of 1 to 63 lower-case letters, digits, hyphens and dots, ` +
          `got ${quote(name)}`,
      );
    }
  }
}

/**
 * Returns a profile of this name without fields that say nothing. Throws when Kubernetes would not
 * take it.
 */
export function checkFunctionProfile(name: string, profile: ProfileSpec): ProfileSpec {
  const at = toField([FIELD, name]);
  const given = dropEmptyFields(ProfileSpec, profile);
  const mistakes = findProfileMistakes(given).map((found) => ({
    ...found,
    field: found.field === "spec" ? at : `${at}.${found.field}`,
  }));
  if (mistakes.length > 0) {
    throw new ArgumentError(mistakes.map(toText).join("; "));
  }
  checkTolerations(`${at}.tolerations`, given.tolerations ?? []);
  return given;
}
