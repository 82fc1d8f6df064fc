/** `/system/namespaces` and `/system/namespace`: the namespaces that hold functions. */
import { setTimeout as sleep } from "node:timers/promises";
import { Type } from "typebox";
import {
  FIELD_MANAGER,
  FunctionNamespace,
  isFunctionNamespace,
  quote,
} from "../../../contract/index.ts";
import { isKubernetesStatus, resourcePath } from "../../lib/kubernetes.ts";
import { READ_YOUR_WRITES_MS } from "../cluster/functions.ts";
import { failures, HttpError } from "../errors.ts";
import { refuseForeign } from "./deployments.ts";
import { readAsGo } from "./go-json.ts";
import {
  type StoredNamespace,
  toFunctionNamespace,
  toNamespacePatch,
  toNewNamespace,
} from "./namespace-objects.ts";
import { Accepted, Done, operation } from "./operation.ts";
import type { SystemApp, SystemContext } from "./types.ts";

/** How long a new namespace is waited for, so that functions can be deployed at once. */
const PREPARATION_MS = 5000;

/** How often, and how long apart, new rights are tried: API servers learn of them by a watch. */
const RIGHTS = { attempts: 10, pauseMs: 50 };

/** Kubernetes refuses to delete it, in words that say nothing of namespaces. */
const UNDELETABLE = "default";

const Creation = Type.Object(FunctionNamespace.properties, {
  title: "NewFunctionNamespace",
  additionalProperties: false,
});
const Params = Type.Object({ namespace: Type.String() });
const Update = Type.Object(
  { ...FunctionNamespace.properties, name: Type.Optional(FunctionNamespace.properties.name) },
  { title: "FunctionNamespaceUpdate", additionalProperties: false },
);

/** Adds the routes that list, show and write namespaces. */
export function registerNamespaceRoutes(app: SystemApp, context: SystemContext): void {
  const { namespaces } = context;
  const list = {
    ...operation("GetNamespaces", "namespaces", "List the namespaces that hold functions"),
    response: { 200: Type.Array(Type.String()) },
  };
  app.get("/system/namespaces", { schema: list }, () => namespaces.list());
  registerCreation(app, context);
  const show = {
    ...operation("GetNamespace", "namespaces", "Show a function namespace"),
    params: Params,
    response: { 200: FunctionNamespace },
  };
  app.get("/system/namespace/:namespace", { schema: show }, async (request) =>
    toFunctionNamespace(await find(context, request.params.namespace)),
  );
  registerChanges(app, context);
}

function registerCreation(app: SystemApp, context: SystemContext): void {
  const schema = {
    body: Creation,
    response: { 201: Done, 202: Accepted },
  };
  const described = {
    ...operation("CreateNamespace", "namespaces", "Create a function namespace"),
    ...schema,
  };
  const create = async (body: FunctionNamespace): Promise<201 | 202> => {
    refuseSingle(context);
    await context.client
      .request(path(), {
        method: "POST",
        query: { fieldManager: FIELD_MANAGER.gateway },
        body: toNewNamespace(body, context),
      })
      .catch((error: unknown) => {
        throw isKubernetesStatus(error, 409)
          ? new HttpError(failures.conflict(`namespace ${body.name} already exists`))
          : error;
      });
    return (await isUsableInTime(context, body.name)) ? 201 : 202;
  };
  app.post("/system/namespace/", { schema: described }, async (request, reply) =>
    reply.code(await create(request.body)).send(),
  );
  app.post("/system/namespace", { schema: { hide: true, ...schema } }, async (request, reply) =>
    reply.code(await create(request.body)).send(),
  );
}

function registerChanges(app: SystemApp, context: SystemContext): void {
  const { client, namespaces } = context;
  const update = {
    ...operation("UpdateNamespace", "namespaces", "Replace a namespace's labels and annotations"),
    params: Params,
    body: Update,
    response: { 202: Accepted },
  };
  app.put("/system/namespace/:namespace", { schema: update }, async (request, reply) => {
    const { namespace } = request.params;
    const { name, ...sent } = request.body;
    refuseOtherName(namespace, name);
    const patch = toNamespacePatch(await find(context, namespace), sent);
    await client.mergePatch(path(namespace), patch, FIELD_MANAGER.gateway);
    return reply.code(202).send();
  });
  const remove = {
    ...operation("DeleteNamespace", "namespaces", "Delete a namespace and all its functions"),
    params: Params,
    response: { 202: Accepted },
  };
  app.delete("/system/namespace/:namespace", { schema: remove }, async (request, reply) => {
    const { namespace } = request.params;
    // faas-cli sends the namespace once more; a body is not needed.
    refuseOtherName(namespace, (readAsGo(Update, request.body ?? {}) as { name?: unknown }).name);
    refuseDeletion(context, await find(context, namespace));
    await client.request(path(namespace), { method: "DELETE" });
    await namespaces.watch?.waitUntil(() => !namespaces.has(namespace), READ_YOUR_WRITES_MS);
    return reply.code(202).send();
  });
}

function refuseOtherName(namespace: string, name: unknown): void {
  if (name !== undefined && name !== namespace) {
    throw new HttpError(
      failures.badRequest(`name: expected ${namespace} as in the path, got ${quote(name)}`),
    );
  }
}

function path(name?: string): string {
  return resourcePath({ plural: "namespaces", ...(name !== undefined && { name }) });
}

/** Without the right to see other namespaces there is nothing that these routes could do. */
function refuseSingle({ namespaces }: SystemContext): void {
  if (namespaces.watch === undefined) {
    throw new HttpError(
      failures.notImplemented(`namespaces: this gateway serves ${namespaces.home} alone`),
    );
  }
}

/** The namespace, read anew. Throws for one without functions, as if it did not exist. */
async function find(context: SystemContext, name: string): Promise<StoredNamespace> {
  refuseSingle(context);
  const { client, namespaces, functionNamespace, platformNamespace } = context;
  if (!namespaces.has(name)) {
    throw new HttpError(failures.namespaceNotFound(name));
  }
  const stored = await client.find<StoredNamespace>(path(name));
  const places = { functionNamespace, platformNamespace };
  if (stored === undefined || !isFunctionNamespace(stored.metadata, places)) {
    throw new HttpError(failures.namespaceNotFound(name));
  }
  return stored;
}

function refuseDeletion({ functionNamespace }: SystemContext, stored: StoredNamespace): void {
  const { name } = stored.metadata;
  if (name === functionNamespace || name === UNDELETABLE) {
    const owner = name === UNDELETABLE ? "Kubernetes" : "the platform";
    throw new HttpError(
      failures.conflict(`namespace ${name} belongs to ${owner}: it cannot be deleted here`),
    );
  }
  refuseForeign(stored, `namespace ${name}`, "delete");
}

/** Whether the operator has set the namespace up and the gateway may write there, after a while. */
async function isUsableInTime(
  { client, namespaces }: SystemContext,
  namespace: string,
): Promise<boolean> {
  const isPrepared = (): boolean => namespaces.has(namespace) && namespaces.isPrepared(namespace);
  if (!(await namespaces.watch?.waitUntil(isPrepared, PREPARATION_MS))) {
    return false;
  }
  for (let attempt = 0; attempt < RIGHTS.attempts; attempt++) {
    try {
      await client.request(resourcePath({ plural: "pods", namespace }), { query: { limit: 1 } });
      return true;
    } catch (error) {
      if (!isKubernetesStatus(error, 403)) {
        throw error;
      }
      await sleep(RIGHTS.pauseMs);
    }
  }
  return false;
}
