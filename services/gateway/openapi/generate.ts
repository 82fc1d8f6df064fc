/** Puts the API's document together from the schemas of the routes. */
import swagger from "@fastify/swagger";
import fastify, { type RouteOptions } from "fastify";
import { VERSION } from "../../lib/version.ts";
import { TAGS } from "../routes/operation.ts";
import { describeCalls, describeMetricsPort } from "./call-paths.ts";
import { extractSchemas } from "./components.ts";
import type { Document, Operation, PathItem, Paths, Response, Schema } from "./types.ts";

const FAILURE = {
  title: "Failure",
  type: "object",
  required: ["code", "message"],
  properties: {
    code: { type: "string", description: "For programs, e.g. PLONK_FUNCTION_NOT_FOUND" },
    message: { type: "string", description: "One sentence" },
    callId: { type: "string" },
  },
} as const;

/** A failure's bodies: JSON for clients that accept it by name. */
function fail(description: string): Response {
  return {
    description,
    content: {
      "text/plain": { schema: { type: "string" } },
      "application/json": { schema: FAILURE },
    },
  };
}

const SYSTEM_FAILURES: Record<string, Response> = {
  "401": {
    ...fail("No credentials, or wrong ones"),
    headers: { "WWW-Authenticate": { schema: { type: "string" } } },
  },
  "403": fail("Not allowed to this user"),
  "429": {
    ...fail("Too many failed logins"),
    headers: { "Retry-After": { schema: { type: "integer" } } },
  },
  "500": fail("Something went wrong that is not the client's fault"),
  "503": fail("Something that the gateway needs is not there at present"),
};

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
    ...describeCalls(fail),
    ...Object.fromEntries(routed),
    ...describeMetricsPort(),
  };
  const { document, schemas } = extractSchemas(sortKeys(all));
  return {
    ...generated,
    security: [{ basic: [] }, { bearer: [] }],
    paths: document as Paths,
    components: {
      schemas: schemas as Record<string, Schema>,
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
  if (!path.startsWith("/system/")) {
    return { ...operation, security: [] };
  }
  const hasBody = operation.requestBody !== undefined;
  const responses: Record<string, Response> = {
    ...SYSTEM_FAILURES,
    ...((hasBody || operation.parameters !== undefined) && {
      "400": fail("The request is not valid"),
      "404": fail("There is no such function, secret or namespace"),
    }),
    ...(hasBody && {
      "409": fail("It exists already, or something else manages it"),
      "413": fail("The body is too large"),
    }),
    ...operation.responses,
  };
  return { ...operation, responses };
}
