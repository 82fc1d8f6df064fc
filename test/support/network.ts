/** What tests and benchmarks ask of this machine's network. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { closeServer } from "../../services/lib/metrics.ts";

/**
 * Ports for programs that cannot choose one themselves. Linux gives none of these to who asks for
 * any port or connects, from 32768 on it does, and Kubernetes has its own from 30000 on: so nobody
 * takes one between the look and its use. Test workers side by side have a part each.
 */
const FIRST_PORT = 11_000;
const PORTS = 4500;
const PARTS = 4;

const part = Number(process.env["JEST_WORKER_ID"] ?? 1) % PARTS;
let next = randomInt(PORTS);

/** A TCP port of 127.0.0.1 that was free a moment ago, and that no other call gives. */
export async function findFreePort(): Promise<number> {
  return (await findFreePorts(1))[0] ?? 0;
}

/** A TCP port of 127.0.0.1 that was free a moment ago, as was the one after it. */
export async function findFreePortPair(): Promise<number> {
  return (await findFreePorts(2))[0] ?? 0;
}

async function findFreePorts(count: number): Promise<number[]> {
  for (let looked = 0; looked < PORTS; looked += count) {
    if (next + count > PORTS) next = 0;
    const first = FIRST_PORT + part * PORTS + next;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    next += count;
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
  throw new Error(`ports: expected a free one of ${PORTS}, got none`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (!isListening) return false;
  probe.close();
  await once(probe, "close");
  return true;
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
