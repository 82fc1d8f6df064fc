/** What tests and benchmarks ask of this machine's network. */
import { once } from "node:events";
import type { Server } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { closeServer } from "../../services/lib/metrics.ts";

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** A TCP port of 127.0.0.1 that was free a moment ago, as was the one after it. */
export async function findFreePortPair(): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, "127.0.0.1");
    await once(first, "listening");
    const { port } = first.address() as AddressInfo;
    const second = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      second.once("error", () => resolve(false));
      second.listen(port + 1, "127.0.0.1", () => resolve(true));
    });
    const ends = [first, ...(isFree ? [second] : [])].map(async (server) => {
      server.close();
      await once(server, "close");
    });
    await Promise.all(ends);
    if (isFree) return port;
  }
}

/** An address of this machine that a real API server takes in EndpointSlices: no loopback one. */
export function findOwnAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  if (own === undefined) {
    throw new Error("network: expected an IPv4 address besides the loopback one, got none");
  }
  return own.address;
}

/** Stops a server at once: who is still connected is cut off. */
export async function stopServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await closeServer(server);
}
