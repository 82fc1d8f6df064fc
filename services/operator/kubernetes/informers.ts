/** The operator's live copies of what it reads, and what each change is about. */
import {
  CRD,
  type FunctionResource,
  isFunctionNamespace,
  type PlatformNamespaces,
  PREPARED,
  toKey,
} from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { ResourceWatch } from "../../lib/watch.ts";
import type { Caches, NamespaceState } from "../controllers/function/controller.ts";
import { Children } from "./namespace-informers.ts";
import { toSmall, toSmallFunction } from "./transforms.ts";
import type { Deployment, Metadata, Namespace, Pod, Service } from "./types.ts";

export interface WatchesOptions extends PlatformNamespaces {
  client: KubernetesClient;
  logger: Logger;
  /** All namespaces that are marked for functions, not just `functionNamespace`. */
  isClusterScoped: boolean;
  /** Told which function to look at again. */
  onChange: (key: string) => void;
  /** Told of a marked namespace that is new or has changed. */
  onNamespace: (name: string) => void;
  /** Told of a namespace whose functions are no longer looked after. */
  onNamespaceLeft: (name: string) => void;
  /** Told of Deployments and Services that are gone. */
  onGone: (plural: "deployments" | "services", metadata: Metadata) => void;
}

export class Watches implements Caches {
  readonly #options: WatchesOptions;
  readonly #functions: ResourceWatch<FunctionResource>;
  readonly #namespaces: ResourceWatch<Namespace> | undefined;
  /** By namespace: what is in others than function namespaces is not the operator's to read. */
  readonly #children = new Map<string, Children>();
  readonly #stopping = new AbortController();

  constructor(options: WatchesOptions) {
    this.#options = options;
    const { client, logger, functionNamespace: namespace, isClusterScoped } = options;
    this.#functions = new ResourceWatch<FunctionResource>({
      client,
      logger,
      project: toSmallFunction,
      path: resourcePath({
        group: CRD.group,
        plural: CRD.plural,
        ...(!isClusterScoped && { namespace }),
      }),
    });
    this.#functions.on("change", ({ key }) => options.onChange(key));
    if (isClusterScoped) {
      const path = resourcePath({ plural: "namespaces" });
      this.#namespaces = new ResourceWatch<Namespace>({ client, logger, project: toSmall, path });
      this.#namespaces.on("change", ({ key }) => this.#noteNamespace(key));
    }
  }

  /**
   * Lists everything, then resolves; the copies are kept up to date from then on. Other function
   * namespaces than the platform's own are not waited for: nobody else suffers from a bad one.
   */
  async start(): Promise<void> {
    const { functionNamespace } = this.#options;
    const { signal } = this.#stopping;
    await Promise.all([
      this.#functions.start().waitForSync(signal),
      this.#namespaces?.start().waitForSync(signal),
      this.#follow(functionNamespace),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const others = [...this.#children.values()].map((children) => children.stop());
    await Promise.all([this.#functions.stop(), this.#namespaces?.stop(), ...others]);
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    const home = this.#children.get(this.#options.functionNamespace);
    return this.#functions.problem() ?? this.#namespaces?.problem() ?? home?.problem();
  }

  /** Keys of all Functions. */
  keys(): string[] {
    return Array.from(this.#functions.values(), ({ metadata }) => toKey(metadata));
  }

  /** Names of the marked namespaces, without the platform's own. */
  namespaces(): string[] {
    return Array.from(this.#namespaces?.values() ?? [], ({ metadata }) => metadata.name).filter(
      (name) => this.getNamespace(name) !== undefined,
    );
  }

  /** A marked namespace that is not the platform's own. */
  getNamespace(name: string): Namespace | undefined {
    const namespace = this.#namespaces?.get(name);
    const isOther = name !== this.#options.functionNamespace;
    return namespace !== undefined &&
      isOther &&
      isFunctionNamespace(namespace.metadata, this.#options)
      ? namespace
      : undefined;
  }

  getFunction(key: string): FunctionResource | undefined {
    return this.#functions.get(key);
  }

  getDeployment(key: string): Deployment | undefined {
    return this.#childrenOf(key)?.deployments.get(key);
  }

  getService(key: string): Service | undefined {
    return this.#childrenOf(key)?.services.get(key);
  }

  getPods(key: string): Pod[] {
    return this.#childrenOf(key)?.getPods(key) ?? [];
  }

  stateOf(namespace: string): NamespaceState {
    if (this.#children.get(namespace)?.hasSynced === true) {
      return "served";
    }
    const { functionNamespace } = this.#options;
    const isServedSoon =
      namespace === functionNamespace || this.getNamespace(namespace) !== undefined;
    if (isServedSoon) {
      return "preparing";
    }
    return this.#isEnding(namespace) ? "ending" : "refused";
  }

  #isEnding(namespace: string): boolean {
    const known = this.#namespaces?.get(namespace);
    const isGone = this.#namespaces?.hasSynced === true && known === undefined;
    return isGone || known?.metadata.deletionTimestamp !== undefined;
  }

  #childrenOf(key: string): Children | undefined {
    return this.#children.get(key.slice(0, key.indexOf("/")));
  }

  #noteNamespace(name: string): void {
    if (name === this.#options.functionNamespace) {
      return;
    }
    const namespace = this.getNamespace(name);
    if (namespace === undefined) {
      this.#leave(name);
    } else {
      this.#options.onNamespace(name);
      if (namespace.metadata.annotations?.[PREPARED] !== undefined) {
        this.#follow(name).catch((error: unknown) => {
          this.#options.logger.debug({ namespace: name, reason: messageOf(error) }, "not followed");
        });
      }
    }
    this.#noteFunctions(name);
  }

  /** Begins to watch a namespace; resolves when the copies are complete. */
  async #follow(namespace: string): Promise<void> {
    if (this.#children.has(namespace)) {
      return;
    }
    const { client, logger, onChange, onGone } = this.#options;
    const children = new Children({ client, logger, namespace, onChange, onGone });
    this.#children.set(namespace, children);
    await children.start();
    this.#noteFunctions(namespace);
  }

  #leave(namespace: string): void {
    const children = this.#children.get(namespace);
    if (children !== undefined) {
      this.#children.delete(namespace);
      void children.stop();
      this.#options.onNamespaceLeft(namespace);
    }
  }

  #noteFunctions(namespace: string): void {
    for (const resource of this.#functions.values()) {
      if (resource.metadata.namespace === namespace) {
        this.#options.onChange(toKey(resource.metadata));
      }
    }
  }
}
