/** Hop-by-hop headers (RFC 9110 §7.6.1). */

/** Lower-case names of headers that are hop-by-hop even if `Connection` does not list them. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
