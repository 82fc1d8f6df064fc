/** The operator's live copies of what it reads, and which function each change is about. */
import { ANNOTATION, CRD, LABEL, type FunctionResource } from "../contract/index.ts";
import { resourcePath, type KubernetesClient, type ResourceReference } from "../lib/kubernetes.ts";
import type { Logger } from "../lib/logger.ts";
import { ResourceWatch, type Change, type WatchedObject } from "../lib/watch.ts";
import type { Deployment, Metadata, Namespace, Pod, Service } from "./kubernetes-types.ts";
import type { Caches } from "./reconciler.ts";

export interface WatchesOptions {
  client: KubernetesClient;
  logger: Logger;
  functionNamespace: string;
  /** All namespaces that are marked for functions, not just `functionNamespace`. */
  isClusterScoped: boolean;
  /** Told which function to look at again. */
  onChange: (key: string) => void;
  /** Told of Deployments and Services that are gone. */
  onGone: (plural: "deployments" | "services", metadata: Metadata) => void;
}

export class Watches implements Caches {
  readonly #options: WatchesOptions;
  readonly #functions: ResourceWatch<FunctionResource>;
  readonly #deployments: ResourceWatch<Deployment>;
  readonly #services: ResourceWatch<Service>;
  readonly #pods: ResourceWatch<Pod>;
  readonly #namespaces: ResourceWatch<Namespace> | undefined;
  /** Keys of pods by function. */
  readonly #podsOf = new Map<string, Set<string>>();

  constructor(options: WatchesOptions) {
    this.#options = options;
    const { isClusterScoped, onChange, onGone } = options;
    this.#functions = this.#create({ group: CRD.group, plural: CRD.plural }, toSmallFunction);
    this.#deployments = this.#create({ group: "apps", plural: "deployments" }, toSmallDeployment);
    this.#services = this.#create({ plural: "services" }, toSmall);
    this.#pods = this.#create({ plural: "pods" }, toSmallPod);
    this.#namespaces = isClusterScoped
      ? this.#create({ plural: "namespaces" }, toSmall)
      : undefined;
    this.#functions.on("change", ({ key }) => onChange(key));
    this.#deployments.on("change", (change) => {
      this.#noteChild(change);
      noteGone(change, (metadata) => onGone("deployments", metadata));
    });
    this.#services.on("change", (change) => {
      this.#noteChild(change);
      noteGone(change, (metadata) => onGone("services", metadata));
    });
    this.#pods.on("change", (change) => this.#notePod(change));
    this.#namespaces?.on("change", ({ key }) => this.#noteNamespace(key));
  }

  /** Lists everything, then resolves; the copies are kept up to date from then on. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((watch) => watch.start().waitForSync(signal)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all().map((watch) => watch.stop()));
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#all()
      .map((watch) => watch.problem())
      .find((problem) => problem !== undefined);
  }

  /** Keys of all Functions. */
  keys(): string[] {
    return Array.from(this.#functions.values(), toKey);
  }

  getFunction(key: string): FunctionResource | undefined {
    return this.#functions.get(key);
  }

  getDeployment(key: string): Deployment | undefined {
    return this.#deployments.get(key);
  }

  getService(key: string): Service | undefined {
    return this.#services.get(key);
  }

  getPods(key: string): Pod[] {
    const keys = [...(this.#podsOf.get(key) ?? [])];
    return keys.flatMap((podKey) => this.#pods.get(podKey) ?? []);
  }

  isFunctionNamespace(namespace: string): boolean {
    const { functionNamespace } = this.#options;
    const { annotations, labels } = this.#namespaces?.get(namespace)?.metadata ?? {};
    const mark = ANNOTATION.functionNamespace;
    return namespace === functionNamespace || annotations?.[mark] === "1" || labels?.[mark] === "1";
  }

  #create<T extends WatchedObject & { metadata: Metadata }>(
    reference: ResourceReference,
    project: (object: T) => T,
  ): ResourceWatch<T> {
    const { client, logger, functionNamespace: namespace, isClusterScoped } = this.#options;
    const isChild = reference.plural !== CRD.plural && reference.plural !== "namespaces";
    return new ResourceWatch<T>({
      client,
      logger,
      project,
      path: resourcePath({ ...reference, ...(!isClusterScoped && { namespace }) }),
      ...(isChild && { labelSelector: LABEL.function }),
    });
  }

  #all(): ResourceWatch<FunctionResource & Deployment & Service & Pod & Namespace>[] {
    const watches = [this.#functions, this.#deployments, this.#services, this.#pods];
    return [...watches, ...(this.#namespaces ? [this.#namespaces] : [])] as never;
  }

  #noteChild({ current, previous }: Change<{ metadata: Metadata }>): void {
    const key = functionKey(current ?? previous);
    if (key !== undefined) {
      this.#options.onChange(key);
    }
  }

  #notePod(change: Change<Pod>): void {
    const key = functionKey(change.current ?? change.previous);
    if (key === undefined) {
      return;
    }
    const pods = this.#podsOf.get(key) ?? new Set();
    if (change.current === undefined) {
      pods.delete(change.key);
    } else {
      pods.add(change.key);
    }
    if (pods.size === 0) {
      this.#podsOf.delete(key);
    } else {
      this.#podsOf.set(key, pods);
    }
    this.#options.onChange(key);
  }

  #noteNamespace(namespace: string): void {
    for (const resource of this.#functions.values()) {
      if (resource.metadata.namespace === namespace) {
        this.#options.onChange(toKey(resource));
      }
    }
  }
}

function toKey({ metadata }: FunctionResource): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** The key of the function that an object is labelled with. */
function functionKey(object: { metadata: Metadata } | undefined): string | undefined {
  const name = object?.metadata.labels?.[LABEL.function];
  return name === undefined ? undefined : `${object?.metadata.namespace ?? ""}/${name}`;
}

function noteGone(
  { current, previous }: Change<{ metadata: Metadata }>,
  onGone: (metadata: Metadata) => void,
): void {
  if (current === undefined && previous !== undefined) {
    onGone(previous.metadata);
  }
}

/** Metadata without what the operator never reads: managed fields are most of an object. */
function toSmallMetadata(metadata: Metadata): Metadata {
  const { name, namespace, uid, generation, resourceVersion, creationTimestamp } = metadata;
  const { deletionTimestamp, labels, annotations } = metadata;
  return JSON.parse(
    JSON.stringify({
      name,
      namespace,
      uid,
      generation,
      resourceVersion,
      creationTimestamp,
      deletionTimestamp,
      labels,
      annotations,
    }),
  ) as Metadata;
}

function toSmall<T extends { metadata: Metadata }>({ metadata }: T): T {
  return { metadata: toSmallMetadata(metadata) } as T;
}

function toSmallFunction(resource: FunctionResource): FunctionResource {
  return { ...resource, metadata: toSmallMetadata(resource.metadata) as never };
}

function toSmallDeployment({ metadata, spec, status }: Deployment): Deployment {
  return {
    metadata: toSmallMetadata(metadata),
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
    ...(status && { status }),
  };
}

function toSmallPod({ metadata, spec, status }: Pod): Pod {
  const volumes = spec?.volumes?.filter(({ configMap }) => configMap !== undefined) ?? [];
  return {
    metadata: toSmallMetadata(metadata),
    spec: { volumes },
    ...(status && { status }),
  };
}
