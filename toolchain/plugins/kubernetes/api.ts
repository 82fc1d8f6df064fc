/** The API by kinds: where objects of a kind live, and the requests on one object. */
import type { Bag } from "../lib/values.ts";
import { isNotFound, NoKindError } from "./api-error.ts";
import type { Client } from "./client.ts";
import { findRules, toApiVersion, type Gvk } from "./kinds.ts";
import { getItems, getString, get } from "./metadata.ts";

/** Where an object lives. */
export interface Place {
  gvk: Gvk;
  name: string;
  /** Ignored in cluster-wide kinds. */
  namespace: string | undefined;
}

interface ApplyOptions {
  fieldManager: string;
  /** Take over fields of other managers. */
  force: boolean;
  dryRun: boolean;
}

export interface Api {
  /** @throws NoKindError when the cluster does not serve the kind */
  isNamespaced(gvk: Gvk, signal: AbortSignal): Promise<boolean>;
  /** The object, or undefined when there is none (or no such kind). */
  find(place: Place, signal: AbortSignal): Promise<Bag | undefined>;
  /** Items of a list, e.g. `/api/v1/namespaces/default/pods?labelSelector=...`. */
  list(path: string, signal: AbortSignal): Promise<Bag[]>;
  /** Server-side apply. */
  apply(object: Bag, options: ApplyOptions & { place: Place }, signal: AbortSignal): Promise<Bag>;
  /** Asks for the deletion; false when there is nothing to delete. */
  remove(place: Place, propagation: string, signal: AbortSignal): Promise<boolean>;
}

interface Endpoint {
  plural: string;
  namespaced: boolean;
}

/** The API over a client. Discovery is asked once a group version and kept. */
export function createApi(client: Client): Api {
  const groups = new Map<string, Promise<Map<string, Endpoint>>>();

  async function discover(gvk: Gvk, signal: AbortSignal): Promise<Endpoint> {
    const rules = findRules(gvk);
    if (rules) return rules;
    const apiVersion = toApiVersion(gvk);
    const pending = groups.get(apiVersion) ?? listKinds(client, apiVersion, signal);
    groups.set(apiVersion, pending);
    const endpoint = await pending.then(
      (kinds) => kinds.get(gvk.kind),
      (error: unknown) => {
        groups.delete(apiVersion);
        throw error;
      },
    );
    if (endpoint) return endpoint;
    // The CustomResourceDefinition may come with the next update of this very run.
    groups.delete(apiVersion);
    throw new NoKindError(apiVersion, gvk.kind);
  }

  async function toPath(place: Place, signal: AbortSignal): Promise<string> {
    const endpoint = await discover(place.gvk, signal);
    return `${toCollection(place, endpoint)}/${encodeURIComponent(place.name)}`;
  }

  return {
    isNamespaced: async (gvk, signal) => (await discover(gvk, signal)).namespaced,
    find: (place, signal) =>
      orMissing(async () =>
        client.send({ method: "GET", path: await toPath(place, signal), signal }),
      ),
    async list(path, signal) {
      return getItems(await client.send({ method: "GET", path, signal }), "items") as Bag[];
    },
    async apply(object, { place, ...options }, signal) {
      const endpoint = await discover(place.gvk, signal);
      const path = `${await toPath(place, signal)}?${toQuery(options)}`;
      const body = endpoint.namespaced ? object : withoutNamespace(object);
      const contentType = "application/apply-patch+yaml";
      return client.send({ method: "PATCH", path, body, contentType, signal });
    },
    async remove(place, propagationPolicy, signal) {
      const gone = await orMissing(async () => {
        const path = await toPath(place, signal);
        return client.send({ method: "DELETE", path, body: { propagationPolicy }, signal });
      });
      return gone !== undefined;
    },
  };
}

async function orMissing(action: () => Promise<Bag>): Promise<Bag | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function toCollection(place: Place, endpoint: Endpoint): string {
  const { gvk, namespace } = place;
  const root = gvk.group === "" ? "/api" : "/apis";
  const base = `${root}/${toApiVersion(gvk)}`;
  return endpoint.namespaced
    ? `${base}/namespaces/${encodeURIComponent(namespace ?? "default")}/${endpoint.plural}`
    : `${base}/${endpoint.plural}`;
}

function toQuery({ fieldManager, force, dryRun }: ApplyOptions): string {
  const query = new URLSearchParams({ fieldManager, force: String(force) });
  if (dryRun) query.set("dryRun", "All");
  return query.toString();
}

function withoutNamespace(object: Bag): Bag {
  const metadata = { ...(get(object, "metadata") as Bag) };
  delete metadata["namespace"];
  return { ...object, metadata };
}

async function listKinds(
  client: Client,
  apiVersion: string,
  signal: AbortSignal,
): Promise<Map<string, Endpoint>> {
  const path = `/apis/${apiVersion}`;
  const found = await orMissing(() => client.send({ method: "GET", path, signal }));
  const resources = getItems(found, "resources").filter(
    // `functions/status` and the like are no collections.
    (resource) => !(getString(resource, "name") ?? "/").includes("/"),
  );
  return new Map(
    resources.map((resource) => [
      getString(resource, "kind") ?? "",
      {
        plural: getString(resource, "name") ?? "",
        namespaced: get(resource, "namespaced") === true,
      },
    ]),
  );
}
