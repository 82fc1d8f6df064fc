/** Inspects an existing cluster, and checks that Plonk can be installed on it. */
import type { V1Node, V1Service, V1StorageClass } from "@kubernetes/client-node";
import type * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "../../contract/index.ts";
import { ArgumentError, isLater } from "../errors.ts";
import { type ClusterApi, ifAllowed, openApi, toReason, withinSeconds } from "./api.ts";
import {
  groupByArchitecture,
  type NodesByArchitecture,
  reportArchitectures,
  USUAL_ARCHITECTURES,
} from "./architectures.ts";
import type { ClusterCapabilities } from "./cluster.ts";

/** The result of the inspection. */
export interface ClusterReport {
  /** UID of the namespace kube-system, which lives as long as the cluster. */
  identity: string;
  /** Address of a node; empty if nodes may not be listed. */
  nodeAddress: string;
  /** Its nodes by architecture; undefined if they may not be listed. */
  nodes: NodesByArchitecture | undefined;
  /** Architectures of its nodes, reported or configured; undefined: configured, not known yet. */
  architectures: readonly Architecture[] | undefined;
  /** Its classes of volumes; undefined if they may not be listed. */
  classes: FoundClass[] | undefined;
  /** A line for each property that affects the installation. */
  lines: string[];
  /** Conditions that may prevent pods from starting. */
  warnings: string[];
}

/** A StorageClass that is there. */
export interface FoundClass {
  name: string;
  /** For people. */
  description: string;
  isDefault: boolean;
}

/** What is configured about the cluster. */
export interface KnownOfCluster {
  capabilities: ClusterCapabilities;
  /** Architectures of its nodes; undefined to read them from the nodes. */
  architectures: pulumi.Input<readonly Architecture[]> | undefined;
}

/** A cluster that does not answer within this time cannot be used. */
const ANSWER_SECONDS = 15;

const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";

/** What the components create, `<resource>.<group>`; the rights are checked for all namespaces. */
const CREATED = [
  "namespaces.",
  "customresourcedefinitions.apiextensions.k8s.io",
  "clusterroles.rbac.authorization.k8s.io",
  "clusterrolebindings.rbac.authorization.k8s.io",
  "roles.rbac.authorization.k8s.io",
  "rolebindings.rbac.authorization.k8s.io",
  "serviceaccounts.",
  "secrets.",
  "configmaps.",
  "services.",
  "persistentvolumeclaims.",
  "deployments.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "poddisruptionbudgets.policy",
  "networkpolicies.networking.k8s.io",
  "functions.openfaas.com",
  "profiles.openfaas.com",
] as const;

/**
 * Inspects the cluster of a kubeconfig's current context. A class and architectures that are
 * outputs are left to `describeClass` and `reportArchitectures`, for when they are known.
 *
 * @throws ArgumentError when it does not answer, rights are missing, or there is no StorageClass
 */
export async function inspectCluster(
  kubeconfig: string,
  { capabilities, architectures }: KnownOfCluster,
): Promise<ClusterReport> {
  const api = await openApi(kubeconfig);
  const { server, core, storage } = api;
  const version = await ask(server, api.version.getCode());
  const [missing, listed, nodes, services, system] = await ask(
    server,
    Promise.all([
      findMissingRights(api),
      listIfAllowed(storage.listStorageClass()),
      listIfAllowed(core.listNode()),
      listIfAllowed(core.listServiceForAllNamespaces()),
      ifAllowed(core.readNamespace({ name: "kube-system" })),
    ]),
  );
  const identity = system?.metadata?.uid ?? "";
  requireRights([...missing, ...(identity === "" ? ["get the namespace kube-system"] : [])]);
  const classes = listed?.map(toFoundClass);
  const { storageClass } = capabilities;
  const { line, ...found } = findNodes(nodes, architectures);
  return {
    ...found,
    identity,
    classes,
    nodeAddress: findNodeAddress(nodes ?? []),
    lines: [
      `Kubernetes ${version.gitVersion} at ${server}`,
      ...line,
      "rights: all that are needed",
      ...(isLater(storageClass) ? [] : [describeClass(classes, storageClass)]),
      `load balancer: ${describe(capabilities.loadBalancer, "used", "not used, a NodePort is")}` +
        describeBalanced(services ?? []),
      `NetworkPolicy: ${describe(capabilities.networkPolicy, "policies are made", "none are made")}`,
    ],
  };
}

