/** Headers that end at the next hop (RFC 9110 §7.6.1). */

/** Lower-case names of the hop-by-hop headers, whether `Connection` lists them or not. */
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
