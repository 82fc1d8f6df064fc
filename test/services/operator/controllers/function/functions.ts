/** Functions and objects around them, for the operator's table tests. */
import type { FunctionResource, FunctionSpec } from "../../../../../contract/index.ts";
import type { Deployment, Pod } from "../../../../../services/operator/kubernetes/types.ts";

/** A Function named `resize` of the runtime image, with parts of its spec replaced. */
export function makeFunction(
  spec: Partial<FunctionSpec> = {},
  rest: Partial<Omit<FunctionResource, "spec">> = {},
): FunctionResource {
  return {
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name: "resize", namespace: "openfaas-fn", uid: "uid-1", generation: 3 },
    spec: { name: "resize", image: "registry.example/resize:1", ...spec },
    ...rest,
  };
}

/** A Deployment whose status is of its generation. */
export function makeDeployment(
  replicas: number,
  status: NonNullable<Deployment["status"]> = {},
): Deployment {
  return {
    metadata: { name: "resize", namespace: "openfaas-fn", generation: 2 },
    spec: { replicas },
    status: { observedGeneration: 2, ...status },
  };
}

/** A pod with one container that is not ready, in this state. */
export function makePod(
  container: Partial<NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number]>,
  name = "resize-1",
): Pod {
  return {
    metadata: { name, namespace: "openfaas-fn", creationTimestamp: "2026-01-01T00:00:00Z" },
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "resize", ready: false, ...container }],
    },
  };
}

/** What says of an object that it is the Function's. */
export const OWNER = {
  apiVersion: "openfaas.com/v1",
  kind: "Function",
  name: "resize",
  uid: "uid-1",
  controller: true,
  blockOwnerDeletion: true,
};
