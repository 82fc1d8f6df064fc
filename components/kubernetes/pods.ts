/** What every pod of the platform has in common: labels, security settings, resources, probes. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { TObject } from "typebox";
import { toLiteral, type VariableOf } from "../../contract/environment/index.ts";
import { toSelector } from "../../contract/index.ts";

export { toSelector };

type Container = k8s.types.input.core.v1.Container;
type Probe = k8s.types.input.core.v1.Probe;

/** Memory and processor of one container. */
export interface ContainerSize {
  /** Memory asked for, MiB. */
  requestMiB: number;
  /** Memory at which the container is killed, MiB. */
  limitMiB: number;
  /** Processor time asked for, thousandths of a core. */
  cpuMillis: number;
}

/** Name of the port with metrics on the platform's pods. */
export const METRICS_PORT = "metrics";

/** Unprivileged user of all pods; the images' own user where they have one. */
const USER = 65532;

/** Kubernetes' recommended labels. */
export function toLabels(component: string): Record<string, string> {
  return {
    ...toSelector(component),
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/part-of": "plonk",
    "app.kubernetes.io/managed-by": "pulumi",
  };
}

/** Metadata of an object of the platform. */
export function toMetadata(
  component: string,
  namespace: pulumi.Input<string>,
  name: string = component,
): { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> } {
  return { name, namespace, labels: toLabels(component) };
}

/** Pod settings of the standard `restricted`; `fsGroup` lets the user write volumes. */
export const RESTRICTED_POD = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  fsGroup: USER,
  seccompProfile: { type: "RuntimeDefault" },
};

const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Adds what all containers of the platform share to what one of them says. */
export function toContainer(
  container: Container,
  { resources }: Required<Pick<Container, "resources">>,
): Container {
  return {
    imagePullPolicy: "IfNotPresent",
    securityContext: RESTRICTED_CONTAINER,
    resources,
    ...container,
  };
}

/**
 * Keeps the heap of a process in Go below its container's limit of memory.
 * @param share of the limit, less where much is taken at once before garbage is collected
 */
export function toGoMemoryLimit(limitMiB: number, share = 0.8): string {
  return `${Math.floor(limitMiB * share)}MiB`;
}

/** A probe over HTTP on a named port, every `periodSeconds` (10 unless told). */
export function toProbe(path: string, port: string, options: Probe = {}): Probe {
  return { httpGet: { path, port }, periodSeconds: 10, timeoutSeconds: 5, ...options };
}

/** Variables that a service reads, all of them texts. */
export type Variables<Environment extends TObject> = Partial<
  Record<VariableOf<Environment>, pulumi.Input<string>>
>;

/**
 * Environment of a service on Node in Kubernetes' form, by name; the container gets the values as
 * they are. Its threads allocate little, and each with memory of its own (glibc's default) would
 * take some 9 MiB more in all.
 */
export function toEnvironment<Environment extends TObject>(
  variables: Variables<Environment> & { NODE_OPTIONS: pulumi.Input<string> },
): { name: string; value: pulumi.Input<string> }[] {
  const given = { ...variables, MALLOC_ARENA_MAX: "1" } as Record<string, pulumi.Input<string>>;
  return Object.entries(given).map(([name, value]) => ({
    name,
    value: typeof value === "string" ? toLiteral(value) : pulumi.output(value).apply(toLiteral),
  }));
}

/** Spreads replicas over nodes and zones where there are several. */
export function toSpread(component: string): k8s.types.input.core.v1.TopologySpreadConstraint[] {
  return ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: toSelector(component) },
  }));
}
