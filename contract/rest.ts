/** Bodies of the gateway's REST API (OpenFaaS faas-provider types). */
import { type Static, type TOptional, type TString, Type } from "typebox";
import { Environment, FunctionCode, Handler, SHARED_FIELDS } from "./function/schema.ts";
import { BASE64 } from "./grammar.ts";
import { SCALE } from "./names.ts";
import { FunctionName, ImageReference, SecretName } from "./syntax.ts";

// A description is a noun phrase: it also tells, in an error, what was expected.
const Namespace = Type.Optional(
  Type.String({
    description: "a namespace that holds functions; without it, the platform's own",
  }),
);

const FIELDS = {
  envProcess: Type.Optional(Handler),
  envVars: Type.Optional(Environment),
  ...SHARED_FIELDS,
};

/** A body may have the named fields alone: a misspelt one would be ignored in silence. */
const CLOSED = { additionalProperties: false } as const;

/** A field that older clients send empty. With a text it would ask for what nobody does. */
function toNone(reason: string): TOptional<TString> {
  return Type.Optional(
    Type.String({ maxLength: 0, deprecated: true, description: `none: ${reason}` }),
  );
}

/** POST and PUT `/system/functions`: either `image` or `code`. */
export const FunctionDeployment = Type.Object(
  {
    service: FunctionName,
    image: Type.Optional(ImageReference),
    code: Type.Optional(
      Type.String({
        minLength: 1,
        description: "instead of an image: the text of a JavaScript module, at most 256 KiB",
      }),
    ),
    namespace: Namespace,
    ...FIELDS,
    network: toNone("functions share the cluster's network"),
    registryAuth: toNone("nodes have the logins of registries"),
  },
  {
    ...CLOSED,
    title: "FunctionDeployment",
    oneOf: [{ required: ["image"] }, { required: ["code"] }],
  },
);
export type FunctionDeployment = Static<typeof FunctionDeployment>;

/**
 * Elements of GET `/system/functions`. Absent means zero or never sent, as Go's `omitempty` has
 * it.
 */
export const FunctionDescription = Type.Object(
  {
    name: FunctionName,
    image: Type.String({ description: "the image; for a function with code, the runtime image" }),
    namespace: Type.String({ description: "the namespace of the function" }),
    code: Type.Optional(
      Type.Object({
        ...FunctionCode.properties,
        text: Type.Optional(Type.String({ description: "the text itself; only with code=1" })),
      }),
    ),
    ...FIELDS,
    invocationCount: Type.Optional(
      Type.Number({ minimum: 0, description: "calls that Prometheus has counted" }),
    ),
    replicas: Type.Optional(Type.Integer({ minimum: 1, description: "replicas wanted" })),
    availableReplicas: Type.Optional(Type.Integer({ minimum: 1, description: "replicas ready" })),
    createdAt: Type.String({ format: "date-time" }),
    usage: Type.Optional(
      Type.Object(
        {
          cpu: Type.Optional(Type.Number({ description: "thousandths of a core" })),
          totalMemoryBytes: Type.Optional(Type.Number({ description: "bytes" })),
        },
        { description: "what all its pods use; only with usage=1, where the cluster measures it" },
      ),
    ),
  },
  { title: "FunctionStatus" },
);
export type FunctionDescription = Static<typeof FunctionDescription>;

/** DELETE `/system/functions`. */
export const DeleteFunctionRequest = Type.Object(
  {
    functionName: Type.String({ minLength: 1, description: "the function's name" }),
    namespace: Namespace,
  },
  { ...CLOSED, title: "DeleteFunctionRequest" },
);

/** POST `/system/scale-function/{name}`. */
export const ScaleServiceRequest = Type.Object(
  {
    serviceName: Type.Optional(Type.String({ description: "the name in the path once more" })),
    replicas: Type.Integer({
      minimum: 0,
      maximum: SCALE.hardMax,
      description: `a whole number from 0 to ${SCALE.hardMax}`,
    }),
    namespace: Namespace,
  },
  { ...CLOSED, title: "ScaleServiceRequest" },
);

