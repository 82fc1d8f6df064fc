/** Which addresses are not public (the IANA special-purpose registries, RFC 6890). */
import { BlockList, isIP } from "node:net";
import { parseRange } from "../../contract/address-range.ts";

const IPV4_RANGES: readonly (readonly [kind: string, ...ranges: string[]])[] = [
  ["loopback", "127.0.0.0/8"],
  ["unspecified", "0.0.0.0/8"],
  ["link-local", "169.254.0.0/16"],
  ["private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  ["shared", "100.64.0.0/10"],
  ["benchmarking", "198.18.0.0/15"],
  ["documentation", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"],
  ["multicast", "224.0.0.0/4"],
  ["broadcast", "255.255.255.255/32"],
  // Protocols' own, relays of 6to4, and what is kept for later.
  ["reserved", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4"],
];

const IPV6_RANGES: typeof IPV4_RANGES = [
  ["loopback", "::1/128"],
  ["unspecified", "::/128"],
  ["IPv4-compatible", "::/96"],
  ["link-local", "fe80::/10"],
  ["private", "fc00::/7", "fec0::/10"],
  ["documentation", "2001:db8::/32", "3fff::/20"],
  ["multicast", "ff00::/8"],
  // Protocols' own; Teredo among them, with an IPv4 address of the sender's choice.
  ["reserved", "2001::/23"],
];

/** All that is given out as global unicast; the rest is somebody's own, or for later. */
const GLOBAL_UNICAST = toList(["2000::/3"]);

const IPV4_KINDS = IPV4_RANGES.map(([kind, ...ranges]) => ({ kind, list: toList(ranges) }));
const IPV6_KINDS = IPV6_RANGES.map(([kind, ...ranges]) => ({ kind, list: toList(ranges) }));

/** An address as it is compared. */
export interface Address {
  /** Without a zone. */
  text: string;
  family: "ipv4" | "ipv6";
  /** The IPv4 address to which a packet for this IPv6 address goes in the end. */
  inner: string | undefined;
}

/** Reads what is an address to Node; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  switch (isIP(text)) {
    case 4:
      return { text, family: "ipv4", inner: undefined };
    case 6: {
      const [address = ""] = text.split("%", 1);
      return { text: address, family: "ipv6", inner: innerOf(toGroups(address)) };
    }
    default:
      return undefined;
  }
}

/** What an address is that is not public, e.g. `loopback`; undefined for a public one. */
export function kindOf({ text, family, inner }: Address): string | undefined {
  if (inner !== undefined) {
    return kindOf({ text: inner, family: "ipv4", inner: undefined });
  }
  const kinds = family === "ipv4" ? IPV4_KINDS : IPV6_KINDS;
  const kind = kinds.find(({ list }) => list.check(text, family))?.kind;
  const isElsewhere = family === "ipv6" && !GLOBAL_UNICAST.check(text, family);
  return kind ?? (isElsewhere ? "reserved" : undefined);
}

function toList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const parsed = parseRange(range);
    if (parsed !== undefined) {
      list.addSubnet(parsed.address, parsed.bits, parsed.family);
    }
  }
  return list;
}

/** The eight groups of an IPv6 address without a zone, in whichever of its forms it is written. */
export function toGroups(address: string): number[] {
  // A URL shows the one short form (RFC 5952) without a dotted IPv4 part.
  const { hostname } = new URL(`http://[${address}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split("::")
    .map((half) => (half === "" ? [] : half.split(":").map((group) => parseInt(group, 16))));
  const zeros = Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail];
}

/** Of IPv4-mapped addresses, of NAT64 (RFC 6052 §2.1) and of 6to4 (RFC 3056 §2). */
function innerOf(groups: readonly number[]): string | undefined {
  const first = groups.slice(0, 6).join();
  if (first === "0,0,0,0,0,65535" || first === [0x64, 0xff9b, 0, 0, 0, 0].join()) {
    return toIPv4(groups.slice(6));
  }
  return groups[0] === 0x2002 ? toIPv4(groups.slice(1, 3)) : undefined;
}

function toIPv4(groups: readonly number[]): string {
  return groups.flatMap((group) => [group >> 8, group & 255]).join(".");
}
