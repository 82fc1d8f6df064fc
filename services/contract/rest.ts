/** Bodies of the gateway's REST API (OpenFaaS faas-provider types). */
import { Type, type Static } from "typebox";
import { Resources } from "./function.ts";

const StringMap = Type.Record(Type.String(), Type.String());

/** POST and PUT `/system/functions`. */
export const FunctionDeployment = Type.Object({
  service: Type.String({ minLength: 1, maxLength: 63 }),
  image: Type.String({ minLength: 1, maxLength: 1024 }),
  namespace: Type.Optional(Type.String()),
  envProcess: Type.Optional(Type.String()),
  envVars: Type.Optional(StringMap),
  constraints: Type.Optional(Type.Array(Type.String())),
  secrets: Type.Optional(Type.Array(Type.String())),
  labels: Type.Optional(StringMap),
  annotations: Type.Optional(StringMap),
  limits: Type.Optional(Resources),
  requests: Type.Optional(Resources),
  readOnlyRootFilesystem: Type.Optional(Type.Boolean()),
});
export type FunctionDeployment = Static<typeof FunctionDeployment>;

/**
 * Elements of GET `/system/functions`. Absent means zero or never sent, as Go's `omitempty` has
 * it.
 */
export const FunctionDescription = Type.Object({
  name: Type.String(),
  ...Type.Omit(FunctionDeployment, ["service"]).properties,
  invocationCount: Type.Optional(Type.Number({ minimum: 0 })),
  replicas: Type.Optional(Type.Integer({ minimum: 1 })),
  availableReplicas: Type.Optional(Type.Integer({ minimum: 1 })),
  createdAt: Type.String({ format: "date-time" }),
});
export type FunctionDescription = Static<typeof FunctionDescription>;

/** DELETE `/system/functions`. */
export const DeleteFunctionRequest = Type.Object({
  functionName: Type.String({ minLength: 1 }),
  namespace: Type.Optional(Type.String()),
});

/** POST `/system/scale-function/{name}`. */
export const ScaleServiceRequest = Type.Object({
  serviceName: Type.Optional(Type.String()),
  replicas: Type.Integer({ minimum: 0, maximum: 1000 }),
  namespace: Type.Optional(Type.String()),
});

/** GET `/system/info`. */
const ReleaseInfo = Type.Object({ sha: Type.String(), release: Type.String() });
export const GatewayInfo = Type.Object({
  provider: Type.Object({
    provider: Type.String(),
    version: ReleaseInfo,
    orchestration: Type.String(),
  }),
  version: ReleaseInfo,
  arch: Type.String(),
});

/** One line of GET `/system/logs`. */
export const LogMessage = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  instance: Type.String(),
  timestamp: Type.String({ format: "date-time" }),
  text: Type.String(),
});

/** Alertmanager's webhook, the part that is read. */
export const AlertRequest = Type.Object({
  status: Type.Optional(Type.String()),
  receiver: Type.Optional(Type.String()),
  alerts: Type.Array(
    Type.Object({
      status: Type.String(),
      labels: Type.Object({
        alertname: Type.Optional(Type.String()),
        function_name: Type.String(),
      }),
    }),
  ),
});
