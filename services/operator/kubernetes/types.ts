/** Kubernetes objects in JSON: what the operator writes, and the parts that it reads. */
import type { ObjectMetadata } from "../../../contract/index.ts";

/** A class of the generated client as the plain JSON that the API server takes. */
export type Plain<T> = T extends Date
  ? string
  : T extends object
    ? { [K in keyof T]: Plain<T[K]> }
    : T;

export interface Metadata extends ObjectMetadata {
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
}

/** What one field manager has set. */
export interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: Fields;
}

/** A set of fields, in the notation of `fieldsV1`: of `f:name`, `k:{"name":"x"}` and such. */
export interface Fields {
  [key: string]: Fields;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** What conditions of Deployments and pods have in common. */
export interface ObjectCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

/** Of a copy that is kept: what others own of the spec (`findForeignFields`), if anything. */
interface WithForeign {
  foreign?: readonly string[];
}

export interface Deployment extends WithForeign {
  metadata: Metadata;
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    conditions?: ObjectCondition[];
  };
}

export interface Service extends WithForeign {
  metadata: Metadata;
}

export interface DisruptionBudget extends WithForeign {
  metadata: Metadata;
}

export interface Namespace {
  metadata: Metadata;
}

export interface ConfigMap {
  metadata: Metadata;
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  terminated?: { reason?: string; message?: string; exitCode: number; signal?: number };
  running?: unknown;
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount?: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface Pod {
  metadata: Metadata;
  spec?: {
    volumes?: { configMap?: { name?: string } }[];
    containers?: { env?: { name: string; value?: string }[] }[];
  };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: ObjectCondition[];
    containerStatuses?: ContainerStatus[];
  };
}
