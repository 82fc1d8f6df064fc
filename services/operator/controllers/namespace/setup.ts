/**
 * Prepares a marked namespace for functions: rights of gateway and operator, isolation, Pod
 * Security. It keeps its own objects as they are wanted, and removes nothing of others.
 */
import { FIELD_MANAGER, POD_SECURITY, PREPARED } from "../../../../contract/index.ts";
import {
  isKubernetesStatus,
  type KubernetesClient,
  resourcePath,
} from "../../../lib/kubernetes.ts";
import type { Namespace } from "../../kubernetes/types.ts";
import { findDrift, isAsWanted, type StoredObject } from "./drift.ts";
import { DriftReport, type DriftReportOptions, type Finding } from "./drift-report.ts";
import { type OwnObject, type OwnObjectsOptions, toOwnObjects } from "./objects.ts";

export interface NamespaceSetupOptions extends OwnObjectsOptions, DriftReportOptions {
  client: KubernetesClient;
}

const LABELS = { "app.kubernetes.io/managed-by": "plonk" };

/** What is remembered of a namespace. */
interface Sight {
  uid: string | undefined;
  /** The objects that were as they are wanted. */
  seen: Set<OwnObject>;
  /** What was found, and not yet told: an attempt may fail half-way. */
  found: Map<OwnObject, Finding>;
}

export class NamespaceSetup {
  readonly #options: NamespaceSetupOptions;
  readonly #objects: readonly OwnObject[];
  readonly #report: DriftReport;
  readonly #sights = new Map<string, Sight>();

  constructor(options: NamespaceSetupOptions) {
    this.#options = options;
    this.#objects = toOwnObjects(options);
    this.#report = new DriftReport(options);
  }

  /** Sets the namespace up, then annotates it. Throws a KubernetesError. */
  async prepare(namespace: Namespace): Promise<void> {
    const { name, annotations } = namespace.metadata;
    const sight = this.#sightOf(namespace);
    for (const object of this.#objects) {
      await this.#keep(name, object, sight);
    }
    await this.#mark(namespace);
    if (annotations?.[PREPARED] === undefined) {
      this.#options.logger.info({ namespace: name }, "namespace set up for functions");
    }
    // Not before: the right to write Events comes with one of the objects.
    for (const [object, finding] of sight.found) {
      sight.found.delete(object);
      await this.#report.tell(namespace, finding);
    }
  }

  forget(namespace: string): void {
    this.#sights.delete(namespace);
  }

  #sightOf({ metadata: { name, uid } }: Namespace): Sight {
    const known = this.#sights.get(name);
    if (known !== undefined && known.uid === uid) {
      return known;
    }
    const sight: Sight = { uid, seen: new Set(), found: new Map() };
    this.#sights.set(name, sight);
    return sight;
  }

  /** Makes the object as it is wanted, where it is not. */
  async #keep(namespace: string, object: OwnObject, { seen, found }: Sight): Promise<void> {
    const path = toPath(namespace, object);
    const stored = await this.#options.client.find<StoredObject>(path);
    const wasSeen = seen.has(object);
    const fields = stored && findDrift(object, stored, wasSeen);
    const isFound = fields === undefined ? wasSeen : fields.length > 0;
    if (isFound && !found.has(object)) {
      found.set(object, { object, fields });
    }
    if (stored === undefined || !isAsWanted(object, stored) || !hasLabels(stored)) {
      await this.#apply(path, object, stored);
    }
    seen.add(object);
  }

  async #apply(path: string, object: OwnObject, stored: StoredObject | undefined): Promise<void> {
    const { client } = this.#options;
    const { apiVersion, kind, name, content } = object;
    if (stored !== undefined && isOfAnotherRole(object, stored)) {
      await this.#remove(path, stored);
    }
    const answer = await client.apply<StoredObject>(
      path,
      { apiVersion, kind, metadata: { name, labels: LABELS }, ...content },
      { fieldManager: FIELD_MANAGER.operator, force: true },
    );
    if (isAsWanted(object, answer)) {
      return;
    }
    // What others have added is still there.
    await client.request(path, {
      method: "PATCH",
      query: { fieldManager: FIELD_MANAGER.operator },
      contentType: "application/json-patch+json",
      body: Object.entries(content).map(([field, value]) => ({
        op: "replace",
        path: `/${field}`,
        value,
      })),
    });
  }

  /** That one was deleted, or made anew, meanwhile is as good. */
  async #remove(path: string, { metadata: { uid } }: StoredObject): Promise<void> {
    const { client } = this.#options;
    const body = { preconditions: { uid } };
    await client.request(path, { method: "DELETE", body }).catch((error: unknown) => {
      if (!isKubernetesStatus(error, 404) && !isKubernetesStatus(error, 409)) {
        throw error;
      }
    });
  }

  /** A Pod Security standard that is already there stays: the namespace may have other pods. */
  async #mark({ metadata }: Namespace): Promise<void> {
    const { client } = this.#options;
    const { name, uid, labels = {}, annotations = {} } = metadata;
    const own = Object.entries(POD_SECURITY).filter(
      ([label, standard]) => (labels[label] ?? standard) === standard,
    );
    if (annotations[PREPARED] === "1" && own.every(([label]) => labels[label] !== undefined)) {
      return;
    }
    await client.apply(
      resourcePath({ plural: "namespaces", name }),
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name,
          // Without it a namespace that was deleted meanwhile would be created again.
          ...(uid !== undefined && { uid }),
          labels: Object.fromEntries(own),
          annotations: { [PREPARED]: "1" },
        },
      },
      { fieldManager: FIELD_MANAGER.operator },
    );
  }
}

function toPath(namespace: string, { group, plural, name }: OwnObject): string {
  return resourcePath({ group, plural, namespace, name });
}

function hasLabels({ metadata: { labels = {} } }: StoredObject): boolean {
  return Object.entries(LABELS).every(([label, value]) => labels[label] === value);
}

/** The role of a binding cannot be changed: only another binding has another one. */
function isOfAnotherRole({ content }: OwnObject, stored: StoredObject): boolean {
  const { roleRef } = content;
  return roleRef !== undefined && !isAsWanted({ content: { roleRef } }, stored);
}
