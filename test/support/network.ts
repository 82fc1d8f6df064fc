/** Ports and addresses for tests and benchmarks. */
import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer, type ListenOptions, type Server as NetServer } from "node:net";
import { networkInterfaces } from "node:os";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { closeServer } from "../../services/lib/servers.ts";

/**
 * Ports for programs that cannot choose one themselves. Below Linux' ephemeral ports (from 32768)
 * and Kubernetes' NodePorts (from 30000), so that no other program takes one between check and use.
 * Each process has a block of its own, also when another checkout is tested at the same time.
 */
const FIRST_PORT = 11_000;
const BLOCK = 500;
const BLOCKS = 36;

interface Block {
  first: number;
  /** How many of its ports have been looked at in this round. */
  used: number;
}

/** A TCP port of 127.0.0.1 that is free, and that no other call gives meanwhile. */
export async function findFreePort(): Promise<number> {
  return (await findFreePorts(1))[0] ?? 0;
}

/** A TCP port of 127.0.0.1 that is free, as is the one after it. */
export async function findFreePortPair(): Promise<number> {
  return (await findFreePorts(2))[0] ?? 0;
}

async function findFreePorts(count: number): Promise<number[]> {
  const block = await ownBlock();
  for (let looked = 0; looked < BLOCK; looked += count) {
    if (block.used + count > BLOCK) {
      block.used = 0;
    }
    const first = block.first + block.used;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    block.used += count;
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) {
      return ports;
    }
  }
  throw new Error(`ports: expected a free one from ${block.first} on, got none of ${BLOCK}`);
}

const BLOCK_KEY = "plonk-ports";
let claimed: Promise<Block> | undefined;

/** Jest loads this module again for each file, so the block is stored globally in the process. */
async function ownBlock(): Promise<Block> {
  const known = getEnvironmentData(BLOCK_KEY) as Block | undefined;
  if (known !== undefined) {
    return known;
  }
  claimed ??= claimBlock();
  const block = await claimed;
  setEnvironmentData(BLOCK_KEY, block);
  return block;
}

/** Claims a block by an abstract socket, which the kernel removes with the process. */
async function claimBlock(): Promise<Block> {
  for (let index = 0; index < BLOCKS; index += 1) {
    const first = FIRST_PORT + index * BLOCK;
    const claim = createServer().unref();
    if (await listens(claim, { path: `\0plonk-ports-${first}` })) {
      return { first, used: 0 };
    }
  }
  throw new Error(`ports: expected a free block of ${BLOCKS}, got none`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  if (!(await listens(probe, { port, host: "127.0.0.1" }))) {
    return false;
  }
  probe.close();
  await once(probe, "close");
  return true;
}

function listens(server: NetServer, where: ListenOptions): Promise<boolean> {
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(where, () => resolve(true));
  });
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

/** Stops a server at once and closes its connections. */
export async function stopServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await closeServer(server);
}

/** A server's listener; what fails as its client has gone while it still sent is no failure. */
export function toListener(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): RequestListener {
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // Of a request that is not whole, nobody is left to be answered.
      if (request.complete) {
        throw error;
      }
    });
  };
}
