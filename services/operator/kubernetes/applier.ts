/** Applies objects only when they differ from what was applied last, or were changed since. */
import { FIELD_MANAGER } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Metadata } from "./types.ts";

interface Stored {
  metadata: Metadata;
}

interface Applied {
  /** The object that was sent, as JSON. */
  sent: string;
  /** What the API server made of it. */
  stored: Stored;
}

/** What is to be applied, and what the watch knows of it. */
export interface ApplyRequest<T extends Stored> {
  group?: string;
  plural: string;
  object: { metadata?: { name?: string; namespace?: string } };
  /** The copy of the watch; undefined when it has none. */
  live: T | undefined;
}

export class Applier {
  readonly #client: KubernetesClient;
  readonly #applied = new Map<string, Applied>();

  constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /**
   * Server-side apply, forced: the operator alone writes these objects. Returns the newest known
   * state, which may be newer than the watch's. Throws a KubernetesError.
   */
  async apply<T extends Stored>(request: ApplyRequest<T>): Promise<T> {
    const { object, live } = request;
    const path = toPath(request.plural, object.metadata ?? {}, request.group);
    const sent = JSON.stringify(object);
    const last = this.#applied.get(path);
    if (last?.sent === sent) {
      // Without a live copy the watch has not seen it yet: `forget` would have told otherwise.
      const known = live ?? (last.stored as T);
      if (isAsApplied(last.stored, known)) {
        return known;
      }
    }
    const stored = await this.#client.apply<T>(path, object, {
      fieldManager: FIELD_MANAGER.operator,
      force: true,
    });
    this.#applied.set(path, { sent, stored });
    return stored;
  }

  /** Forgets all objects of a namespace, because it is gone or nobody's business any more. */
  forgetNamespace(namespace: string): void {
    for (const path of this.#applied.keys()) {
      if (path.includes(`/namespaces/${namespace}/`)) {
        this.#applied.delete(path);
      }
    }
  }

  /** Forgets an object, because the watch saw its end: it is applied again when needed. */
  forget(plural: string, metadata: Metadata, group?: string): void {
    this.#applied.delete(toPath(plural, metadata, group));
  }
}

function toPath(
  plural: string,
  { name = "", namespace = "" }: { name?: string; namespace?: string },
  group: string | undefined,
): string {
  return resourcePath({ plural, namespace, name, ...(group !== undefined && { group }) });
}

/** The generation changes with each change of a spec; where there is none, the version tells. */
function isAsApplied(stored: Stored, live: Stored): boolean {
  const { generation, uid, resourceVersion } = stored.metadata;
  if (live.metadata.uid !== uid) {
    return false;
  }
  return generation === undefined
    ? live.metadata.resourceVersion === resourceVersion
    : live.metadata.generation === generation;
}
