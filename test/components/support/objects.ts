/** Looks into what a platform has registered. */
import { find, type Registration } from "./mocks.ts";

export interface PodSpec {
  containers: Record<string, unknown>[];
  securityContext: unknown;
  automountServiceAccountToken: boolean;
  serviceAccountName?: string;
  volumes?: Record<string, unknown>[];
  terminationGracePeriodSeconds?: number;
  hostNetwork?: boolean;
}

interface Workload {
  spec: {
    replicas?: number;
    template: { metadata: { annotations?: Record<string, string> }; spec: PodSpec };
  };
}

export function objectsOf(all: Registration[], prefix: string): Registration[] {
  return all.filter(({ name }) => name === prefix || name.startsWith(`${prefix}-`));
}

export function workloadsOf(all: Registration[], prefix: string): [string, PodSpec][] {
  const kinds = /^kubernetes:apps\/v1:(Deployment|StatefulSet|DaemonSet)$/;
  return objectsOf(all, prefix)
    .filter(({ type }) => kinds.test(type))
    .map(({ name, inputs }) => [name, (inputs as unknown as Workload).spec.template.spec]);
}

export function podOf(all: Registration[], name: string): PodSpec {
  return (find(all, name).inputs as unknown as Workload).spec.template.spec;
}

export function environmentOf(all: Registration[], name: string): Record<string, string> {
  const [container] = podOf(all, name).containers as { env: { name: string; value: string }[] }[];
  return Object.fromEntries((container?.env ?? []).map((item) => [item.name, item.value]));
}
