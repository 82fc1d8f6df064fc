/**
 * Live copies of one kind of object, in the namespaces of functions alone: what is in others is not
 * the operator's to read, so each namespace has a watch of its own.
 */
import { EventEmitter } from "node:events";
import { LABEL } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Change, ResourceWatch, type WatchedObject } from "../../lib/watch.ts";
import { Indexer } from "./indexer.ts";
import { namespaceOfKey } from "./keys.ts";

/** Which kind, as in a path. */
export interface Kind {
  /** @default the core group */
  group?: string;
  plural: string;
}

export interface NamespaceInformersOptions<T extends WatchedObject> {
  client: KubernetesClient;
  logger: Logger;
  kind: Kind;
  /** Keeps only what is read of an object. */
  transform: (object: T) => T;
  /** The value by which `byIndex` finds objects. */
  indexBy?: (object: T) => string | undefined;
}

export interface NamespaceInformerEvents<T> {
  /** An object was created, changed or deleted. */
  change: [change: Change<T>];
  /** A namespace is no longer watched. */
  left: [namespace: string];
}

interface Informer<T extends WatchedObject> {
  watch: ResourceWatch<T>;
  indexer: Indexer<T> | undefined;
  stopping: AbortController;
}

export class NamespaceInformers<T extends WatchedObject> extends EventEmitter<
  NamespaceInformerEvents<T>
> {
  readonly kind: Kind;
  readonly #options: NamespaceInformersOptions<T>;
  /** By namespace. */
  readonly #informers = new Map<string, Informer<T>>();

  constructor(options: NamespaceInformersOptions<T>) {
    super();
    this.#options = options;
    this.kind = options.kind;
  }

  /**
   * Begins to watch a namespace, of which nothing is known yet. Resolves when the copies are
   * complete, rejects when the namespace is left before.
   */
  async follow(namespace: string): Promise<void> {
    const informer = this.#create(namespace);
    this.#informers.set(namespace, informer);
    informer.watch.on("change", (change) => this.emit("change", change));
    await informer.watch.start().waitForSync(informer.stopping.signal);
  }

  /** Ends the watch of a namespace, and drops the copies. */
  async leave(namespace: string): Promise<void> {
    const informer = this.#informers.get(namespace);
    if (informer !== undefined) {
      this.#informers.delete(namespace);
      this.emit("left", namespace);
      await stop(informer);
    }
  }

  /** Ends all watches; the copies stay readable. */
  async stop(): Promise<void> {
    await Promise.all(Array.from(this.#informers.values(), stop));
  }

  /** Whether the copies of a namespace are complete. */
  hasSynced(namespace: string): boolean {
    return this.#informers.get(namespace)?.watch.hasSynced === true;
  }

  /** For readiness: undefined, or what is wrong with the copies of a namespace. */
  problem(namespace: string): string | undefined {
    return this.#informers.get(namespace)?.watch.problem();
  }

  /** An object as copies are kept. */
  trim(object: T): T {
    return this.#options.transform(object);
  }

  get(key: string): T | undefined {
    return this.#informers.get(namespaceOfKey(key))?.watch.get(key);
  }

  /** Objects with this value of the index; a key of the namespace in which they are looked for. */
  byIndex(value: string): T[] {
    return this.#informers.get(namespaceOfKey(value))?.indexer?.get(value) ?? [];
  }

  #create(namespace: string): Informer<T> {
    const { client, logger, kind, transform, indexBy } = this.#options;
    const watch = new ResourceWatch<T>({
      client,
      logger,
      path: resourcePath({ ...kind, namespace }),
      labelSelector: LABEL.function,
      project: transform,
    });
    const indexer = indexBy && new Indexer(watch, indexBy);
    return { watch, indexer, stopping: new AbortController() };
  }
}

async function stop<T extends WatchedObject>({ watch, stopping }: Informer<T>): Promise<void> {
  stopping.abort();
  await watch.stop();
}
