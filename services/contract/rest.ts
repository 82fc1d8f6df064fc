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
export interface FunctionDescription extends Omit<FunctionDeployment, "service"> {
  name: string;
  invocationCount?: number;
  replicas?: number;
  availableReplicas?: number;
  createdAt: string;
}

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
