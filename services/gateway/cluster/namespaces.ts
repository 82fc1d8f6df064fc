/** Which namespaces hold functions, kept by a watch, and which one a request means. */
import {
  ANNOTATION,
  isFunctionNamespace,
  type NamespaceMetadata,
  type PlatformNamespaces,
  PREPARED,
} from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { pick } from "../../lib/pick.ts";
import { FRESH_SECONDS, ResourceWatch } from "../../lib/watch.ts";
import { failures, HttpError } from "../errors.ts";

export interface NamespaceObject {
  metadata: NamespaceMetadata & { resourceVersion?: string };
}

export interface FunctionNamespacesOptions extends PlatformNamespaces {
  client: KubernetesClient;
  logger: Logger;
  /** All marked namespaces, which takes the right to list them; otherwise the own one alone. */
  isClusterScoped: boolean;
}

export class FunctionNamespaces {
  /** The platform's own function namespace, which is meant where none is named. */
  readonly home: string;
  /** Undefined where the gateway serves its own function namespace alone. */
  readonly watch: ResourceWatch<NamespaceObject> | undefined;
  readonly #names: Set<string>;

  constructor(options: FunctionNamespacesOptions) {
    const { client, logger, functionNamespace, isClusterScoped } = options;
    this.home = functionNamespace;
    this.#names = new Set([functionNamespace]);
    if (isClusterScoped) {
      const path = resourcePath({ plural: "namespaces" });
      const renewSeconds = FRESH_SECONDS;
      this.watch = new ResourceWatch({ client, path, logger, project, renewSeconds });
      this.watch.setMaxListeners(0);
      this.watch.on("change", ({ key, current }) => {
        if (current !== undefined && isFunctionNamespace(current.metadata, options)) {
          this.#names.add(key);
        } else if (key !== functionNamespace) {
          this.#names.delete(key);
        }
      });
    }
  }

  /** Whether functions live in a namespace of this name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** All names, in order. */
  list(): string[] {
    return [...this.#names].sort();
  }

  /** Whether the operator has set the namespace up. */
  isPrepared(name: string): boolean {
    return this.watch?.get(name)?.metadata.annotations?.[PREPARED] !== undefined;
  }

  /** The path of a namespaced collection is for all namespaces, or for the only one. */
  get scope(): string | undefined {
    return this.watch === undefined ? this.home : undefined;
  }

  async start(): Promise<void> {
    await this.watch?.start().waitForSync();
  }

  async stop(): Promise<void> {
    await this.watch?.stop();
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.watch?.problem();
  }
}

/** Keeps the marks; a namespace's other labels and annotations are read when they are asked for. */
function project({ metadata }: NamespaceObject): NamespaceObject {
  const { name, resourceVersion, labels = {}, annotations = {}, deletionTimestamp } = metadata;
  const mark = ANNOTATION.functionNamespace;
  return {
    metadata: {
      name,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      labels: pick(labels, [mark]),
      annotations: pick(annotations, [mark, PREPARED]),
    },
  };
}

/**
 * The namespace that a request means: the platform's own one where none is named.
 *
 * Throws a BadRequest for one without functions, and not a 404, which clients take for a missing
 * function: faas-cli would go on to create it.
 */
export function toNamespace(
  { namespaces }: { namespaces: FunctionNamespaces },
  sent: string | undefined,
): string {
  if (sent === undefined || sent === "") {
    return namespaces.home;
  }
  if (!namespaces.has(sent)) {
    throw new HttpError(
      failures.badRequest(`namespace: expected a function namespace, got ${JSON.stringify(sent)}`),
    );
  }
  return sent;
}
