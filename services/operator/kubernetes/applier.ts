/** Applies objects of one kind, except when they are already stored as they would be sent. */
import { createHash } from "node:crypto";
import { FIELD_MANAGER, toKey } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { namespaceOfKey } from "./keys.ts";
import type { NamespaceInformers } from "./namespace-informers.ts";
import type { Metadata } from "./types.ts";

interface Stored {
  metadata: Metadata;
}

/** An object to apply. */
interface Desired {
  metadata?: { name?: string; namespace?: string } & Marks;
}

interface Marks {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** There may be thousands: no more is kept than what is asked for. */
interface Applied<T> {
  /** Digest of the object that was sent. */
  sent: string;
  /** The API server's answer, cut down as the informer's copies are. */
  stored: T;
}

export class Applier<T extends Stored> {
  readonly #client: KubernetesClient;
  readonly #informers: NamespaceInformers<T>;
  readonly #applied = new Map<string, Applied<T>>();

  constructor(client: KubernetesClient, informers: NamespaceInformers<T>) {
    this.#client = client;
    this.#informers = informers;
    informers.on("change", ({ key, current }) => {
      if (current === undefined) {
        this.#applied.delete(key);
      }
    });
    informers.on("left", (namespace) => this.#forgetNamespace(namespace));
  }

  /**
   * Server-side apply, forced: the operator alone writes these objects. Returns the newest known
   * state, which may be newer than the informer's. Throws a KubernetesError.
   */
  async apply(object: Desired): Promise<T> {
    const { name = "", namespace = "" } = object.metadata ?? {};
    const key = toKey({ namespace, name });
    const sent = createHash("sha256").update(JSON.stringify(object)).digest("base64");
    const last = this.#applied.get(key);
    if (last?.sent === sent) {
      // Without a live copy the informer has not seen it yet: a deletion would have removed `last`.
      const known = this.#informers.get(key) ?? last.stored;
      if (isAsApplied(last.stored, known) && hasMarks(known, object)) {
        return known;
      }
    }
    const path = resourcePath({ ...this.#informers.kind, namespace, name });
    const answer = await this.#client.apply<T>(path, object, {
      fieldManager: FIELD_MANAGER.operator,
      force: true,
    });
    const stored = this.#informers.trim(answer);
    this.#applied.set(key, { sent, stored });
    return stored;
  }

  #forgetNamespace(namespace: string): void {
    for (const key of this.#applied.keys()) {
      if (namespaceOfKey(key) === namespace) {
        this.#applied.delete(key);
      }
    }
  }
}

/** Whether labels and annotations are as they were sent: no generation tells. */
function hasMarks({ metadata }: Stored, { metadata: wanted = {} }: Desired): boolean {
  return (["labels", "annotations"] as const).every((field) => {
    const live = new Map(Object.entries(metadata[field] ?? {}));
    return Object.entries(wanted[field] ?? {}).every(([key, value]) => live.get(key) === value);
  });
}

/** By generation, which each change of a spec raises; by version where there is none. */
function isAsApplied(stored: Stored, live: Stored): boolean {
  const { generation, uid, resourceVersion } = stored.metadata;
  if (live.metadata.uid !== uid) {
    return false;
  }
  return generation === undefined
    ? live.metadata.resourceVersion === resourceVersion
    : live.metadata.generation === generation;
}
