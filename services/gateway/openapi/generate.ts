/** Puts the API's document together from the schemas of the routes. */
import swagger from "@fastify/swagger";
import fastify, { type RouteOptions } from "fastify";
import { VERSION } from "../../lib/version.ts";
import { TAGS } from "../system/operation.ts";
import { describeCalls, describeMetricsPort } from "./call-paths.ts";
import { extractSchemas } from "./components.ts";
import { allowEmptyFields } from "./empty-fields.ts";
import {
  BODY_FAILURES,
  OWN_FAILURES,
  PARAMETER_FAILURES,
  PUBLIC_FAILURES,
  RESPONSES,
  SYSTEM_FAILURES,
} from "./responses.ts";
import type { Document, Operation, PathItem, Paths } from "./types.ts";

/** What @fastify/swagger writes where a schema has no description. */
const UNDESCRIBED = "Default Response";

/**
 * The document of the given routes and of those that are none of Fastify's.
 * @throws Error naming a route that has no operationId, or two schemas with the same title.
 */
export async function generateDocument(routes: readonly RouteOptions[]): Promise<Document> {
  const app = fastify();
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Plonk",
        version: VERSION,
        description: "Functions over HTTP: the API of OpenFaaS, served by Plonk's gateway.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
  });
  for (const route of routes.filter(({ schema }) => schema?.hide !== true)) {
    requireOperationId(route);
    app.route({ ...route, handler: () => undefined });
  }
  await app.ready();
  const generated = app.swagger() as unknown as Document;
  await app.close();
  return complete(generated);
}

function requireOperationId({ method, url, schema }: RouteOptions): void {
  if (schema?.operationId === undefined) {
    const wanted = "expected an operationId, or to be hidden";
    throw new Error(`${[method].flat().join(" ")} ${url}: ${wanted}, got neither`);
  }
}

/** Adds what all routes have in common, and the paths written by hand. */
function complete(generated: Document): Document {
  const routed = Object.entries(generated.paths).map(([path, item]): [string, PathItem] => [
    path,
    completePath(path, item as Record<string, Operation>),
  ]);
  const all: Paths = {
    ...describeCalls(),
    ...Object.fromEntries(routed),
    ...describeMetricsPort(),
  };
  const named = extractSchemas({ paths: sortKeys(all), responses: RESPONSES });
  return {
    ...generated,
    security: [{ basic: [] }, { bearer: [] }],
    paths: named.document.paths,
    components: {
      schemas: named.schemas,
      responses: named.document.responses,
      securitySchemes: {
        basic: { type: "http", scheme: "basic" },
        bearer: { type: "http", scheme: "bearer", description: "A token of the OIDC issuer" },
      },
    },
  };
}

/** Paths in an order that does not depend on which file registers first. */
function sortKeys<Value>(record: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function completePath(path: string, item: Record<string, Operation>): PathItem {
  const operations = Object.entries(item).map(([method, operation]) => [
    method,
    completeOperation(path, operation),
  ]);
  return Object.fromEntries(operations) as PathItem;
}

function completeOperation(path: string, operation: Operation): Operation {
  const { parameters, requestBody, responses: own } = operation;
  const failures = PUBLIC_FAILURES[path];
  if (failures !== undefined) {
    return { ...operation, security: [], responses: { ...failures, ...describeAll(own) } };
  }
  const responses = {
    ...SYSTEM_FAILURES,
    ...OWN_FAILURES[operation.operationId],
    ...(parameters !== undefined && PARAMETER_FAILURES),
    ...(requestBody !== undefined && BODY_FAILURES),
    ...describeAll(own),
  };
  return {
    ...operation,
    ...(requestBody !== undefined && { requestBody: allowEmptyFields(requestBody) }),
    responses,
  };
}

/** OpenAPI wants a description of each answer. */
function describeAll(responses: Operation["responses"]): Operation["responses"] {
  const described = Object.entries(responses).map(([status, response]) => {
    const lacksOne = "description" in response && response.description === UNDESCRIBED;
    return [status, lacksOne ? { ...response, description: "Done" } : response] as const;
  });
  return Object.fromEntries(described);
}
