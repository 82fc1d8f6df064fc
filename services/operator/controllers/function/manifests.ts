/** A Function's Deployment and Service, as the operator applies them. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import {
  type CallTimeouts,
  CRD,
  type FunctionResource,
  LABEL,
  PORT,
} from "../../../../contract/index.ts";
import type { OwnerReference, Plain } from "../../kubernetes/types.ts";
import { initialReplicas } from "../../validate.ts";
import { type RegistryLogins, toPodTemplate } from "./pod-template.ts";

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

/**
 * The Deployment. New pods are ready before old ones go, so that no call fails meanwhile.
 * @param timeouts - the platform's, which the function's labels may change
 */
export function toDeployment(
  resource: FunctionResource,
  timeouts: CallTimeouts,
  logins?: RegistryLogins,
): Plain<V1Deployment> {
  const { spec } = resource;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: toMetadata(resource),
    spec: {
      replicas: spec.replicas ?? initialReplicas(resource),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
      selector: { matchLabels: { [LABEL.function]: spec.name } },
      strategy: {
        type: "RollingUpdate",
        rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" },
      },
      template: toPodTemplate(resource, timeouts, logins),
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
