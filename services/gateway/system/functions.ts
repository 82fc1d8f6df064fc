/** `/system/functions`, `/system/function/:name` and `/system/scale-function/:name`. */
import { Type } from "typebox";
import {
  DeleteFunctionRequest,
  FunctionDeployment,
  FunctionDescription,
  type FunctionReference,
  ScaleServiceRequest,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { waitUntilSeen } from "../cluster/functions.ts";
import { toNamespace } from "../cluster/namespaces.ts";
import { scaleFunction } from "../cluster/scaling.ts";
import { failures, HttpError } from "../errors.ts";
import { readCode } from "./code.ts";
import { checkDeployment } from "./deployment-check.ts";
import { toDescription } from "./deployments.ts";
import { FunctionList } from "./function-list.ts";
import {
  applyFunction,
  deleteFunction,
  findChangeable,
  findFunction,
  rethrowMissing,
} from "./function-store.ts";
import { Accepted, operation } from "./operation.ts";
import { readFunction, readReference } from "./reference.ts";
import type { SystemApp, SystemContext } from "./types.ts";
import { readUsage } from "./usage.ts";

const Query = Type.Object({
  namespace: Type.Optional(Type.String({ description: "the function's namespace" })),
});
const Flag = Type.Optional(Type.String({ description: "1 or true" }));
const DescribeQuery = Type.Object({ ...Query.properties, usage: Flag, code: Flag });
const Params = Type.Object({
  name: Type.String({ description: "the function's name, or name.namespace" }),
});

/** Adds the routes that read and write Functions. */
export function registerFunctionRoutes(app: SystemApp, context: SystemContext): void {
  registerReads(app, context);
  registerDeployments(app, context);
  registerDeletion(app, context);
  registerScale(app, context);
}

function registerReads(app: SystemApp, context: SystemContext): void {
  const { functions, counts } = context;
  const texts = new FunctionList(functions);
  const list = {
    ...operation("GetFunctions", "functions", "List the functions of a namespace"),
    querystring: Query,
    response: { 200: Type.Unsafe<string>(Type.Array(FunctionDescription)) },
  };
  app.get("/system/functions", { schema: list }, async (request, reply) => {
    const namespace = toNamespace(context, request.query.namespace);
    const text = texts.read(namespace, await counts.read());
    return reply.type("application/json; charset=utf-8").send(text);
  });
  const describe = {
    ...operation("GetFunctionStatus", "functions", "Describe a function"),
    params: Params,
    querystring: DescribeQuery,
    response: { 200: FunctionDescription },
  };
  app.get("/system/function/:name", { schema: describe }, async (request) => {
    const { namespace: query, usage, code } = request.query;
    const reference = readFunction(context, request.params.name, { query });
    const resource = functions.get(toKey(reference));
    if (resource === undefined) {
      throw new HttpError(failures.functionNotFound(toDisplayName(reference)));
    }
    const [calls, used, text] = await Promise.all([
      counts.read(),
      isSet(usage) ? readUsage(context, reference) : undefined,
      isSet(code) ? readCode(context.client, resource) : undefined,
    ]);
    const description = toDescription(resource, calls.get(toDisplayName(reference)));
    return {
      ...description,
      ...(used !== undefined && { usage: used }),
      ...(description.code !== undefined &&
        text !== undefined && { code: { ...description.code, text } }),
    };
  });
}

function isSet(flag: string | undefined): boolean {
  return flag === "1" || flag === "true";
}

function registerDeployments(app: SystemApp, context: SystemContext): void {
  const schema = { body: FunctionDeployment, querystring: Query, response: { 202: Accepted } };
  const read = (
    deployment: FunctionDeployment,
    query: { namespace?: string },
  ): FunctionReference => {
    checkDeployment(deployment, context.queueNames);
    const sent = { body: deployment.namespace, query: query.namespace };
    return readReference(context, deployment.service, sent);
  };
  const create = { ...operation("DeployFunction", "functions", "Deploy a function"), ...schema };
  app.post("/system/functions", { schema: create }, async (request, reply) => {
    const deployment = request.body;
    const reference = read(deployment, request.query);
    if ((await findFunction(context, reference)) !== undefined) {
      throw new HttpError(failures.conflict(`function ${toDisplayName(reference)} already exists`));
    }
    await applyFunction(context, reference, { deployment });
    return reply.code(202).send();
  });
  const update = { ...operation("UpdateFunction", "functions", "Change a function"), ...schema };
  app.put("/system/functions", { schema: update }, async (request, reply) => {
    const deployment = request.body;
    const reference = read(deployment, request.query);
    const existing = await findChangeable(context, reference);
    await applyFunction(context, reference, { deployment, existing });
    return reply.code(202).send();
  });
}

function registerDeletion(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("DeleteFunction", "functions", "Remove a function"),
    body: DeleteFunctionRequest,
    querystring: Query,
    response: { 202: Accepted },
  };
  app.delete("/system/functions", { schema }, async (request, reply) => {
    const { functionName, namespace: body } = request.body;
    const sent = { body, query: request.query.namespace };
    const reference = readFunction(context, functionName, sent);
    await findChangeable(context, reference);
    await deleteFunction(context, reference);
    return reply.code(202).send();
  });
}

function registerScale(app: SystemApp, context: SystemContext): void {
  const schema = {
    ...operation("ScaleFunction", "functions", "Set how many replicas a function has"),
    params: Params,
    querystring: Query,
    body: ScaleServiceRequest,
    response: { 202: Accepted },
  };
  app.post("/system/scale-function/:name", { schema }, async (request, reply) => {
    const { serviceName, replicas, namespace: body } = request.body;
    const sent = { body, query: request.query.namespace };
    const reference = readFunction(context, request.params.name, sent);
    if (![undefined, "", reference.name, request.params.name].includes(serviceName)) {
      throw new HttpError(
        failures.badRequest(
          `serviceName: expected ${reference.name} as in the path, got ${JSON.stringify(serviceName)}`,
        ),
      );
    }
    const { client, functions } = context;
    const scaled = scaleFunction(client, reference, replicas);
    const version = await scaled.catch(rethrowMissing(reference));
    await waitUntilSeen(functions, toKey(reference), version);
    return reply.code(202).send();
  });
}
