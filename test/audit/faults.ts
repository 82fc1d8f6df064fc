/** What can break, and how it is mended again. */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until.ts";
import type { Span } from "./pace.ts";
import { between, pick, type Random } from "./random.ts";
import type { AuditWorld, GatewayPlace, WorkerPlace } from "./world.ts";

export interface Fault {
  /** Whether a call may be run twice because of it. */
  canRepeat: boolean;
  /** Breaks something for a time; resolves when it is mended. */
  work: (world: AuditWorld, random: Random) => Promise<void>;
}

const last = (random: Random, [from, to]: Span): Promise<void> => sleep(between(random, from, to));

const gatewayOf = (world: AuditWorld, random: Random): GatewayPlace => pick(random, world.gateways);
const workerOf = (world: AuditWorld, random: Random): WorkerPlace => pick(random, world.workers);

export const FAULTS = {
  "gateway killed": repeating((world, random) =>
    world.restartGateway(gatewayOf(world, random), "SIGKILL"),
  ),
  "worker killed": repeating((world, random) =>
    world.restartWorker(workerOf(world, random), "SIGKILL"),
  ),
  "operator killed": {
    canRepeat: false,
    work: (world) => world.restartOperator(),
  },
  "NATS killed": repeating(async ({ nats, pace }, random) => {
    await nats.halt("SIGKILL");
    await last(random, pace.short);
    await nats.start();
  }),
  "gateway paused": repeating(async (world, random) => {
    const { child } = gatewayOf(world, random).process;
    child.kill("SIGSTOP");
    await last(random, world.pace.short);
    child.kill("SIGCONT");
  }),
  "worker paused": repeating(async (world, random) => {
    const { process } = workerOf(world, random);
    process.signal("SIGSTOP");
    await last(random, world.pace.long);
    process.signal("SIGCONT");
  }),
  "NATS paused": repeating(async ({ nats, pace }, random) => {
    nats.signal("SIGSTOP");
    await last(random, pace.long);
    nats.signal("SIGCONT");
  }),
  "gateway cut off from NATS": repeating(async (world, random) => {
    const { toNats } = gatewayOf(world, random);
    toNats.cut();
    await last(random, world.pace.short);
    toNats.mend();
  }),
  "gateway without NATS' answers": repeating(async (world, random) => {
    const { toNats } = gatewayOf(world, random);
    toNats.stall("answers");
    await last(random, world.pace.long);
    toNats.mend();
  }),
  "worker cut off from NATS": repeating(async (world, random) => {
    const { toNats } = workerOf(world, random);
    toNats.cut();
    await last(random, world.pace.long);
    toNats.mend();
  }),
  "worker stalled": repeating(async (world, random) => {
    const { toNats } = workerOf(world, random);
    toNats.stall("requests", "answers");
    await last(random, world.pace.long);
    toNats.mend();
  }),
  "worker unheard": repeating(async (world, random) => {
    const { toNats } = workerOf(world, random);
    toNats.stall("requests");
    await last(random, world.pace.long);
    toNats.mend();
  }),
  "worker cut off from the gateways": repeating(async (world, random) => {
    const { toGateways } = workerOf(world, random);
    toGateways.cut();
    await last(random, world.pace.short);
    toGateways.mend();
  }),
  // A large body in the way of a message makes it later than its lease lasts.
  "all slow": repeating(async ({ gateways, workers, pace }, random) => {
    const links = [...gateways, ...workers].map(({ toNats }) => toNats);
    links.forEach((link) => link.slow(between(random, 20, 150)));
    await last(random, pace.long);
    links.forEach((link) => link.mend());
  }),
  "disk full": repeating(async (world, random) => {
    if (!world.disk.isReal) {
      await restartNats(world, random, 1024 * 1024);
      return;
    }
    await world.disk.fill();
    await last(random, world.pace.long);
    await world.disk.free();
    if (!(await world.nats.isHealthy())) {
      await restartNats(world, random);
    }
  }),
  "power lost": repeating(async ({ nats, disk, pace }, random) => {
    nats.signal("SIGSTOP");
    const image = disk.isReal ? await disk.snapshot() : undefined;
    await nats.halt("SIGKILL");
    await (image !== undefined && disk.restore(image));
    await last(random, pace.short);
    await nats.start();
  }),
  "NATS restarted": repeating((world, random) => restartNats(world, random)),
  "NATS restarted with a small store": repeating(async (world, random) => {
    await restartNats(world, random, 64 * 1024);
    await last(random, world.pace.long);
    await restartNats(world, random);
  }),
  "worker restarted with other settings": repeating(async (world, random) => {
    const ackWait = pick(random, ["2s", "3s", "5s", "20s"]);
    const settings = { ack_wait: ackWait, max_inflight: pick(random, ["1", "10", "80"]) };
    await world.restartWorker(workerOf(world, random), "SIGTERM", settings);
    await last(random, world.pace.long);
  }),
  "API server away": {
    canRepeat: false,
    work: async ({ fake, pace }, random) => {
      const resume = await fake.interrupt();
      await last(random, pace.short);
      await resume();
    },
  },
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

function repeating(work: Fault["work"]): Fault {
  return { canRepeat: true, work };
}

async function restartNats(
  { nats }: Pick<AuditWorld, "nats">,
  random: Random,
  storeBytes?: number,
): Promise<void> {
  await nats.halt("SIGTERM");
  await last(random, [0, 1000]);
  await nats.start(storeBytes);
}

/** Waits until all that was broken works again, or the audit has been stopped. */
export async function recover(world: AuditWorld): Promise<void> {
  const { nats, gateways, reader } = world;
  const works = async (isReady: () => Promise<boolean>): Promise<boolean> =>
    world.isStopped || (await isReady());
  await until("NATS after a fault", () => works(() => nats.isReady()));
  await until("the audit's own connection", () => works(() => reader.isConnected()));
  for (const { process } of gateways) {
    await until("a gateway after a fault", () => works(() => process.isReady()));
  }
}
