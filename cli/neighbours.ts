/**
 * Who else is on this machine: whose cluster a folder is, and which network a stack takes among
 * those that nobody uses.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { capture } from "../toolchain/run-command.ts";
import { CommandError } from "./process.ts";

/** A stack of this project, as far as its neighbours are concerned. */
export interface Tenant {
  /** `$PLONK_HOME` of the stack. */
  home: string;
  /** Name of the stack. */
  name: string;
}

/** Where stacks of all users note which network they have taken; it outlives a reboot. */
const MARKS = "/var/lib/plonk/subnets";
const SUBNETS = [18, 19].flatMap((second) =>
  Array.from({ length: 256 }, (_, third) => `198.${second}.${third}.0/24`),
);

/** Path of the state that Pulumi keeps of a stack. */
export function stateFileOf({ home, name }: Tenant): string {
  return join(home, "state", ".pulumi", "stacks", "plonk", `${name}.json`);
}

/** Names of the clusters in a home that are a stack's: by their mark, or by name before marks. */
export async function ownClusters(tenant: Tenant, clusterName: string): Promise<string[]> {
  const folder = join(tenant.home, "clusters");
  if (!existsSync(folder)) {
    return [];
  }
  const owned = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const owner = await readText(join(folder, name, "owner"));
      const isOwn = owner === "" ? name === clusterName : owner === `plonk/${tenant.name}`;
      return isOwn ? [name] : [];
    }),
  );
  return owned.flat().sort();
}

/** The network that a cluster's own script names; undefined for one that is none or half made. */
export async function subnetOf(home: string, cluster: string): Promise<string | undefined> {
  const script = await readText(join(home, "clusters", cluster, "cluster.sh"));
  return /^SUBNET='([\d./]+)'$/m.exec(script)?.[1];
}

/** Networks in use on this machine: of interfaces, and of routes such as a VPN's. */
export async function usedNetworks(): Promise<string[]> {
  const [addresses, routes] = await Promise.all([
    capture("ip", ["-4", "-o", "addr", "show"]),
    capture("ip", ["-4", "-o", "route", "show", "table", "all"]),
  ]);
  const found = `${addresses.stdout}\n${routes.stdout}`.matchAll(
    /(?<![\d.])(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?/g,
  );
  // A route for half of all addresses or more is a default route by another name.
  return [...found]
    .map(([, address = "", length = "32"]) => `${address}/${length}`)
    .filter((network) => Number(network.split("/")[1]) > 1);
}

/** Takes a network for a stack and keeps it until `releaseSubnets`: the first that is free. */
export async function takeSubnet(
  tenant: Tenant,
  used: readonly string[],
  marks = MARKS,
): Promise<string> {
  const kept = await ownMarks(tenant, marks);
  if (kept[0] !== undefined) {
    return kept[0];
  }
  const others = await othersSubnets(tenant);
  for (const subnet of SUBNETS) {
    const isUsed = [...used, ...others].some((network) => overlaps(subnet, network));
    if (!isUsed && (await mark(subnet, tenant, marks)) === undefined) {
      return subnet;
    }
  }
  throw new CommandError("plonk:subnet: expected a free /24 of 198.18.0.0/15, got none");
}

/** Notes the network that the person has chosen. @throws CommandError when a stack has it */
export async function claimSubnet(tenant: Tenant, subnet: string, marks = MARKS): Promise<void> {
  if (!SUBNETS.includes(subnet)) {
    return;
  } // the program says what is expected
  const other = await mark(subnet, tenant, marks);
  if (other === undefined) {
    return;
  }
  throw new CommandError(
    `plonk:subnet: ${subnet} is taken by stack ${other.name} of ${other.home}; choose another one`,
  );
}

/** Gives a stack's networks back. */
export async function releaseSubnets(tenant: Tenant, marks = MARKS): Promise<void> {
  for (const subnet of await ownMarks(tenant, marks)) {
    await rm(markFile(subnet, marks));
  }
}

/** Of stacks that share the home, from before there were marks. */
async function othersSubnets(tenant: Tenant): Promise<string[]> {
  const folder = join(tenant.home, "clusters");
  if (!existsSync(folder)) {
    return [];
  }
  const own = new Set(await ownClusters(tenant, ""));
  const names = (await readdir(folder)).filter((name) => !own.has(name));
  const subnets = await Promise.all(names.map((name) => subnetOf(tenant.home, name)));
  return subnets.filter((subnet) => subnet !== undefined);
}

async function ownMarks(tenant: Tenant, marks: string): Promise<string[]> {
  const owned = await Promise.all(
    SUBNETS.filter((subnet) => existsSync(markFile(subnet, marks))).map(async (subnet) =>
      isSame(await readMark(markFile(subnet, marks)), tenant) ? [subnet] : [],
    ),
  );
  return owned.flat();
}

/** Marks a network, and returns the stack that has it already, if that is another one. */
async function mark(subnet: string, tenant: Tenant, marks: string): Promise<Tenant | undefined> {
  await mkdir(marks, { recursive: true });
  const file = markFile(subnet, marks);
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ home: tenant.home, name: tenant.name }));
  try {
    for (;;) {
      // Fails when there is one, and shows it as a whole: of two stacks at once one gets it.
      const isTaken = await link(draft, file).then(() => false, isExisting);
      if (!isTaken) {
        return undefined;
      }
      const other = await readMark(file);
      if (isSame(other, tenant)) {
        return undefined;
      }
      if (other !== undefined && existsSync(stateFileOf(other))) {
        return other;
      }
      await rm(file, { force: true }); // of a stack that is gone without a word
    }
  } finally {
    await rm(draft, { force: true });
  }
}

function isExisting(error: unknown): boolean {
  if ((error as NodeJS.ErrnoException).code === "EEXIST") {
    return true;
  }
  throw error;
}

async function readMark(file: string): Promise<Tenant | undefined> {
  try {
    return JSON.parse(await readText(file)) as Tenant;
  } catch {
    return undefined;
  }
}

function isSame(one: Tenant | undefined, other: Tenant): boolean {
  return one?.home === other.home && one.name === other.name;
}

function markFile(subnet: string, marks: string): string {
  return join(marks, subnet.replace("/24", ""));
}

/** Whether two networks in CIDR notation have an address in common. */
export function overlaps(one: string, other: string): boolean {
  const [first, second] = [toRange(one), toRange(other)];
  return first.from <= second.to && second.from <= first.to;
}

function toRange(network: string): { from: number; to: number } {
  const [address = "", length = "32"] = network.split("/");
  const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  const from = Math.floor(value / size) * size;
  return { from, to: from + size - 1 };
}

async function readText(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.trimEnd();
}
