/** The Function custom resource, `openfaas.com/v1`: the only record of a function. */
import { type Static, Type } from "typebox";
import { FUNCTION_PATHS } from "./names.ts";

const StringMap = Type.Record(Type.String(), Type.String());

/** A DNS-1123 label: what a function's name must be (RFC 1123; it names Services and pods). */
export const FunctionName = Type.String({
  pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
  minLength: 1,
  maxLength: 63,
  description:
    "1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends (RFC 1123)",
});

/** Kubernetes quantities, e.g. `128Mi` and `100m`. */
const Resources = Type.Object(
  { memory: Type.Optional(Type.String()), cpu: Type.Optional(Type.String()) },
  { additionalProperties: Type.String(), title: "FunctionResources" },
);

/** Key of the module in a ConfigMap with code, where the Function names no other. */
export const CODE_ENTRY = "index.mjs";

/** JavaScript that the runtime image loads: an immutable ConfigMap, content-addressed. */
export const FunctionCode = Type.Object({
  /**
   * Name of the ConfigMap in the function's namespace: `<function>-<first 12 hex digits of the
   * SHA-256>`.
   */
  configMap: Type.String({ minLength: 1, maxLength: 253 }),
  /**
   * Key in the ConfigMap to load: `index.mjs` for a module, `index.cjs` for a serialized
   * closure.
   */
  entry: Type.Optional(Type.String({ pattern: "^[-._a-zA-Z0-9]+$" })),
});

/** `spec` of a Function. Field names are those of OpenFaaS' own CRD; `code` is Plonk's. */
export const FunctionSpec = Type.Object({
  name: FunctionName,
  /** Image reference. Functions with `code` name the runtime image here. */
  image: Type.String({ minLength: 1, maxLength: 1024 }),
  /** `envProcess` of the REST API, `fprocess` of the watchdog. */
  handler: Type.Optional(Type.String()),
  code: Type.Optional(FunctionCode),
  environment: Type.Optional(StringMap),
  labels: Type.Optional(StringMap),
  annotations: Type.Optional(StringMap),
  secrets: Type.Optional(Type.Array(Type.String())),
  constraints: Type.Optional(Type.Array(Type.String())),
  limits: Type.Optional(Resources),
  requests: Type.Optional(Resources),
  readOnlyRootFilesystem: Type.Optional(Type.Boolean()),
  /** Written through the scale subresource only. */
  replicas: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type FunctionSpec = Static<typeof FunctionSpec>;

/** A Kubernetes condition (KEP-1623). */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration: number;
}

export interface FunctionStatus {
  observedGeneration?: number;
  /** Replicas of the Deployment as it is, for the scale subresource. */
  replicas?: number;
  availableReplicas?: number;
  /** Label selector of the pods, serialized, for the scale subresource. */
  selector?: string;
  conditions?: Condition[];
}

/** Metadata of a Kubernetes object, the parts that are read. */
export interface ObjectMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A Function as the API server gives it. */
export interface FunctionResource {
  apiVersion: "openfaas.com/v1";
  kind: "Function";
  metadata: ObjectMetadata & {
    namespace: string;
    managedFields?: { manager?: string; operation?: string; subresource?: string }[];
  };
  spec: FunctionSpec;
  status?: FunctionStatus;
}

/** Path of a function's entry inside its pod. */
export function codePath(code: Static<typeof FunctionCode>): string {
  return `${FUNCTION_PATHS.code}/${code.entry ?? CODE_ENTRY}`;
}
