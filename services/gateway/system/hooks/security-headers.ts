/** Headers by which browsers take no answer of the gateway's own for more than it is. */
import type { SystemApp } from "../types.ts";

/** For HTML that brings no policy of its own: it is shown, and that is all. */
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Adds the headers to every answer but those to calls of functions, which are the functions'. */
export function addSecurityHeaders(app: SystemApp): void {
  app.addHook("onSend", (_request, reply, payload) => {
    reply.header("X-Content-Type-Options", "nosniff");
    reply.header("Referrer-Policy", "no-referrer");
    const isHtml = String(reply.getHeader("content-type")).startsWith("text/html");
    if (isHtml && !reply.hasHeader("content-security-policy")) {
      reply.header("Content-Security-Policy", POLICY);
    }
    return Promise.resolve(payload);
  });
}
