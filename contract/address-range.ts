/** Ranges of addresses, as arguments and variables have them: `10.0.0.0/8`, `fd00::/8`, `::1`. */
import { isIP } from "node:net";
import { quote } from "./finding.ts";

export interface AddressRange {
  address: string;
  /** Bits, from the first on, that all its addresses have in common. */
  bits: number;
  family: "ipv4" | "ipv6";
}

/** An address or a range (`10.0.0.0/8`, `fd00::/8`) in its parts; undefined where it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = "", prefix, rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  const longest = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
  return version === 0 || rest !== undefined || !(bits <= longest)
    ? undefined
    : { address, bits, family: version === 4 ? "ipv4" : "ipv6" };
}

/**
 * What is wrong with a network in CIDR notation, as NetworkPolicies leave one out: an address has
 * its prefix, too, and all addresses are none. Undefined where nothing is.
 */
export function findNetworkMistake(text: string): string | undefined {
  const bits = text.includes("/") ? (parseRange(text)?.bits ?? 0) : 0;
  return bits === 0
    ? `expected a network such as 10.0.0.0/8 or 192.0.2.1/32, got ${quote(text)}`
    : undefined;
}

/** What is wrong with a range, but for the field's name; undefined where nothing is. */
export function findRangeMistake(text: string): string | undefined {
  return parseRange(text) === undefined
    ? `expected a range such as 10.0.0.0/8, got ${quote(text)}`
    : undefined;
}
