/**
 * Headers by which browsers take no answer of the gateway's own for more than it is. They are set
 * before anything else is done, so that refusals and answers written by hand have them, too.
 */
import helmet, { type FastifyHelmetOptions } from "@fastify/helmet";
import type { SystemApp } from "../types.ts";

type Policy = NonNullable<FastifyHelmetOptions["contentSecurityPolicy"]>;

/** What is shown is shown, and that is all. */
const NOTHING = {
  "default-src": ["'none'"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "frame-ancestors": ["'none'"],
};

/** Adds the headers to every answer but those to calls of functions, which are the functions'. */
export async function addSecurityHeaders(app: SystemApp): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: toPolicy({}),
    xFrameOptions: { action: "deny" },
    // Browsers heed these over TLS only, and TLS is the business of a proxy in front.
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    // These are for browsers and plugins that are no more.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
}

/** A Content-Security-Policy for answers that need `sources`, and nothing else. */
export function toPolicy(sources: Record<string, string[]>): Policy {
  return { useDefaults: false, directives: { ...NOTHING, ...sources } };
}
