/** Functions and the places of their pods, as objects of the small Kubernetes API. */
import { LABEL } from "../../contract/index.ts";
import type { FakeKubernetes } from "./fake-kubernetes.ts";

export const FUNCTIONS = "/apis/openfaas.com/v1/namespaces/openfaas-fn/functions";
export const SLICES = "/apis/discovery.k8s.io/v1/namespaces/openfaas-fn/endpointslices";

export interface FunctionParts {
  spec?: object;
  /** Of the whole object; metadata takes the place of the one with the name. */
  extra?: object;
}

/** Writes a Function with one replica, where its spec names no other number. */
export function putFunction(
  fake: FakeKubernetes,
  name: string,
  { spec = {}, extra = {} }: FunctionParts = {},
): void {
  fake.put(FUNCTIONS, {
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name },
    spec: { name, image: "example/image:1", replicas: 1, ...spec },
    ...extra,
  });
}

export interface EndpointSpec {
  port: number;
  /** @default a ready one */
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
}

/** Writes where a pod of the function is: one slice each, as each has a port of its own here. */
export function putSlice(
  fake: FakeKubernetes,
  name: string,
  { port, conditions = { ready: true } }: EndpointSpec,
): void {
  fake.put(SLICES, {
    metadata: {
      name: `${name}-${port}`,
      labels: { [LABEL.function]: name, "kubernetes.io/service-name": name },
    },
    endpoints: [{ addresses: ["127.0.0.1"], conditions }],
    ports: [{ name: "http", port }],
  });
}
