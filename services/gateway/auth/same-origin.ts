/**
 * Whether a browser sent a request for a page of somebody else. Browsers attach basic credentials
 * by themselves, so such a page could use those of whoever looks at it (CSRF).
 */
import type { IncomingHttpHeaders } from "node:http";

/** True for what another site's page asks; programs send neither of the two headers. */
export function isCrossSite(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) {
    // A sibling subdomain (`same-site`) is somebody else, too.
    return site !== "same-origin" && site !== "none";
  }
  const { origin, host } = headers;
  if (origin === undefined) {
    return false;
  }
  // `null` is the origin of sandboxed frames and of redirects.
  return host === undefined || URL.parse(origin)?.host !== URL.parse(`http://${host}`)?.host;
}
