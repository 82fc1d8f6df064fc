/**
 * Takes connections of one port from several sockets. libuv accepts one connection a socket each
 * time that its loop goes round, which takes 10 ms and more under load: with one socket, the last
 * of some hundred clients that come together would wait for seconds.
 */
import type { Server } from "node:http";
import { createServer, type AddressInfo, type Server as NetServer } from "node:net";

/** Connections that can be accepted at a time. */
const SOCKETS = 16;

/** What Node's HTTP server sets for the connections that it accepts itself. */
const CONNECTION = { allowHalfOpen: true, noDelay: true, keepAlive: true } as const;

export interface ListenerOptions {
  port: number;
  /** Silence after which a connection's other end is asked whether it is still there. */
  keepAliveInitialDelay: number;
}

/**
 * Listens with a server on all addresses, so that it takes connections quickly. Elsewhere than on
 * Linux, where the kernel spreads connections over sockets of one port, it is one socket.
 * @returns the further servers, to be closed with that one.
 * @throws when the port is in use.
 */
export async function listenWidely(
  server: Server,
  { port, keepAliveInitialDelay }: ListenerOptions,
): Promise<NetServer[]> {
  if (process.platform !== "linux") {
    await listen(server, { port });
    return [];
  }
  // Sockets that share a port do not notice those of another program which would share it, too.
  const probe = createServer();
  await listen(probe, { port });
  await new Promise((resolve) => probe.close(resolve));
  await listen(server, { port, reusePort: true });
  const shared = (server.address() as AddressInfo).port;
  const further = Array.from({ length: SOCKETS - 1 }, () =>
    createServer({ ...CONNECTION, keepAliveInitialDelay }, (socket) => {
      server.emit("connection", socket);
    }),
  );
  await Promise.all(further.map((one) => listen(one, { port: shared, reusePort: true })));
  return further;
}

function listen(server: NetServer, options: { port: number; reusePort?: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "::", ...options }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
