/**
 * Accepts the connections to one port on several sockets. libuv accepts one connection per socket
 * in each turn of its event loop, and a turn takes 10 ms and more under load. With one socket, the
 * last of some hundred simultaneous clients would wait for seconds.
 */
import type { Server } from "node:http";
import { createServer, type Server as NetServer } from "node:net";
import { listen } from "../../../lib/servers.ts";

/** Connections that can be accepted per turn of the event loop. */
const SOCKETS = 16;

/** Options of each accepted connection. */
export const CONNECTION = {
  noDelay: true,
  keepAlive: true,
  /** Idle time after which TCP probes whether the other end still exists. */
  keepAliveInitialDelay: 60_000,
} as const;

/**
 * Listens on all addresses with several sockets. Only Linux spreads the connections to a port over
 * its sockets; on other systems one socket is used.
 * @param server - one that was created with `CONNECTION`.
 * @returns the additional servers, to be closed together with that one.
 * @throws when the port is in use.
 */
export async function listenWidely(server: Server, port: number): Promise<NetServer[]> {
  if (process.platform !== "linux") {
    await listen(server, port);
    return [];
  }
  // A port that is shared by `reusePort` in another program would not be noticed as in use.
  const probe = createServer();
  await listen(probe, port);
  await new Promise((resolve) => probe.close(resolve));
  const shared = await listen(server, { port, reusePort: true });
  // As Node's HTTP server does: the other end may close its half first.
  const further = Array.from({ length: SOCKETS - 1 }, () =>
    createServer({ ...CONNECTION, allowHalfOpen: true }, (socket) => {
      server.emit("connection", socket);
    }),
  );
  await Promise.all(further.map((one) => listen(one, { port: shared, reusePort: true })));
  return further;
}
