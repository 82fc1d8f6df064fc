/** Functions as the REST API writes and shows them. */
import {
  ANNOTATION,
  CRD,
  FIELD_MANAGER,
  type FunctionDeployment,
  type FunctionDescription,
  type FunctionResource,
  type FunctionSpec,
  LABEL,
  SHARED_FIELDS,
} from "../../../contract/index.ts";
import { desiredReplicas } from "../cluster/scaling.ts";
import { failures, HttpError } from "../errors.ts";

/** A Function as the gateway applies it. */
export type AppliedFunction = Pick<FunctionResource, "apiVersion" | "kind" | "metadata" | "spec">;

/**
 * What is applied for a deployment: exactly the fields that were sent, never the replicas. Image
 * and code come apart, since code brings the runtime image with it.
 */
export function toApplied(
  deployment: FunctionDeployment,
  namespace: string,
  source: Pick<FunctionSpec, "image" | "code">,
): AppliedFunction {
  const { service, envProcess, envVars } = deployment;
  return {
    apiVersion: CRD.apiVersion,
    kind: CRD.kind,
    metadata: { name: service, namespace },
    spec: {
      name: service,
      ...source,
      ...(envProcess !== undefined && { handler: envProcess }),
      ...(envVars !== undefined && { environment: envVars }),
      ...pickShared(deployment),
    },
  };
}

/** A Function as `GET /system/functions` shows it: what was not sent is not there. */
export function toDescription(
  resource: FunctionResource,
  invocationCount: number | undefined,
): FunctionDescription {
  const { metadata, spec, status } = resource;
  return {
    name: metadata.name,
    image: spec.image,
    namespace: metadata.namespace,
    ...(spec.code !== undefined && { code: spec.code }),
    ...(spec.handler !== undefined && { envProcess: spec.handler }),
    ...(spec.environment !== undefined && { envVars: spec.environment }),
    ...pickShared(spec),
    ...dropZeros({
      invocationCount,
      replicas: desiredReplicas(resource),
      availableReplicas: status?.availableReplicas,
    }),
    createdAt: metadata.creationTimestamp ?? "",
  };
}

/** Go's `omitempty`: zero is as good as absent. */
function dropZeros<K extends string>(
  counts: Record<K, number | undefined>,
): Partial<Record<K, number>> {
  const entries = Object.entries(counts) as [K, number | undefined][];
  return Object.fromEntries(
    entries.filter(([, count]) => count !== undefined && count > 0),
  ) as Partial<Record<K, number>>;
}

/** All of them: a field that is not carried over would be accepted and then without effect. */
const SHARED = Object.keys(SHARED_FIELDS) as (keyof typeof SHARED_FIELDS)[];

type Shared = Pick<FunctionSpec, keyof typeof SHARED_FIELDS>;

function pickShared(source: Shared): Shared {
  return Object.fromEntries(
    SHARED.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])),
  );
}

/** What ownership is read from; every Kubernetes object has it. */
export interface OwnedObject {
  metadata: {
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    managedFields?: { manager?: string }[];
  };
}

/**
 * Who forbids a change by the REST API, in words; undefined when nobody does. Pulumi's resources
 * are changed by their program, unless they are annotated otherwise.
 */
export function foreignOwner({ metadata }: OwnedObject): string | undefined {
  const { labels = {}, annotations = {}, managedFields = [] } = metadata;
  if (isOverrideAllowed({ metadata: { annotations } })) {
    return undefined;
  }
  const manager = managedFields.find((entry) =>
    entry.manager?.startsWith(FIELD_MANAGER.pulumiPrefix),
  )?.manager;
  if (manager !== undefined) {
    return `Pulumi (field manager ${manager})`;
  }
  return labels[LABEL.secretManagedBy] === "pulumi" ? "Pulumi (label managed-by)" : undefined;
}

/** Throws a Conflict when somebody else manages the object, named by `subject`. */
export function refuseForeign(object: OwnedObject, subject: string, change = "change"): void {
  const owner = foreignOwner(object);
  if (owner !== undefined) {
    throw new HttpError(failures.conflict(`${subject} is managed by ${owner}: ${change} it there`));
  }
}

/** Whether the object is annotated to be changed by the REST API whoever else manages it. */
export function isOverrideAllowed({ metadata }: OwnedObject): boolean {
  const value = metadata.annotations?.[ANNOTATION.allowOverride];
  return value !== undefined && value !== "false";
}
