/** Callbacks to functions of the platform itself: the one target inside the cluster. */
import { PORT } from "../../../contract/index.ts";

/**
 * Whether a URL is that of a function behind the platform's own gateway.
 *
 * @param hosts names of the gateway's Service, e.g. `gateway.openfaas`
 */
export function isOwnFunction(url: URL, hosts: readonly string[]): boolean {
  const known = hosts.flatMap((host) => [host, `${host}.svc`, `${host}.svc.cluster.local`]);
  const isGateway = known.some((host) => url.host === `${host}:${PORT.gateway}`);
  return url.protocol === "http:" && isGateway && /^\/(?:async-)?function\/./.test(url.pathname);
}
