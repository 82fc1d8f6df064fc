/** What can break, and how it is mended again. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Harm } from "./evidence.ts";
import type { FaultyLink } from "./faulty-link.ts";
import type { Span } from "./pace.ts";
import { between, pick, type Random } from "./random.ts";
import type { AuditWorld, GatewayPlace, WorkerPlace } from "./world.ts";

export interface Fault {
  /** What it can do to calls, beside that none is taken meanwhile. */
  harms: readonly Harm[];
  /** Breaks something for a time; resolves to the place of the worker that it was about, if any. */
  work: (world: AuditWorld, random: Random) => Promise<unknown>;
}

const last = (random: Random, [from, to]: Span): Promise<void> => sleep(between(random, from, to));

const gatewayOf = (world: AuditWorld, random: Random): GatewayPlace => pick(random, world.gateways);
const workerOf = (world: AuditWorld, random: Random): WorkerPlace => pick(random, world.workers);

/** A NATS that ends, or stands still: acknowledgements are lost, leases end, keys are forgotten. */
const NATS_GONE = ["ack", "lease", "key"] as const;

/** A way to NATS on which nothing gets through, or too late. */
const UNHEARD = ["ack", "lease"] as const;

export const FAULTS = {
  "gateway killed": {
    harms: ["answer"],
    work: (world, random) => world.restartGateway(gatewayOf(world, random), "SIGKILL"),
  },
  "worker killed": {
    harms: ["answer", "ack", "process"],
    work: async (world, random) => {
      const place = workerOf(world, random);
      await world.restartWorker(place, "SIGKILL");
      return place;
    },
  },
  "operator killed": { harms: [], work: (world) => world.restartOperator() },
  "NATS killed": {
    harms: NATS_GONE,
    work: async ({ nats, pace }, random) => {
      await nats.halt("SIGKILL");
      await last(random, pace.short);
      await nats.start();
    },
  },
  "gateway paused": {
    // It makes calls that it has got before, though their workers have gone meanwhile.
    harms: ["late"],
    work: async (world, random) => {
      const { child } = gatewayOf(world, random).process;
      child.kill("SIGSTOP");
      await last(random, world.pace.short);
      child.kill("SIGCONT");
    },
  },
  "worker paused": {
    harms: [...UNHEARD, "late"],
    work: async (world, random) => {
      const place = workerOf(world, random);
      const { process } = place;
      process.signal("SIGSTOP");
      await last(random, world.pace.long);
      process.signal("SIGCONT");
      return place;
    },
  },
  "NATS paused": {
    harms: UNHEARD,
    work: async ({ nats, pace }, random) => {
      nats.signal("SIGSTOP");
      await last(random, pace.long);
      nats.signal("SIGCONT");
    },
  },
  "gateway cut off from NATS": {
    harms: [],
    work: async (world, random) => {
      const { toNats } = gatewayOf(world, random);
      toNats.cut();
      await last(random, world.pace.short);
      toNats.mend();
    },
  },
  "gateway without NATS' answers": {
    harms: [],
    work: async (world, random) => {
      const { toNats } = gatewayOf(world, random);
      toNats.stall("answers");
      await last(random, world.pace.long);
      toNats.mend();
    },
  },
  "worker cut off from NATS": {
    harms: UNHEARD,
    work: (world, random) =>
      breakWay(world, random, ({ toNats }) => {
        toNats.cut();
        return toNats;
      }),
  },
  "worker stalled": {
    harms: [...UNHEARD, "late"],
    work: (world, random) =>
      breakWay(world, random, ({ toNats }) => {
        toNats.stall("requests", "answers");
        return toNats;
      }),
  },
  "worker unheard": {
    harms: UNHEARD,
    work: (world, random) =>
      breakWay(world, random, ({ toNats }) => {
        toNats.stall("requests");
        return toNats;
      }),
  },
  "worker cut off from the gateways": {
    harms: ["answer"],
    work: (world, random) =>
      breakWay(world, random, ({ toGateways }) => {
        toGateways.cut();
        return toGateways;
      }),
  },
  // A large body in the way of a message makes it later than its lease lasts.
  "all slow": {
    harms: [...UNHEARD, "late"],
    work: async ({ gateways, workers, pace }, random) => {
      const links = [...gateways, ...workers].map(({ toNats }) => toNats);
      links.forEach((link) => link.slow(between(random, 20, 150)));
      await last(random, pace.long);
      links.forEach((link) => link.mend());
    },
  },
  "disk full": {
    harms: [...NATS_GONE, "return"],
    work: async (world, random) => {
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
    },
  },
  "power lost": {
    harms: NATS_GONE,
    work: async ({ nats, disk, pace }, random) => {
      nats.signal("SIGSTOP");
      const image = disk.isReal ? await disk.snapshot() : undefined;
      await nats.halt("SIGKILL");
      await (image !== undefined && disk.restore(image));
      await last(random, pace.short);
      await nats.start();
    },
  },
  "NATS restarted": { harms: NATS_GONE, work: (world, random) => restartNats(world, random) },
  "NATS restarted with a small store": {
    harms: NATS_GONE,
    work: async (world, random) => {
      await restartNats(world, random, 64 * 1024);
      await last(random, world.pace.long);
      await restartNats(world, random);
    },
  },
  "worker restarted with other settings": {
    harms: [],
    work: async (world, random) => {
      const ackWait = pick(random, ["2s", "3s", "5s", "20s"]);
      const settings = { ack_wait: ackWait, max_inflight: pick(random, ["1", "10", "80"]) };
      const place = workerOf(world, random);
      await world.restartWorker(place, "SIGTERM", settings);
      await last(random, world.pace.long);
      return place;
    },
  },
  "API server away": {
    harms: [],
    work: async ({ fake, pace }, random) => {
      const resume = await fake.interrupt();
      await last(random, pace.short);
      await resume();
    },
  },
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** Breaks one way of one worker for longer than a lease, those to gateways for less. */
async function breakWay(
  world: AuditWorld,
  random: Random,
  breakIt: (place: WorkerPlace) => FaultyLink,
): Promise<WorkerPlace> {
  const place = workerOf(world, random);
  const link = breakIt(place);
  await last(random, link === place.toGateways ? world.pace.short : world.pace.long);
  link.mend();
  return place;
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
  const { nats, reader } = world;
  await world.until("NATS after a fault", () => nats.isReady());
  await world.until("the audit's own connection", () => reader.isConnected());
  await world.untilReady();
}
