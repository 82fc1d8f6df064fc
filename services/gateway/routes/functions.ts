/** `/system/functions`, `/system/function/:name` and `/system/scale-function/:name`. */
import { Type } from "typebox";
import {
  DeleteFunctionRequest,
  FIELD_MANAGER,
  FunctionDeployment,
  FunctionDescription,
  FunctionName,
  ScaleServiceRequest,
  type FunctionResource,
} from "../../contract/index.ts";
import { isKubernetesStatus } from "../../lib/kubernetes.ts";
import { foreignOwner, isOverrideAllowed, toApplied, toDescription } from "../deployments.ts";
import { Conflict, FunctionNotFound } from "../errors.ts";
import { waitUntilSeen } from "../functions.ts";
import { toNamespace } from "../namespaces.ts";
import { functionPath, toDisplayName, toKey, type FunctionReference } from "../names.ts";
import { scaleFunction } from "../scaling.ts";
import { Accepted, operation } from "./operation.ts";
import type { SystemApp, SystemContext } from "./system.ts";

const Query = Type.Object({ namespace: Type.Optional(Type.String()) });
const Params = Type.Object({ name: Type.String() });
const Deployment = Type.Object(
  { ...FunctionDeployment.properties, service: FunctionName },
  { title: "FunctionDeployment" },
);

/** Adds the routes that read and write Functions. */
export function registerFunctionRoutes(app: SystemApp, context: SystemContext): void {
  registerReads(app, context);
  registerWrites(app, context);
  app.post(
    "/system/scale-function/:name",
    {
      schema: {
        ...operation("ScaleFunction", "functions", "Set how many replicas a function has"),
        params: Params,
        querystring: Query,
        body: ScaleServiceRequest,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      const namespace = toNamespace(context, request.body.namespace ?? request.query.namespace);
      const reference = { name: request.params.name, namespace };
      await scaleFunction(context.client, reference, request.body.replicas).catch(
        rethrowMissing(reference),
      );
      return reply.code(202).send();
    },
  );
}

function registerReads(app: SystemApp, context: SystemContext): void {
  const { functions, counts } = context;
  const list = {
    ...operation("GetFunctions", "functions", "List the functions of a namespace"),
    querystring: Query,
    response: { 200: Type.Array(FunctionDescription) },
  };
  app.get("/system/functions", { schema: list }, async (request) => {
    const namespace = toNamespace(context, request.query.namespace);
    const calls = await counts.read();
    return [...functions.values()]
      .filter((resource) => resource.metadata.namespace === namespace)
      .map((resource) => describe(resource, calls))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  });
  app.get(
    "/system/function/:name",
    {
      schema: {
        ...operation("GetFunctionStatus", "functions", "Describe a function"),
        params: Params,
        querystring: Query,
        response: { 200: FunctionDescription },
      },
    },
    async (request) => {
      const reference = {
        name: request.params.name,
        namespace: toNamespace(context, request.query.namespace),
      };
      const resource = functions.get(toKey(reference));
      if (resource === undefined) {
        throw new FunctionNotFound(toDisplayName(reference));
      }
      return describe(resource, await counts.read());
    },
  );
}

function describe(
  resource: FunctionResource,
  calls: ReadonlyMap<string, number>,
): FunctionDescription {
  const { name, namespace } = resource.metadata;
  return toDescription(resource, calls.get(toDisplayName({ name, namespace })));
}

function registerWrites(app: SystemApp, context: SystemContext): void {
  const schema = { body: Deployment, querystring: Query, response: { 202: Accepted } };
  const create = { ...operation("DeployFunction", "functions", "Deploy a function"), ...schema };
  app.post("/system/functions", { schema: create }, async (request, reply) => {
    const reference = toReference(context, request.body, request.query.namespace);
    if ((await find(context, reference)) !== undefined) {
      throw new Conflict(`function ${toDisplayName(reference)} already exists`);
    }
    await apply(context, reference, { deployment: request.body, force: false });
    return reply.code(202).send();
  });
  const update = { ...operation("UpdateFunction", "functions", "Change a function"), ...schema };
  app.put("/system/functions", { schema: update }, async (request, reply) => {
    const reference = toReference(context, request.body, request.query.namespace);
    const existing = await findChangeable(context, reference);
    const force = isOverrideAllowed(existing);
    await apply(context, reference, { deployment: request.body, force });
    return reply.code(202).send();
  });
  app.delete(
    "/system/functions",
    {
      schema: {
        ...operation("DeleteFunction", "functions", "Remove a function"),
        body: DeleteFunctionRequest,
        querystring: Query,
        response: { 202: Accepted },
      },
    },
    async (request, reply) => {
      const { functionName: name, namespace: sent } = request.body;
      const namespace = toNamespace(context, sent ?? request.query.namespace);
      const reference = { name, namespace };
      await findChangeable(context, reference);
      await context.client
        .request(functionPath(reference), {
          method: "DELETE",
          query: { propagationPolicy: "Background" },
        })
        .catch(rethrowMissing(reference));
      await waitUntilSeen(context.functions, toKey(reference), undefined);
      return reply.code(202).send();
    },
  );
}

function toReference(
  context: SystemContext,
  { service, namespace }: FunctionDeployment,
  queried: string | undefined,
): FunctionReference {
  return { name: service, namespace: toNamespace(context, namespace ?? queried) };
}

async function find(
  { client }: SystemContext,
  reference: FunctionReference,
): Promise<FunctionResource | undefined> {
  try {
    return await client.request<FunctionResource>(functionPath(reference));
  } catch (error) {
    if (isKubernetesStatus(error, 404)) {
      return undefined;
    }
    throw error;
  }
}

async function findChangeable(
  context: SystemContext,
  reference: FunctionReference,
): Promise<FunctionResource> {
  const existing = await find(context, reference);
  if (existing === undefined) {
    throw new FunctionNotFound(toDisplayName(reference));
  }
  const owner = foreignOwner(existing);
  if (owner !== undefined) {
    throw new Conflict(
      `function ${toDisplayName(reference)} is managed by ${owner}: change it there`,
    );
  }
  return existing;
}

async function apply(
  { client, functions }: SystemContext,
  reference: FunctionReference,
  { deployment, force }: { deployment: FunctionDeployment; force: boolean },
): Promise<void> {
  const applied = await client.apply<FunctionResource>(
    functionPath(reference),
    toApplied(deployment, reference.namespace),
    { fieldManager: FIELD_MANAGER.gateway, ...(force && { force }) },
  );
  await waitUntilSeen(functions, toKey(reference), applied.metadata.resourceVersion);
}

function rethrowMissing(reference: FunctionReference): (error: unknown) => never {
  return (error) => {
    throw isKubernetesStatus(error, 404) ? new FunctionNotFound(toDisplayName(reference)) : error;
  };
}
