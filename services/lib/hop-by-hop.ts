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

/** Lower-case names that the `Connection` header lists; they end at this hop, too. */
export function listedInConnection(
  // Clients that read answers give several fields as a list.
  connection: string | readonly string[] | undefined,
): Set<string> | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") {
    return undefined;
  }
  const names = String(connection).toLowerCase().split(",");
  const listed = new Set(names.map((name) => name.trim()).filter((name) => name !== ""));
  listed.delete("keep-alive");
  listed.delete("close");
  return listed.size === 0 ? undefined : listed;
}
