/**
 * Other stacks on this machine: the owner of a cluster's folder, and the assignment of free
 * networks to stacks.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withLock } from "../toolchain/lock.ts";
import { capture } from "../toolchain/run-command.ts";
import { CommandError } from "./process.ts";

/** Identifies a stack of this project on this machine. */
export interface Tenant {
  /** `$PLONK_HOME` of the stack. */
  home: string;
  /** Name of the stack. */
  name: string;
}

/** Folder in which the stacks of all users record their networks; it survives a reboot. */
const MARKS = "/var/lib/plonk/subnets";
const SUBNETS = [18, 19].flatMap((second) =>
  Array.from({ length: 256 }, (_, third) => `198.${second}.${third}.0/24`),
);

/** Path of a stack's Pulumi state. */
export function stateFileOf({ home, name }: Tenant): string {
  return join(home, "state", ".pulumi", "stacks", "plonk", `${name}.json`);
}

/** Names of a stack's clusters in its home, by owner mark; by name for those without a mark. */
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

/** The network in a cluster's script; undefined if there is none. */
export async function subnetOf(home: string, cluster: string): Promise<string | undefined> {
  const script = await readText(join(home, "clusters", cluster, "cluster.sh"));
  return /^SUBNET='([\d./]+)'$/m.exec(script)?.[1];
}

/** Networks in use on this machine, by interfaces and by routes such as a VPN's. */
export async function usedNetworks(): Promise<string[]> {
  const [addresses, routes] = await Promise.all([
    capture("ip", ["-4", "-o", "addr", "show"]),
    capture("ip", ["-4", "-o", "route", "show", "table", "all"]),
  ]);
  const found = `${addresses.stdout}\n${routes.stdout}`.matchAll(
    /(?<![\d.])(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?/g,
  );
  // A route for at least half of all addresses is effectively a default route.
  return [...found]
    .map(([, address = "", length = "32"]) => `${address}/${length}`)
    .filter((network) => Number(network.split("/")[1]) > 1);
}

/** Assigns the first free network to a stack, until `releaseSubnets`. */
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

/** Records a network that the user has chosen. @throws CommandError when another stack has it */
export async function claimSubnet(tenant: Tenant, subnet: string, marks = MARKS): Promise<void> {
  if (!SUBNETS.includes(subnet)) {
    return;
  } // the program reports an invalid value
  const other = await mark(subnet, tenant, marks);
  if (other === undefined) {
    return;
  }
  throw new CommandError(
    `plonk:subnet: ${subnet} is taken by stack ${other.name} of ${other.home}; choose another one`,
  );
}

/** Releases a stack's networks, and removes the folder when no stack has one. */
export async function releaseSubnets(tenant: Tenant, marks = MARKS): Promise<void> {
  if ((await ownMarks(tenant, marks)).length > 0) {
    await withDraft(tenant, join(marks, "release"), () => removeOwn(tenant, marks));
  }
  for (const folder of [marks, dirname(marks)]) {
    await rmdir(folder).catch(() => undefined);
  }
}

/** Without its state a stack's marks are anybody's, who may have taken them over by now. */
async function removeOwn(tenant: Tenant, marks: string): Promise<void> {
  await whileNobodyRemoves(marks, async () => {
    for (const subnet of await ownMarks(tenant, marks)) {
      await rm(markFile(subnet, marks));
    }
  });
}

/**
 * Marks are removed by one process at a time: who has found one to remove could otherwise remove
 * the one that another stack has set in its place. A file in the folder must keep it there.
 */
function whileNobodyRemoves(marks: string, work: () => Promise<void>): Promise<void> {
  return withLock(join(marks, "lock"), work);
}

/** Networks of other stacks in the same home that have no marks. */
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

/** Marks a network as a stack's. Returns the owner if another stack has it already. */
async function mark(subnet: string, tenant: Tenant, marks: string): Promise<Tenant | undefined> {
  const file = markFile(subnet, marks);
  return await withDraft(tenant, file, async (draft) => {
    for (;;) {
      // A link is atomic and fails if the mark exists, so that only one of two stacks gets it.
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
      await whileNobodyRemoves(marks, () => removeStale(file));
    }
  });
}

/** Removes a mark whose stack no longer exists; none is left alone, as it may be set meanwhile. */
async function removeStale(file: string): Promise<void> {
  const isThere = existsSync(file);
  const owner = await readMark(file);
  if (isThere && (owner === undefined || !existsSync(stateFileOf(owner)))) {
    await rm(file, { force: true });
  }
}

/** Runs `work` with a file of its own beside the marks, whose name begins with `name`. */
async function withDraft<T>(
  tenant: Tenant,
  name: string,
  work: (draft: string) => Promise<T>,
): Promise<T> {
  const draft = `${name}.${randomUUID()}`;
  await writeDraft(draft, tenant);
  try {
    return await work(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Again when another stack's `releaseSubnets` has removed the folder in between. */
async function writeDraft(draft: string, { home, name }: Tenant): Promise<void> {
  try {
    await mkdir(dirname(draft), { recursive: true });
    await writeFile(draft, JSON.stringify({ home, name }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
    await writeDraft(draft, { home, name });
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
