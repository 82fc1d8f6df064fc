/** A Function's Deployment and Service, as the operator applies them. */
import type {
  V1Deployment,
  V1DeploymentStrategy,
  V1PodDisruptionBudget,
  V1Service,
} from "@kubernetes/client-node";
import {
  ANNOTATION,
  type CallTimeouts,
  CRD,
  type FunctionResource,
  LABEL,
  mergeProfiles,
  PORT,
} from "../../../../contract/index.ts";
import type { OwnerReference, Plain } from "../../kubernetes/types.ts";
import { initialReplicas } from "../../validate.ts";
import { type PodParts, toPodTemplate } from "./pod-template.ts";

/** How long a rollout, or a scaling, may be without any progress. */
export const PROGRESS_DEADLINE_SECONDS = 120;

/** Makes the Function the owner of an object, which is deleted with it. */
export function toOwnerReference({ metadata }: FunctionResource): OwnerReference {
  return {
    apiVersion: CRD.apiVersion,
    kind: CRD.kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** A Deployment with all that the operator sets. */
export type WantedDeployment = Plain<V1Deployment> & {
  spec: { replicas: number; template: object };
};

/**
 * The Deployment. New pods are ready before old ones go, so that no call fails meanwhile.
 * @param timeouts - the platform's, which the function's labels may change
 */
export function toDeployment(
  resource: FunctionResource,
  timeouts: CallTimeouts,
  parts?: PodParts,
): WantedDeployment {
  const { spec } = resource;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: toDeploymentMetadata(resource, parts),
    spec: {
      replicas: spec.replicas ?? initialReplicas(resource),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
      selector: { matchLabels: { [LABEL.function]: spec.name } },
      strategy: toStrategy(parts),
      template: toPodTemplate(resource, timeouts, parts),
    },
  };
}

/** All old pods go before new ones come, where a profile says so. */
function toStrategy({ profiles = [] }: Partial<PodParts> = {}): Plain<V1DeploymentStrategy> {
  const { strategy } = mergeProfiles(profiles.map(([, profile]) => profile));
  return strategy?.type === "Recreate"
    ? { type: "Recreate" }
    : { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } };
}

/** With the profiles as they are now: pods go on with them when one of them has gone. */
function toDeploymentMetadata(
  resource: FunctionResource,
  { profiles = [] }: Partial<PodParts> = {},
): ReturnType<typeof toMetadata> {
  const metadata = toMetadata(resource);
  return profiles.length === 0
    ? metadata
    : {
        ...metadata,
        annotations: {
          ...metadata.annotations,
          [ANNOTATION.appliedProfiles]: JSON.stringify(profiles),
        },
      };
}

/** The Service by which other pods can reach the function directly. */
export function toService(resource: FunctionResource): Plain<V1Service> {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: toMetadata(resource),
    spec: {
      type: "ClusterIP",
      selector: { [LABEL.function]: resource.spec.name },
      ports: [{ name: "http", port: PORT.function, targetPort: "http", protocol: "TCP" }],
    },
  };
}

/**
 * How many of its pods may be taken away at once by whoever drains nodes: a quarter, and one at
 * least. Pods that are not ready anyway hold up nobody.
 */
export function toDisruptionBudget(resource: FunctionResource): Plain<V1PodDisruptionBudget> {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: toMetadata(resource),
    spec: {
      maxUnavailable: "25%",
      selector: { matchLabels: { [LABEL.function]: resource.spec.name } },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}

function toMetadata(resource: FunctionResource): NonNullable<Plain<V1Deployment>["metadata"]> {
  const { metadata, spec } = resource;
  return {
    name: spec.name,
    namespace: metadata.namespace,
    labels: {
      ...spec.labels,
      [LABEL.function]: spec.name,
      "app.kubernetes.io/managed-by": "plonk",
    },
    ...(spec.annotations !== undefined && { annotations: spec.annotations }),
    ownerReferences: [toOwnerReference(resource)],
  };
}
