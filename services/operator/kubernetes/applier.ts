/** Applies objects of one kind, except when they are already stored as they would be sent. */
import { createHash } from "node:crypto";
import { FIELD_MANAGER, toKey } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { copyFields, type FieldPath } from "./foreign-fields.ts";
import { namespaceOfKey } from "./keys.ts";
import type { NamespaceInformers } from "./namespace-informers.ts";
import { Repairs } from "./repairs.ts";
import type { Metadata } from "./types.ts";

interface Stored {
  metadata: Metadata;
  /** What others own of its spec. */
  foreign?: readonly string[];
}

/** An object to apply. */
interface Desired {
  metadata?: { name?: string; namespace?: string; ownerReferences?: { uid: string }[] } & Marks;
  spec?: unknown;
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

/** What others have written into an object's spec. */
export interface Drift {
  /** Key of the object. */
  key: string;
  /** Each with who wrote it. */
  fields: readonly string[];
  /** Taken back, or left as it came back after that. */
  result: "repaired" | "left";
  /** Whether it is another than a moment ago. */
  isNews: boolean;
}

export interface ApplierOptions<T extends Stored> {
  client: KubernetesClient;
  informers: NamespaceInformers<T>;
  /** Fields of the spec that stay as they are where the operator sets none. @default none */
  shared?: readonly FieldPath[];
  onDrift?: (drift: Drift) => Promise<void>;
}

export class Applier<T extends Stored> {
  readonly #options: ApplierOptions<T>;
  readonly #applied = new Map<string, Applied<T>>();
  /** What was found, and not yet told: an attempt to take it back may fail half-way. */
  readonly #found = new Map<string, ReadonlySet<string>>();
  readonly #repairs = new Repairs();

