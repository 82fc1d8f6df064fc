/** The beginning and the end of HTTP servers. */
import type { Server } from "node:http";
import { type AddressInfo, type ListenOptions, Server as NetServer, type Socket } from "node:net";

/**
 * Makes a server listen and returns its port (0 selects a free one). Rejects with the system's
 * error, e.g. EADDRINUSE.
 * @param where - the port, or options for Node's `server.listen`.
 * @param host - by default all addresses, also where there is no IPv6.
 */
export function listen(
  server: NetServer,
  where: number | ListenOptions,
  host?: string,
): Promise<number> {
  const options = typeof where === "number" ? { port: where } : where;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...(host !== undefined && { host }), ...options }, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * How long a server keeps an idle connection, milliseconds: longer than its clients ask again, as
 * one that is closed just then is a request without an answer. Prometheus asks every 5 s.
 */
export const KEEP_ALIVE_MS = 75_000;

const CONNECTIONS = new WeakMap<Server, Set<Socket>>();

/**
 * Remembers a server's connections for its end. Node counts one on which nothing has come yet, as
 * browsers and pools open them in advance, as one with a request in flight.
 */
export function watchConnections(server: Server): Server {
  const open = new Set<Socket>();
  CONNECTIONS.set(server, open);
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return server;
}

/** How often a server that closes looks for connections that nothing happens on, milliseconds. */
const CHECK_MS = 100;

/**
 * Stops accepting connections and waits for the requests in flight; closes idle connections, those
 * without any request (of a watched server), and those whose request's head does not come within
 * the server's `headersTimeout`.
 * @param further - the additional servers that accept connections for this one.
 */
export async function closeServer(
  server: Server,
  further: readonly NetServer[] = [],
): Promise<void> {
  const closeIdle = (): void => {
    server.closeIdleConnections();
    for (const socket of CONNECTIONS.get(server) ?? []) {
      if (socket.bytesRead === 0) {
        socket.destroy();
      }
    }
  };
  // Not at once: what has come may not be read yet. Nor with the timer, which on a busy machine may
  // be late, and is over before what has come meanwhile is read.
  const timer = setInterval(() => setImmediate(closeIdle), CHECK_MS);
  await Promise.all([...further, server].map(close));
  clearInterval(timer);
}

function close(server: NetServer): Promise<void> {
  return new Promise((resolve) => {
    // An HTTP server's own `close` looks for late heads no more, and would wait for them.
    NetServer.prototype.close.call(server, () => resolve());
  });
}
