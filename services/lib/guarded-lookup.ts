/** Name look-ups whose answers keep to the policy: a socket connects to what was checked. */
import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup, Resolver } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { type AddressPolicy, RefusedAddressError } from "./address-policy.ts";

/** All addresses of a name. Rejects, or resolves with none, where it has none. */
export type ResolveName = (hostname: string) => Promise<readonly LookupAddress[]>;

/**
 * For `node:net`. A name with one refused address is refused altogether: which of its addresses is
 * taken would be chance. Node never asks it about literal addresses: check those beforehand.
 *
 * @param resolve - in the place of name servers, e.g. for tests
 */
export function createLookup(policy: AddressPolicy, resolve?: ResolveName): LookupFunction {
  return (hostname, options, callback) => {
    findChecked(policy, hostname, resolve).then(
      (addresses) => answer(select(addresses, options), options, callback),
      (error: unknown) => callback(error as Error, []),
    );
  };
}

async function findChecked(
  policy: AddressPolicy,
  hostname: string,
  resolve: ResolveName | undefined,
): Promise<readonly LookupAddress[]> {
  const isAllowed = policy.isAllowedName(hostname);
  const addresses = await (resolve ?? (isAllowed ? resolveBySystem : resolveByServers))(hostname);
  const reasons = isAllowed ? [] : addresses.map(({ address }) => policy.checkAddress(address));
  const reason = reasons.find((it) => it !== undefined);
  if (reason !== undefined) {
    throw new RefusedAddressError(`${hostname}, which is ${reason}`);
  }
  return addresses;
}

function select(addresses: readonly LookupAddress[], { family }: LookupOptions): LookupAddress[] {
  const wanted = typeof family === "string" ? Number(family.slice(-1)) : (family ?? 0);
  return addresses.filter((it) => wanted === 0 || it.family === wanted);
}

function answer(
  addresses: LookupAddress[],
  options: LookupOptions,
  callback: Parameters<LookupFunction>[2],
): void {
  const [first] = addresses;
  if (first === undefined) {
    const error = new Error("name: expected an address, got none");
    callback(Object.assign(error, { code: "ENOTFOUND" }), []);
  } else if (options.all === true) {
    callback(null, addresses);
  } else {
    callback(null, first.address, first.family);
  }
}

let servers: Resolver | undefined;

async function resolveByServers(hostname: string): Promise<LookupAddress[]> {
  servers ??= new Resolver({ timeout: 2000, tries: 2 });
  return await askServers(servers, hostname);
}

/**
 * The name servers' word on a complete name. Not the system's: that would try the cluster's own
 * domains first, and slow name servers would hold the few threads that read files, too.
 */
export async function askServers(
  resolver: Pick<Resolver, "resolve4" | "resolve6">,
  hostname: string,
): Promise<LookupAddress[]> {
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ]);
  if (four.status === "rejected" && six.status === "rejected") {
    throw four.reason;
  }
  return [...toAddresses(four, 4), ...toAddresses(six, 6)];
}

function toAddresses(found: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] {
  const addresses = found.status === "fulfilled" ? found.value : [];
  return addresses.map((address) => ({ address, family }));
}

/** For names of the operator's: they may be short, or in the machine's own file of hosts. */
async function resolveBySystem(hostname: string): Promise<LookupAddress[]> {
  return await lookup(hostname, { all: true });
}
