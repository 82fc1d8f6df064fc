/** Functions and their EndpointSlices as a cluster with the operator holds them, in full. */
import { CRD, LABEL, NAMESPACE } from "../../contract/index.ts";

const CREATED = "2026-01-02T03:04:05Z";

/** An object as it is written to the API server. */
export type Item = Record<string, unknown> & {
  metadata: { name: string; namespace: string; [key: string]: unknown };
};

/** Names sort as their numbers do. */
export function nameOf(index: number): string {
  return `function-${String(index).padStart(5, "0")}`;
}

/** A Function with the fields that people set, and all that the API server adds. */
export function toFunction(name: string): Item {
  const spec = {
    name,
    image: `registry.example/team/${name}:1.4.2`,
    environment: { write_timeout: "30s", read_timeout: "30s", LOG_LEVEL: "info" },
    labels: { [LABEL.scaleMin]: "1", [LABEL.scaleMax]: "20", team: "payments" },
    annotations: { topic: `orders.${name}`, "prometheus.io.scrape": "true" },
    secrets: ["payments-api-key"],
    limits: { memory: "128Mi", cpu: "500m" },
    requests: { memory: "64Mi", cpu: "50m" },
    replicas: 1,
  };
  const condition = (type: string): object => ({
    type,
    status: "True",
    reason: "Reconciled",
    message: "the function is ready",
    lastTransitionTime: CREATED,
    observedGeneration: 2,
  });
  return {
    apiVersion: CRD.apiVersion,
    kind: CRD.kind,
    metadata: { name, namespace: NAMESPACE.functions, labels: { team: "payments" } },
    spec,
    status: {
      observedGeneration: 2,
      replicas: 1,
      availableReplicas: 1,
      selector: `${LABEL.function}=${name}`,
      conditions: ["Ready", "Progressing", "Degraded", "Scaled"].map(condition),
    },
  };
}

/** The slice of a function's Service, with one ready pod. */
export function toSlice(name: string, { address, port }: { address: string; port: number }): Item {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    addressType: "IPv4",
    metadata: {
      name: `${name}-x7k2p`,
      namespace: NAMESPACE.functions,
      generateName: `${name}-`,
      labels: {
        "app.kubernetes.io/managed-by": "plonk-operator",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        [LABEL.function]: name,
        "kubernetes.io/service-name": name,
      },
    },
    endpoints: [
      {
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: "server-0",
        targetRef: {
          kind: "Pod",
          name: `${name}-6d5f9c7b8d-abcde`,
          namespace: NAMESPACE.functions,
          uid: "00000000-0000-4000-8000-000000000000",
        },
      },
    ],
    ports: [{ name: "http", port, protocol: "TCP" }],
  };
}
