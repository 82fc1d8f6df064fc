/** The namespaces of functions: which there are, and how far each of them is. */
import { EventEmitter } from "node:events";
import { isFunctionNamespace, type PlatformNamespaces, PREPARED } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { ResourceWatch } from "../../lib/watch.ts";
import type { NamespaceInformers } from "./namespace-informers.ts";
import { trimToMetadata } from "./transforms.ts";
import type { Namespace } from "./types.ts";

/**
 * - `served`: its functions are reconciled
 * - `preparing`: they will be, once it is set up and its informers have synced
 * - `ending`: it is being deleted, with its functions
 * - `refused`: it is not marked for functions
 */
export type NamespaceState = "served" | "preparing" | "ending" | "refused";

/** The informers of a namespace, whatever their kind. */
type Followed = Pick<
  NamespaceInformers<Namespace>,
  "follow" | "leave" | "stop" | "hasSynced" | "problem"
>;

export interface FunctionNamespacesOptions extends PlatformNamespaces {
  client: KubernetesClient;
  logger: Logger;
  /** All namespaces that are marked for functions, not just `functionNamespace`. */
  isClusterScoped: boolean;
  /** Informers that follow each namespace of functions. */
  informers: readonly Followed[];
}

export interface FunctionNamespaceEvents {
  /** A namespace, other than the platform's own for functions, was created, changed or deleted. */
  change: [name: string];
  /** The informers of a namespace have synced: it is served from now on. */
  synced: [name: string];
}

export class FunctionNamespaces extends EventEmitter<FunctionNamespaceEvents> {
  readonly #options: FunctionNamespacesOptions;
  readonly #watch: ResourceWatch<Namespace> | undefined;
  readonly #followed = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(options: FunctionNamespacesOptions) {
    super();
    this.#options = options;
    const { client, logger, isClusterScoped } = options;
    if (isClusterScoped) {
      const path = resourcePath({ plural: "namespaces" });
      this.#watch = new ResourceWatch({ client, logger, path, project: trimToMetadata });
      this.#watch.on("change", ({ key }) => this.#onChange(key));
    }
  }

  /** Waits for the platform's own namespace alone: a bad one must not hold up the others. */
  async start(): Promise<void> {
    await Promise.all([
      this.#watch?.start().waitForSync(this.#stopping.signal),
      this.#follow(this.#options.functionNamespace),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([
      this.#watch?.stop(),
      ...this.#options.informers.map((informers) => informers.stop()),
    ]);
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    const { functionNamespace, informers } = this.#options;
    return [this.#watch?.problem(), ...informers.map((it) => it.problem(functionNamespace))].find(
      (problem) => problem !== undefined,
    );
  }

  /** A namespace that is marked for functions and is not the platform's own. */
  get(name: string): Namespace | undefined {
    const namespace = this.#watch?.get(name);
    const isOther = name !== this.#options.functionNamespace;
    return namespace !== undefined &&
      isOther &&
      isFunctionNamespace(namespace.metadata, this.#options)
      ? namespace
      : undefined;
  }

  /** Names of the namespaces that `get` gives. */
  names(): string[] {
    return Array.from(this.#watch?.values() ?? [], ({ metadata }) => metadata.name).filter(
      (name) => this.get(name) !== undefined,
    );
  }

  state(name: string): NamespaceState {
    const { functionNamespace, informers } = this.#options;
    if (informers.every((it) => it.hasSynced(name))) {
      return "served";
    }
    if (name === functionNamespace || this.get(name) !== undefined) {
      return "preparing";
    }
    return this.#isEnding(name) ? "ending" : "refused";
  }

  #isEnding(name: string): boolean {
    const namespace = this.#watch?.get(name);
    const isGone = this.#watch?.hasSynced === true && namespace === undefined;
    return isGone || namespace?.metadata.deletionTimestamp !== undefined;
  }

  #onChange(name: string): void {
    if (name === this.#options.functionNamespace) {
      return;
    }
    const namespace = this.get(name);
    if (namespace === undefined) {
      this.#leave(name);
    } else if (namespace.metadata.annotations?.[PREPARED] !== undefined) {
      this.#follow(name).catch((error: unknown) => {
        this.#options.logger.debug({ namespace: name, reason: messageOf(error) }, "not followed");
      });
    }
    this.emit("change", name);
  }

  /** Resolves when the informers of the namespace have synced. */
  async #follow(name: string): Promise<void> {
    if (this.#followed.has(name)) {
      return;
    }
    this.#followed.add(name);
    await Promise.all(this.#options.informers.map((informers) => informers.follow(name)));
    this.emit("synced", name);
  }

  #leave(name: string): void {
    if (this.#followed.delete(name)) {
      for (const informers of this.#options.informers) {
        void informers.leave(name);
      }
    }
  }
}