  constructor(options: ApplierOptions<T>) {
    this.#options = options;
    options.informers.on("change", ({ key, current }) => {
      if (current === undefined) {
        this.#forget(key);
      }
    });
    options.informers.on("left", (namespace) => this.#forgetNamespace(namespace));
  }

  /**
   * Server-side apply, forced: the operator alone writes these objects. What others have added to
   * the spec is taken away, which applying does not do; once, if it comes back soon. Returns the
   * newest known state, which may be newer than the informer's. Throws a KubernetesError.
   */
  async apply(object: Desired): Promise<T> {
    const key = keyOf(object);
    const sent = createHash("sha256").update(JSON.stringify(object)).digest("base64");
    const sending = { key, sent, object };
    const known = this.#repairs.endWait(key) ? undefined : this.#findAsWanted(sending);
    return known ?? (await this.#send(sending));
  }

  /** After how long to apply again for what others have written; undefined where they have not. */
  waitMs(key: string): number | undefined {
    return this.#repairs.waitMs(key);
  }

  /** The object where it is as it was applied, or waits for that, being changed all the time. */
  #findAsWanted({ key, sent, object }: Sending): T | undefined {
    const last = this.#applied.get(key);
    if (last?.sent !== sent) {
      return undefined;
    }
    // Without a live copy the informer has not seen it yet: a deletion would have removed `last`.
    const known = this.#options.informers.get(key) ?? last.stored;
    const isSame = isAsApplied(last.stored, known);
    if (isSame) {
      // One of both is enough.
      last.stored = known;
    }
    const mayStay =
      isSame || (isNewer(known, last.stored) && this.#repairs.mustWait(key, known.foreign ?? []));
    return mayStay && hasMarks(known, object) ? known : undefined;
  }

  async #send({ key, sent, object }: Sending): Promise<T> {
    const { client, informers } = this.#options;
    const changed = new Set([...(this.#found.get(key) ?? []), ...this.#findNews(key)]);
    const { name = "", namespace = "" } = object.metadata ?? {};
    const path = resourcePath({ ...informers.kind, namespace, name });
    const answer = await client.apply<T>(path, object, {
      fieldManager: FIELD_MANAGER.operator,
      force: true,
    });
    // What that alone has taken back is nowhere to be seen in another attempt.
    this.#found.set(key, changed);
    let stored = informers.trim(answer);
    const { foreign: added = [] } = stored;
    if (added.length > 0 && !(await this.#isLeft(key, added))) {
      stored = informers.trim(await this.#replace(path, object, answer));
    }
    this.#applied.set(key, { sent, stored });
    this.#found.delete(key);
    await this.#noteRepair(key, [...new Set([...changed, ...added])], stored);
    return stored;
  }

  /** What others own by the live copy, if that is of after it was applied. */
  #findNews(key: string): readonly string[] {
    const live = this.#options.informers.get(key);
    const stored = this.#applied.get(key)?.stored;
    const isNews = live !== undefined && (stored === undefined || isNewer(live, stored));
    return isNews ? (live.foreign ?? []) : [];
  }

  /** Stores the object as it is wanted, unless somebody has written meanwhile (409). */
  async #replace(path: string, object: Desired, answer: T): Promise<T> {
    const { client, shared = [] } = this.#options;
    // Left out, they stay the API server's business.
    const metadata = { ...answer.metadata, managedFields: undefined };
    return await client.request<T>(path, {
      method: "PUT",
      query: { fieldManager: FIELD_MANAGER.operator },
      body: copyFields(answer, { ...object, metadata }, shared),
    });
  }

  async #isLeft(key: string, fields: readonly string[]): Promise<boolean> {
    const judgement = this.#repairs.judge(key, fields);
    if (judgement === "tell") {
      await this.#options.onDrift?.({ key, fields, result: "left", isNews: true });
    }
    return judgement !== "takeBack";
  }

  /** Some fields may belong to others still: those that are as the API server sets them itself. */
  async #noteRepair(key: string, found: readonly string[], { foreign = [] }: T): Promise<void> {
    const fields = found.filter((field) => !foreign.includes(field));
    if (fields.length > 0) {
      const isNews = this.#repairs.note(key, found);
      await this.#options.onDrift?.({ key, fields, result: "repaired", isNews });
    }
  }

  #forget(key: string): void {
    this.#applied.delete(key);
    this.#found.delete(key);
    this.#repairs.forget(key);
  }

  #forgetNamespace(namespace: string): void {
    for (const key of [...this.#applied.keys(), ...this.#found.keys()]) {
      if (namespaceOfKey(key) === namespace) {
        this.#forget(key);
      }
    }
  }
}

interface Sending {
  key: string;
  sent: string;
  object: Desired;
}

function keyOf({ metadata: { name = "", namespace = "" } = {} }: Desired): string {
  return toKey({ name, namespace });
}

/** Whether labels, annotations and owners are as they were sent: no generation tells. */
function hasMarks({ metadata }: Stored, { metadata: wanted = {} }: Desired): boolean {
  const owners = metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
  return (
    (wanted.ownerReferences ?? []).every(({ uid }) => owners.includes(uid)) &&
    (["labels", "annotations"] as const).every((field) => {
      const live = new Map(Object.entries(metadata[field] ?? {}));
      return Object.entries(wanted[field] ?? {}).every(([key, value]) => live.get(key) === value);
    })
  );
}

/** By generation, which each change of a spec raises; by version where there is none. */
function isAsApplied(stored: Stored, live: Stored): boolean {
  return live.metadata.uid === stored.metadata.uid && versionOf(live) === versionOf(stored);
}

/** Whether a live copy is of after what was stored: one from before tells nothing. */
function isNewer(live: Stored, stored: Stored): boolean {
  return (
    live.metadata.uid !== stored.metadata.uid || Number(versionOf(live)) > Number(versionOf(stored))
  );
}

function versionOf({ metadata }: Stored): string | undefined {
  return metadata.generation === undefined ? metadata.resourceVersion : String(metadata.generation);
}
