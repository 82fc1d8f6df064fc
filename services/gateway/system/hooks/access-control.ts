/** Fastify's side of authentication: who asks, whether that is allowed, and what lists show. */
import type { FastifyRequest } from "fastify";
import type { Authenticator } from "../../auth/authenticator.ts";
import { type Identity, isAllowed } from "../../auth/identity.ts";
import { findAccess } from "../../auth/route-rights.ts";
import { isCrossSite } from "../../auth/same-origin.ts";
import { failures } from "../../errors.ts";
import { replyFailure } from "../../http/failure-response.ts";
import type { TrustedPeers } from "../../http/trusted-peers.ts";
import type { SystemApp } from "../types.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Undefined when authentication is off, and before it is known. */
    identity: Identity | undefined;
  }
  interface FastifyContextConfig {
    /** The route only says which methods there are instead. */
    isRefusal?: boolean;
  }
}

/** What anybody may ask: clients send no credentials to a store. */
const PUBLIC = new Set(["/", "/healthz", "/store"]);

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

interface AccessContext {
  auth: Authenticator | undefined;
  peers: TrustedPeers;
  functionNamespace: string;
}

/** Adds the hooks; before any route. Without `auth` everybody may do everything. */
export function controlAccess(app: SystemApp, context: AccessContext): void {
  const { auth, peers, functionNamespace } = context;
  app.decorateRequest("identity", undefined);
  app.addHook("onRequest", async (request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    if (auth !== undefined && !PUBLIC.has(path)) {
      const { authorization } = request.headers;
      const outcome = await auth.identify(authorization, peers.clientAddress(request.raw));
      if ("refusal" in outcome) {
        return replyFailure(reply, outcome.refusal);
      }
      request.identity = outcome.identity;
    }
    return SAFE_METHODS.has(request.method) || !isCrossSite(request.headers)
      ? undefined
      : replyFailure(reply, failures.crossSite("change anything here"));
  });
  app.addHook("preHandler", async (request, reply) => {
    const { identity } = request;
    const isChecked = !request.is404 && request.routeOptions.config.isRefusal !== true;
    if (identity === undefined || !isChecked) {
      return undefined;
    }
    const access = findAccess(identity, request, functionNamespace);
    if (access === "empty") {
      return reply.send([]);
    }
    return access === "allowed"
      ? undefined
      : replyFailure(reply, failures.forbidden(access.missing));
  });
  app.addHook("preSerialization", (request, _reply, payload) =>
    Promise.resolve(showOwnNamespaces(request, payload)),
  );
}

/** The list of namespaces without those that the caller may not read. */
function showOwnNamespaces({ identity, routeOptions }: FastifyRequest, payload: unknown): unknown {
  return identity !== undefined &&
    routeOptions.url === "/system/namespaces" &&
    Array.isArray(payload)
    ? payload.filter((namespace: string) => isAllowed(identity, "read", { namespace }))
    : payload;
}
