/** Which right each route needs, and in which namespaces. A route that is not here is admin's. */
import type { FastifyRequest } from "fastify";
import { type Identity, isAllowed, type Right } from "./identity.ts";

interface Rule {
  right: Right;
  /** Fields that may hold `name.namespace`; names of secrets may have dots of their own. */
  names?: readonly string[];
  /** A list: who may not see the default namespace gets an empty one when none was asked for. */
  isList?: boolean;
  /** In some namespace: the route asks again, when it knows of which one it is. */
  isAnywhere?: boolean;
}

const NAMES = ["name", "service", "functionName", "serviceName"];

const READ: Rule = { right: "read", names: NAMES };
const WRITE: Rule = { right: "write", names: NAMES };
const LIST: Rule = { right: "read", isList: true };
const LOOK: Rule = { right: "look" };
const LIST_CALLS: Rule = { right: "read", isList: true, names: ["function"] };
const CHANGE_LETTERS: Rule = { right: "write", names: ["function"] };
const READ_SOMEWHERE: Rule = { right: "read", isAnywhere: true };
const WRITE_SOMEWHERE: Rule = { right: "write", isAnywhere: true };
const INVOKE_SOMEWHERE: Rule = { right: "invoke", isAnywhere: true };

/** By method and route as it was registered. */
const RULES: Readonly<Record<string, Rule>> = {
  "GET /system/functions": LIST,
  "POST /system/functions": WRITE,
  "PUT /system/functions": WRITE,
  "DELETE /system/functions": WRITE,
  "GET /system/function/:name": READ,
  "POST /system/scale-function/:name": WRITE,
  "GET /system/function-stats": LIST,
  "GET /system/logs": READ,
  "GET /system/secrets": LIST,
  "POST /system/secrets": { right: "write" },
  "PUT /system/secrets": { right: "write" },
  "DELETE /system/secrets": { right: "write" },
  "GET /system/namespace/:namespace": { right: "read" },
  "GET /system/namespaces": LOOK,
  "GET /system/info": LOOK,
  "GET /system/queue": LOOK,
  "GET /async/calls": LIST_CALLS,
  "GET /async/calls/:id": READ_SOMEWHERE,
  // An answer has what a call of the function would show, so it takes the right to call it.
  "GET /async/calls/:id/result": INVOKE_SOMEWHERE,
  "DELETE /async/calls/:id": WRITE_SOMEWHERE,
  "DELETE /async-function/:id": WRITE_SOMEWHERE,
  "GET /async/dead-letters": LIST_CALLS,
  "GET /async/dead-letters/:sequence": READ_SOMEWHERE,
  "POST /async/dead-letters/:sequence/redrive": WRITE_SOMEWHERE,
  "DELETE /async/dead-letters/:sequence": WRITE_SOMEWHERE,
  "POST /async/dead-letters/redrive": CHANGE_LETTERS,
  "DELETE /async/dead-letters": CHANGE_LETTERS,
  "GET /openapi.json": LOOK,
  "POST /system/alert": { right: "alert" },
};

/** Static pages, whatever routes they are served by. */
const PAGES = /^(?:GET|HEAD) \/(?:ui|docs)(?:$|\/)/;

const ADMINISTER: Rule = { right: "administer" };

function findRule(request: FastifyRequest): Rule {
  const route = `${request.method} ${request.routeOptions.url ?? ""}`;
  return RULES[route] ?? (PAGES.test(route) ? LOOK : ADMINISTER);
}

/** `empty`: answer with an empty list; a text: the right that is missing. */
export type Access = "allowed" | "empty" | { missing: string };

/** Whether somebody may do what a request, with its body read, asks for. */
export function findAccess(
  identity: Identity,
  request: FastifyRequest,
  defaultNamespace: string,
): Access {
  const rule = findRule(request);
  if (rule.isAnywhere === true) {
    return isAllowedSomewhere(identity, rule.right) ? "allowed" : { missing: rule.right };
  }
  const sent = listNamespaces(request, rule.names ?? []);
  const namespaces = sent.length === 0 ? [defaultNamespace] : sent;
  const refused = namespaces.find((namespace) => !isAllowed(identity, rule.right, { namespace }));
  if (refused === undefined) {
    return "allowed";
  }
  if (rule.isList === true && sent.length === 0 && isAllowed(identity, "look")) {
    return "empty";
  }
  return { missing: toMissing(rule.right, refused) };
}

function toMissing(right: Right, namespace: string): string {
  const hasPlace = right === "read" || right === "write";
  return hasPlace ? `${right} in namespace ${namespace}` : right;
}

function isAllowedSomewhere(identity: Identity, right: Right): boolean {
  return identity.roles.some(({ namespace, function: name }) =>
    isAllowed(identity, right, {
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { function: name }),
    }),
  );
}

/**
 * Every namespace that a request names, wherever: the right is needed in all of them, so that it
 * does not matter which one the route goes by in the end. An empty text names none, as for routes.
 */
function listNamespaces(request: FastifyRequest, names: readonly string[]): string[] {
  const found: string[] = [];
  for (const part of [request.params, request.query, request.body]) {
    const fields = (typeof part === "object" && part !== null ? part : {}) as Fields;
    if (typeof fields["namespace"] === "string") {
      found.push(fields["namespace"]);
    }
    for (const name of names) {
      const value = fields[name];
      if (typeof value === "string" && value.includes(".")) {
        found.push(value.slice(value.lastIndexOf(".") + 1));
      }
    }
  }
  return found.filter((namespace) => namespace !== "");
}

type Fields = Record<string, unknown>;