/** What GET `/system/secrets` lists. */
export const SecretReference = Type.Object(
  { name: SecretName, namespace: Namespace },
  { title: "SecretReference" },
);

/** DELETE `/system/secrets`: Go's clients have one type for it and for a secret with its value. */
export const SecretDeletion = Type.Object(
  {
    ...SecretReference.properties,
    value: toNone("the name says which secret goes"),
    rawValue: toNone("the name says which secret goes"),
  },
  { ...CLOSED, title: "SecretName" },
);

/** POST and PUT `/system/secrets`: `value` or `rawValue`; a secret may be empty. */
export const SecretDeployment = Type.Object(
  {
    name: SecretName,
    namespace: Namespace,
    value: Type.Optional(Type.String({ minLength: 0, description: "text, at most 1 MiB" })),
    rawValue: Type.Optional(
      Type.String({
        minLength: 0,
        pattern: BASE64,
        description: "bytes in base64 with its padding, at most 1 MiB of them",
      }),
    ),
  },
  { ...CLOSED, title: "Secret", anyOf: [{ required: ["value"] }, { required: ["rawValue"] }] },
);

/** An element of GET `/system/function-stats`; what Prometheus does not know is absent. */
export const FunctionStats = Type.Object(
  {
    name: FunctionName,
    namespace: Type.String({ description: "the namespace of the function" }),
    callsPerSecond: Type.Number({ description: "ended calls per second in the last minute" }),
    errorsPerSecond: Type.Number({ description: "those of them with a status from 500 on" }),
    p50Seconds: Type.Optional(Type.Number({ description: "median duration in the last minute" })),
    p95Seconds: Type.Optional(
      Type.Number({ description: "95th percentile of the duration in the last minute" }),
    ),
    inFlight: Type.Optional(Type.Number({ description: "calls that run now" })),
  },
  { title: "FunctionStats" },
);
export type FunctionStats = Static<typeof FunctionStats>;

/** GET `/system/queue`. */
export const QueueStatus = Type.Object(
  {
    name: Type.String({ description: "the queue's name" }),
    pending: Type.Integer({ description: "calls that wait" }),
    inFlight: Type.Integer({ description: "calls that were handed out and have not ended" }),
    redelivered: Type.Integer({ description: "calls that were handed out more than once" }),
  },
  { title: "QueueStatus" },
);
export type QueueStatus = Static<typeof QueueStatus>;

/** GET `/system/info`. */
const ReleaseInfo = Type.Object({ sha: Type.String(), release: Type.String() });
export const GatewayInfo = Type.Object(
  {
    provider: Type.Object({
      provider: Type.String(),
      version: ReleaseInfo,
      orchestration: Type.String(),
    }),
    version: ReleaseInfo,
    arch: Type.String(),
  },
  { title: "GatewayInfo" },
);

/** One line of GET `/system/logs`. */
export const LogMessage = Type.Object(
  {
    name: Type.String(),
    namespace: Type.String(),
    /** Name of the pod. */
    instance: Type.String(),
    /** RFC 3339 with nanoseconds. */
    timestamp: Type.String({ format: "date-time" }),
    text: Type.String(),
  },
  { title: "LogMessage" },
);
export type LogMessage = Static<typeof LogMessage>;

/** POST `/system/alert`: Alertmanager's webhook, the part that is read. */
export const AlertRequest = Type.Object(
  {
    status: Type.Optional(Type.String()),
    receiver: Type.Optional(Type.String()),
    alerts: Type.Array(
      Type.Object({
        status: Type.String(),
        labels: Type.Object({
          alertname: Type.Optional(Type.String()),
          function_name: Type.Optional(
            Type.String({ description: "a function's name, or name.namespace" }),
          ),
        }),
      }),
    ),
  },
  { title: "Alert" },
);
export type AlertRequest = Static<typeof AlertRequest>;
