/** What is declared of functions, and what has become of it on the API server. */
import type {
  V1Container,
  V1Deployment,
  V1PodDisruptionBudget,
  V1Service,
} from "@kubernetes/client-node";
import {
  type Condition,
  type FunctionResource,
  type FunctionSpec,
} from "../../../../contract/index.ts";
import { resourcePath } from "../../../../services/lib/kubernetes.ts";
import type { Metadata } from "../../../../services/operator/kubernetes/types.ts";
import type { TestCluster } from "../cluster.ts";
import { BROKEN } from "./world.ts";

export const IMAGE = "registry.example/x:1";

/** One function. */
export interface Declared {
  spec: Partial<FunctionSpec>;
  replicas: number;
  /** Of its Deployment, which stays the same one. */
  uid?: string | undefined;
}

export type Functions = Map<string, Declared>;

interface Stored {
  metadata: Metadata;
}

/** What a namespace has of functions, by name. */
export interface State {
  functions: Map<string, FunctionResource>;
  deployments: Map<string, Stored & V1Deployment>;
  services: Map<string, Stored & V1Service>;
  budgets: Map<string, Stored & V1PodDisruptionBudget>;
}

/** Functions' Secrets of these names are never there. */
export const NOWHERE = "nowhere";

export async function readState({ client }: TestCluster, namespace: string): Promise<State> {
  const list = async <T extends Stored>(
    plural: string,
    group?: string,
  ): Promise<Map<string, T>> => {
    const path = resourcePath({ ...(group !== undefined && { group }), plural, namespace });
    const { items } = await client.request<{ items: T[] }>(path);
    return new Map(items.map((item) => [item.metadata.name, item]));
  };
  return {
    functions: await list<FunctionResource & Stored>("functions", "openfaas.com"),
    deployments: await list("deployments", "apps"),
    services: await list("services"),
    budgets: await list("poddisruptionbudgets", "policy"),
  };
}

/** In what a namespace is not as it was declared. */
export function findDifferences(functions: Functions, state: State): string[] {
  const owned = [state.deployments, state.services, state.budgets];
  const left = [state.functions, ...owned].flatMap((objects) =>
    Array.from(objects.keys()).filter((name) => !functions.has(name)),
  );
  const differences = Array.from(functions, ([name, declared]) =>
    compare(declared, toFound(name, state)).map((difference) => `${name}: ${difference}`),
  );
  return [...left.map((name) => `${name}: expected nothing of it`), ...differences.flat()];
}

interface Found {
  resource: FunctionResource | undefined;
  deployment: (Stored & V1Deployment) | undefined;
  service: (Stored & V1Service) | undefined;
  budget: (Stored & V1PodDisruptionBudget) | undefined;
}

function toFound(name: string, { functions, deployments, services, budgets }: State): Found {
  return {
    resource: functions.get(name),
    deployment: deployments.get(name),
    service: services.get(name),
    budget: budgets.get(name),
  };
}

type Expectation = readonly [what: string, got: unknown, wanted: unknown];

function compare(declared: Declared, found: Found): string[] {
  const conditions = toConditions(found.resource);
  const isHeld = declared.spec.secrets?.includes(NOWHERE) === true;
  const expected: Expectation[] = isHeld
    ? [["Ready", conditions["Ready"], "False SecretNotFound"]]
    : [...expectConditions(declared, conditions), ...expectObjects(declared, found)];
  if (declared.uid !== undefined) {
    expected.push(["uid of its Deployment", found.deployment?.metadata.uid, declared.uid]);
  }
  return expected
    .map(([what, got, wanted]) => [what, JSON.stringify(wanted), JSON.stringify(got)] as const)
    .filter(([, wanted, got]) => wanted !== got)
    .map(([what, wanted, got]) => `${what}: expected ${wanted}, got ${got}`);
}

/** Those that are about the newest generation: status and reason, by type. */
function toConditions(resource: FunctionResource | undefined): Record<string, string> {
  const { generation } = resource?.metadata ?? {};
  const all: Condition[] = resource?.status?.conditions ?? [];
  return Object.fromEntries(
    all
      .filter(({ observedGeneration }) => observedGeneration === generation)
      .map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

function expectConditions(
  { spec, replicas }: Declared,
  conditions: Record<string, string>,
): Expectation[] {
  if (spec.labels?.[BROKEN] !== undefined) {
    return [["Degraded", conditions["Degraded"]?.split(" ")[0], "True"]];
  }
  return [
    ["Ready", conditions["Ready"], replicas === 0 ? "True ScaledToZero" : "True Available"],
    ["Progressing", conditions["Progressing"], "False Complete"],
    ["Degraded", conditions["Degraded"]?.split(" ")[0], "False"],
    ...(spec.code !== undefined && replicas > 0
      ? [["CodeLoaded", conditions["CodeLoaded"], "True Loaded"] as const]
      : []),
  ];
}

function expectObjects(
  { spec, replicas }: Declared,
  { resource, deployment, service, budget }: Found,
): Expectation[] {
  const uid = resource?.metadata.uid;
  return [
    ...expectContainer(spec, deployment?.spec?.template.spec?.containers[0]),
    ["replicas, and available ones", toReplicas(deployment), [replicas, replicas]],
    ["owner of its Deployment", ownerOf(deployment), uid],
    ["owner of its Service", ownerOf(service), uid],
    ["type of its Service", service?.spec?.type, "ClusterIP"],
    ...(replicas > 1 ? expectBudget(budget, uid) : []),
  ];
}

function expectBudget(budget: Found["budget"], uid: string | undefined): Expectation[] {
  return [
    ["owner of its budget", ownerOf(budget), uid],
    ["what its budget lets go", budget?.spec?.maxUnavailable, "25%"],
  ];
}

/** Functions of which fewer pods are available than were: `<name>: ...`. */
export function findOutages(before: State, now: State, spared: ReadonlySet<string>): string[] {
  return Array.from(before.deployments)
    .filter(([name]) => !spared.has(name))
    .map(([name, { status }]) => {
      const available = now.deployments.get(name)?.status?.availableReplicas ?? 0;
      return [name, available, status?.availableReplicas ?? 0] as const;
    })
    .filter(([, available, served]) => available < served)
    .map(([name, available, served]) => `${name}: expected ${served} pods, got ${available}`);
}

/** Old ones serve until new ones do. */
function toReplicas({ spec, status }: Partial<V1Deployment> = {}): (number | undefined)[] {
  return [spec?.replicas, status?.availableReplicas ?? 0];
}

function expectContainer(
  { image = IMAGE, environment = {} }: Declared["spec"],
  container: V1Container | undefined,
): Expectation[] {
  const variables = new Map(container?.env?.map(({ name, value }) => [name, value]));
  return [
    ["image", container?.image, image],
    ["variable ROUND", variables.get("ROUND"), environment["ROUND"]],
    ["variable of others", variables.get("DRIFT"), undefined],
  ];
}

function ownerOf(object: Stored | undefined): string | undefined {
  return object?.metadata.ownerReferences?.[0]?.uid;
}
