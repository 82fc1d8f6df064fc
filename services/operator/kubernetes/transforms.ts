/** What the informers keep of each object: managed fields, which are never read, are most of it. */
import { WATCHDOG_ENV } from "../../../contract/environment/watchdog.ts";
import {
  ANNOTATION,
  dropEmptyFields,
  type FunctionResource,
  FunctionSpec,
  LABEL,
  type ProfileResource,
  ProfileSpec,
} from "../../../contract/index.ts";
import { pick } from "../../lib/pick.ts";
import {
  DEPLOYMENT_SHARED,
  type FieldPath,
  findForeignFields,
  SERVICE_SHARED,
} from "./foreign-fields.ts";
import type {
  ContainerState,
  ContainerStatus,
  Deployment,
  DisruptionBudget,
  Metadata,
  Pod,
  Service,
} from "./types.ts";

const KEPT_OF_PODS = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
] as const;

const KEPT = [...KEPT_OF_PODS, "generation", "labels", "annotations"] as const;

type TrimmedMetadata<M extends Metadata> = Pick<M, (typeof KEPT)[number]>;

function trimMetadata<M extends Metadata>(metadata: M): TrimmedMetadata<M> {
  return pick(metadata, KEPT);
}

/** Metadata alone. */
export function trimToMetadata({ metadata }: { metadata: Metadata }): { metadata: Metadata } {
  return { metadata: trimMetadata(metadata) };
}

/**
 * Without fields of the spec that say nothing, so that a handler `""` is none; of its annotations
 * one is read, and kubectl's repeats all of the spec.
 */
export function trimFunction(resource: FunctionResource): FunctionResource {
  const { annotations, ...metadata } = trimMetadata(resource.metadata);
  const read = pick(annotations ?? {}, [ANNOTATION.restartedAt]);
  return {
    ...resource,
    metadata: { ...metadata, ...(Object.keys(read).length > 0 && { annotations: read }) },
    spec: dropEmptyFields(FunctionSpec, resource.spec),
  };
}

/** Without fields that say nothing, too. */
export function trimProfile({ metadata, spec = {} }: ProfileResource): ProfileResource {
  return { metadata: trimMetadata(metadata), spec: dropEmptyFields(ProfileSpec, spec) };
}

export function trimDeployment({ metadata, spec, status }: Deployment): Deployment {
  return {
    ...trimOwned(metadata, DEPLOYMENT_SHARED),
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
    ...(status && { status: trimDeploymentStatus(status) }),
  };
}

function trimDeploymentStatus(
  status: NonNullable<Deployment["status"]>,
): NonNullable<Deployment["status"]> {
  const { conditions } = status;
  return {
    ...pick(status, ["observedGeneration", "replicas", "updatedReplicas", "availableReplicas"]),
    ...(conditions && {
      conditions: conditions.map((it) => pick(it, ["type", "status", "reason", "message"])),
    }),
  };
}

export function trimService({ metadata }: Service): Service {
  return trimOwned(metadata, SERVICE_SHARED);
}

export function trimBudget({ metadata }: DisruptionBudget): DisruptionBudget {
  return trimOwned(metadata, []);
}

/** Metadata with the owners of an object that the operator writes, and what others wrote. */
function trimOwned(
  metadata: Metadata,
  shared: readonly FieldPath[],
): Pick<Service, "metadata" | "foreign"> {
  const { ownerReferences, managedFields } = metadata;
  const foreign = findForeignFields(managedFields, shared);
  return {
    metadata: { ...trimMetadata(metadata), ...(ownerReferences && { ownerReferences }) },
    ...(foreign.length > 0 && { foreign }),
  };
}

/** Of the spec, which code it has; of the status, what tells why it is not ready. */
export function trimPod({ metadata, spec, status }: Pod): Pod {
  const { labels } = metadata;
  const volumes = spec?.volumes?.filter(({ configMap }) => configMap !== undefined) ?? [];
  const variables = spec?.containers?.flatMap(({ env = [] }) => env) ?? [];
  const modules = variables.filter(({ name }) => name === WATCHDOG_ENV.module);
  return {
    metadata: {
      ...pick(metadata, KEPT_OF_PODS),
      ...(labels && { labels: pick(labels, [LABEL.function]) }),
    },
    spec: { volumes, ...(modules.length > 0 && { containers: [{ env: modules }] }) },
    ...(status && { status: trimPodStatus(status) }),
  };
}

function trimPodStatus(status: NonNullable<Pod["status"]>): NonNullable<Pod["status"]> {
  const { conditions, containerStatuses } = status;
  const scheduled = conditions?.find(({ type }) => type === "PodScheduled");
  return {
    ...pick(status, ["phase", "reason", "message"]),
    ...(scheduled && { conditions: [pick(scheduled, ["type", "status", "message"])] }),
    ...(containerStatuses && { containerStatuses: containerStatuses.map(trimContainer) }),
  };
}

function trimContainer(container: ContainerStatus): ContainerStatus {
  const { state, lastState } = container;
  return {
    ...pick(container, ["name", "ready", "restartCount"]),
    ...(state && { state: trimState(state) }),
    ...(lastState && { lastState: trimState(lastState) }),
  };
}

function trimState(state: ContainerState): ContainerState {
  return pick(state, ["waiting", "terminated"]);
}
