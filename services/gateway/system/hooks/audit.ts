/** One line in the log for each change that somebody asked for, also when it was refused. */
import type { FastifyRequest } from "fastify";
import { NAME_PATTERN } from "../../../../contract/index.ts";
import type { Logger } from "../../../lib/logger.ts";
import { callIdOf } from "../../http/headers.ts";
import type { TrustedPeers } from "../../http/trusted-peers.ts";
import type { SystemApp } from "../types.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** `name.namespace` of what is to be changed, where the request does not name it. */
    target: string | undefined;
  }
}

const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

interface AuditContext {
  logger: Logger;
  peers: TrustedPeers;
  functionNamespace: string;
}

/** Adds the hook. Lines are written whatever the level of the log. */
export function auditChanges(app: SystemApp, context: AuditContext): void {
  const { logger, peers, functionNamespace } = context;
  const log = logger.child({}, { level: "info" });
  app.decorateRequest("target", undefined);
  app.addHook("onResponse", (request, reply, done) => {
    if (CHANGING.has(request.method) && !request.is404) {
      const target = request.target ?? targetOf(request, functionNamespace);
      log.info(
        {
          ...(request.identity !== undefined && { who: request.identity.name }),
          method: request.method,
          route: request.routeOptions.url,
          ...(target !== undefined && { target }),
          status: reply.statusCode,
          peer: peers.clientAddress(request.raw),
          callId: callIdOf(request.headers) ?? request.id,
        },
        "audit",
      );
    }
    done();
  });
}

const NAME_FIELDS = ["name", "service", "functionName", "function"];

/** `name.namespace` of what was to be changed. Never another field, and never an odd text. */
function targetOf(request: FastifyRequest, defaultNamespace: string): string | undefined {
  const parts = [request.params, request.body, request.query].map(asObject);
  // An empty text is as good as none, as for routes.
  const find = (field: string): unknown =>
    parts.map((part) => part[field]).find((value) => value !== undefined && value !== "");
  const namespace = find("namespace");
  const name = NAME_FIELDS.map(find).find((value) => value !== undefined);
  const { url = "" } = request.routeOptions;
  if (url.startsWith("/system/namespace")) {
    return toText(namespace ?? name);
  }
  // Functions may be named `name.namespace`; names of secrets have dots of their own.
  const isWhole = url !== "/system/secrets" && typeof name === "string" && name.includes(".");
  const place = isWhole ? "" : `.${toText(namespace ?? defaultNamespace)}`;
  return name === undefined ? undefined : `${toText(name)}${place}`;
}

function toText(name: unknown): string {
  const isName = typeof name === "string" && name.length <= 253 && NAME_PATTERN.test(name);
  return isName ? name : "?";
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
}
