/**
 * Takes connections of one port from several sockets. libuv accepts one connection a socket each
 * time that its loop goes round, which takes 10 ms and more under load: with one socket, the last
 * of some hundred clients that come together would wait for seconds.
 */
import type { Server } from "node:http";
import { createServer, type Server as NetServer } from "node:net";
import { listen } from "../../lib/metrics.ts";

/** Connections that can be accepted at a time. */
const SOCKETS = 16;

/** How connections are taken, by whichever socket. */
export const CONNECTION = {
  noDelay: true,
  keepAlive: true,
  /** Silence after which a connection's other end is asked whether it is still there. */
  keepAliveInitialDelay: 60_000,
} as const;

/**
 * Listens with a server on all addresses, so that it takes connections quickly. Elsewhere than on
 * Linux, where the kernel spreads connections over sockets of one port, it is one socket.
 * @param server - one that was created with `CONNECTION`.
 * @returns the further servers, to be closed with that one.
 * @throws when the port is in use.
 */
export async function listenWidely(server: Server, port: number): Promise<NetServer[]> {
  if (process.platform !== "linux") {
    await listen(server, port);
    return [];
  }
  // Sockets that share a port do not notice those of another program which would share it, too.
  const probe = createServer();
  await listen(probe, port);
  await new Promise((resolve) => probe.close(resolve));
  const shared = await listen(server, { port, reusePort: true });
  // Node's HTTP server keeps connections open that are closed by the other end alone.
  const further = Array.from({ length: SOCKETS - 1 }, () =>
    createServer({ ...CONNECTION, allowHalfOpen: true }, (socket) => {
      server.emit("connection", socket);
    }),
  );
  await Promise.all(further.map((one) => listen(one, { port: shared, reusePort: true })));
  return further;
}
