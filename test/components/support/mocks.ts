/** Runs components against Pulumi's mocks and keeps every registration. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster, ClusterCapabilities, PlatformImages } from "../../../components/index.ts";
import { startFakeApi, toKubeconfig } from "./fake-api.ts";

export interface Registration {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  /** Logical name of the explicit provider; empty for the default one. */
  provider: string;
}

/** Outputs that a provider adds to the inputs of an object. */
function toState(args: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  const inputs = args.inputs as Record<string, unknown>;
  const metadata = inputs["metadata"] as Record<string, unknown> | undefined;
  if (!metadata) {
    return inputs;
  }
  return {
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
    ...inputs,
    metadata: { ...metadata, uid: `${args.name}-uid`, resourceVersion: "7" },
  };
}

interface RecordingOptions {
  isPreview?: boolean;
  isThere?: boolean;
  /** Outputs of other stacks, all of them secret, by the stack's full name. */
  stacks?: Record<string, Record<string, unknown>>;
}

/**
 * Starts recording; call it before any component is made. In a preview objects that are to be made
 * have no id, and nothing but their inputs; those that are there, and change on a cluster that does
 * not answer, have no more.
 */
export function recordRegistrations(options: RecordingOptions = {}): Registration[] {
  const { isPreview = false, isThere = false, stacks = {} } = options;
  const registrations: Registration[] = [];
  void pulumi.runtime.setMocks(
    {
      newResource(args) {
        const inputs = args.inputs as Record<string, unknown>;
        // `<URN>::<id>`, and the name is the last part of the URN.
        const provider = args.provider?.split("::").at(-2) ?? "";
        if (args.type === "pulumi:pulumi:StackReference") {
          const outputs = stacks[args.name] ?? {};
          const state = { ...inputs, outputs, secretOutputNames: Object.keys(outputs) };
          return { id: args.name, state };
        }
        registrations.push({ type: args.type, name: args.name, inputs, provider });
        return isPreview
          ? { id: isThere ? `${args.name}-id` : undefined, state: inputs }
          : { id: `${args.name}-id`, state: toState(args) };
      },
      call: (args) => args.inputs as Record<string, unknown>,
    },
    "plonk",
    "test",
    isPreview,
  );
  return registrations;
}

/** A cluster that exists in name only. */
export function fakeCluster(capabilities: Partial<ClusterCapabilities> = {}): Cluster {
  return {
    // Nobody owns a Function definition there.
    kubeconfig: pulumi.secret(startFakeApi().then(({ url }) => toKubeconfig(url, "here"))),
    provider: new k8s.Provider("fake", { kubeconfig: "not a kubeconfig" }),
    capabilities: {
      loadBalancer: false,
      storageClass: "local-path",
      networkPolicy: false,
      apiServerNetworks: [],
      ...capabilities,
    },
    imageDelivery: { mode: "none", targets: [], registry: undefined },
    architectures: pulumi.output(["amd64"]),
    identity: pulumi.output("fake"),
    nodeAddress: pulumi.secret("198.18.0.11"),
    deletedWith: undefined,
  };
}

export const IMAGES: PlatformImages = {
  gateway: "plonk.local/gateway:1@sha256:01",
  queueWorker: "plonk.local/queue-worker:1@sha256:02",
  operator: "plonk.local/operator:1@sha256:03",
  runtime: "plonk.local/runtime:1@sha256:04",
  nats: "plonk.local/nats:1@sha256:05",
  prometheus: "plonk.local/prometheus:1@sha256:06",
  alertmanager: "plonk.local/alertmanager:1@sha256:07",
  nodeExporter: "plonk.local/node-exporter:1@sha256:08",
};

/** The value of an output; rejects when it fails. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  // `promise` is internal to Pulumi, and the only way to see a failure.
  return (output as unknown as { promise(): Promise<T> }).promise();
}

/** Waits until nothing is being registered any more, and fails with less than `count`. */
export async function waitForCount(registrations: Registration[], count: number): Promise<void> {
  const runtime = pulumi.runtime as unknown as { waitForRPCs(): Promise<void> };
  await runtime.waitForRPCs();
  if (registrations.length >= count) {
    return;
  }
  throw new Error(`expected ${count} registrations, got ${registrations.length}`);
}

/** The one registration of that name. */
export function find(registrations: Registration[], name: string): Registration {
  const found = registrations.filter((registration) => registration.name === name);
  const [only] = found;
  if (found.length === 1 && only) {
    return only;
  }
  throw new Error(`${name}: expected one registration, got ${found.length}`);
}

/** Takes off the wrapping that marks secrets in recorded inputs, at any depth. */
export function reveal(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(reveal);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const fields = value as Record<string, unknown>;
  if (fields[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig) {
    return reveal(fields["value"]);
  }
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, reveal(item)]));
}
