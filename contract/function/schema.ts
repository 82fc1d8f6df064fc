/** The Function custom resource, `openfaas.com/v1`: the only record of a function. */
import { type Static, type TRecord, type TString, Type } from "typebox";
import { FUNCTION_PATHS } from "../names.ts";
import {
  Constraint,
  FunctionName,
  ImageReference,
  LabelValue,
  MetadataKey,
  Quantity,
  SecretName,
  VariableName,
  VariableValue,
} from "../syntax.ts";
import { ScaleSpec } from "./scale-spec.ts";

/** Texts by key; the keys have a grammar, too. */
export function toMap(
  description: string,
  { keys, values = Type.String() }: { keys: TString; values?: TString },
): TRecord<"^.*$", TString> {
  return Type.Record(Type.String(), values, { propertyNames: keys, description });
}

/** Kubernetes quantities, e.g. `128Mi` and `100m`. */
export const FunctionResources = Type.Object(
  { memory: Type.Optional(Quantity), cpu: Type.Optional(Quantity) },
  { additionalProperties: Quantity, title: "FunctionResources" },
);

/** What a function has in the REST API as in the custom resource, under the same names. */
export const SHARED_FIELDS = {
  constraints: Type.Optional(
    Type.Array(Constraint, {
      description: "labels of the nodes on which the function may run",
    }),
  ),
  secrets: Type.Optional(
    Type.Array(SecretName, {
      description: "secrets of the function's namespace that it mounts",
    }),
  ),
  labels: Type.Optional(
    toMap("labels, com.openfaas.scale.* among them", { keys: MetadataKey, values: LabelValue }),
  ),
  annotations: Type.Optional(
    toMap("annotations, such as topic and schedule", { keys: MetadataKey }),
  ),
  scale: Type.Optional(ScaleSpec),
  limits: Type.Optional(FunctionResources),
  requests: Type.Optional(FunctionResources),
  readOnlyRootFilesystem: Type.Optional(
    Type.Boolean({ description: "whether only /tmp can be written" }),
  ),
};

/** Environment variables of a function. */
export const Environment = toMap("environment variables by name", {
  keys: VariableName,
  values: VariableValue,
});

/** The program of a function, a variable of its pod. */
export const Handler = Type.String({
  ...VariableValue,
  description: "the command line that the image's watchdog starts, without a NUL",
});

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
  /** Functions with `code` name the runtime image here. */
  image: ImageReference,
  /** `envProcess` of the REST API, `fprocess` of the watchdog. */
  handler: Type.Optional(Handler),
  code: Type.Optional(FunctionCode),
  environment: Type.Optional(Environment),
  ...SHARED_FIELDS,
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