/** Of each node what is wanted of it, with the line where that is known. */
function findNodes(
  nodes: readonly V1Node[] | undefined,
  wanted: KnownOfCluster["architectures"],
): Pick<ClusterReport, "nodes" | "architectures" | "warnings"> & { line: string[] } {
  const byArchitecture = nodes && groupByArchitecture(nodes);
  if (isLater(wanted)) {
    return { nodes: byArchitecture, architectures: undefined, warnings: [], line: [] };
  }
  const { line, ...found } = reportArchitectures(byArchitecture, wanted);
  return { nodes: byArchitecture, ...found, line: [line] };
}

/**
 * Reads only the architectures of a cluster's nodes, for which images are assembled before anything
 * is declared. Returns the default on errors, which `ExistingCluster` reports.
 *
 * @param context the current one when undefined
 */
export async function findArchitectures(
  kubeconfig: string,
  context?: string,
): Promise<readonly Architecture[]> {
  try {
    const { core } = await openApi(kubeconfig, context);
    const { items } = await withinSeconds(ANSWER_SECONDS, core.listNode());
    return reportArchitectures(groupByArchitecture(items), undefined).architectures;
  } catch {
    return USUAL_ARCHITECTURES;
  }
}

function requireRights(missing: string[]): void {
  if (missing.length === 0) {
    return;
  }
  throw new ArgumentError(
    `context: expected the rights to install Plonk, got none to ${missing.join(", ")}`,
  );
}

function describe(isOffered: boolean, yes: string, no: string): string {
  return isOffered
    ? `${yes}, as the configuration says there is`
    : `${no}, as the configuration says`;
}

/** Counts the Services with an address, which shows that the cluster has load balancers. */
function describeBalanced(services: V1Service[]): string {
  const balanced = services.filter(
    ({ spec, status }) => spec?.type === "LoadBalancer" && status?.loadBalancer?.ingress?.length,
  );
  return balanced.length === 0 ? "" : `; Services that have an address: ${balanced.length}`;
}

async function ask<T>(server: string, answer: Promise<T>): Promise<T> {
  try {
    return await withinSeconds(ANSWER_SECONDS, answer);
  } catch (error) {
    throw new ArgumentError(
      `kubeconfig: expected a cluster that answers, got ${toReason(error)} from ${server}`,
    );
  }
}

async function listIfAllowed<T>(answer: Promise<{ items: T[] }>): Promise<T[] | undefined> {
  return (await ifAllowed(answer))?.items;
}

async function findMissingRights({ isAllowed }: ClusterApi): Promise<string[]> {
  const questions = CREATED.flatMap((kind) => {
    const [resource = "", ...group] = kind.split(".");
    return ["create", "patch", "delete"].map(async (verb) =>
      (await isAllowed(verb, resource, group.join("."))) ? [] : [`${verb} ${resource}`],
    );
  });
  return (await Promise.all(questions)).flat();
}

function toFoundClass({ metadata, provisioner, allowVolumeExpansion }: V1StorageClass): FoundClass {
  const name = metadata?.name ?? "";
  const growth = allowVolumeExpansion === true ? "can" : "cannot";
  return {
    name,
    description: `${name} (${provisioner}), its volumes ${growth} grow`,
    isDefault: metadata?.annotations?.[DEFAULT_CLASS] === "true",
  };
}

/**
 * The line about the class that volumes get.
 *
 * @param wanted undefined for the default one
 * @throws ArgumentError when there is none of that name
 */
export function describeClass(
  classes: readonly FoundClass[] | undefined,
  wanted: string | undefined,
): string {
  if (classes === undefined) {
    return `storage class: ${wanted ?? "the default one"}, not seen for lack of rights`;
  }
  const found = classes.find(({ name, isDefault }) =>
    wanted === undefined ? isDefault : name === wanted,
  );
  if (found) {
    return `storage class: ${found.description}`;
  }
  const names = classes.map(({ name }) => name).join(", ") || "none";
  throw new ArgumentError(
    `capabilities.storageClass: expected one of the cluster's (${names}), ` +
      `got ${wanted === undefined ? "none, and no default one" : JSON.stringify(wanted)}`,
  );
}

/** Prefers an external address to one that is reachable only in the cluster's network. */
function findNodeAddress(nodes: V1Node[]): string {
  const addresses = nodes.flatMap(({ status }) => status?.addresses ?? []);
  const ofType = (wanted: string): string | undefined =>
    addresses.find(({ type }) => type === wanted)?.address;
  return ofType("ExternalIP") ?? ofType("InternalIP") ?? "";
}
