/** The one policy of addresses that callers choose, when they are accepted and when used. */
import { BlockList } from "node:net";
import { quote } from "../../contract/finding.ts";
import {
  findCallbackHostMistake,
  isCallback,
  parseCallbackHost,
  splitCallbackHosts,
  toPlainName,
} from "../../contract/queue/index.ts";
import { type Address, kindOf, parseAddress } from "./address-ranges.ts";
import { ConfigError } from "./config.ts";

/** What callers may choose, for errors; the reasons below are what was got. */
export const ADDRESS_EXPECTATION = "a URL of a public host, or of one in callback_allow";

/** Ends of names that lead to this machine, this network or this cluster, if anywhere. */
const LOCAL_NAMES = ["localhost", "local", "internal", "svc"].map((name) => `.${name}`);

/** An address that nothing was sent to. Its message is the reason. */
export class RefusedAddressError extends Error {
  override name = "RefusedAddressError";
}

/**
 * Tells public hosts, which everybody may have called, from those that only this network reaches:
 * the cloud's metadata, the cluster's services, the machine itself.
 */
export class AddressPolicy {
  readonly #ranges = { ipv4: new BlockList(), ipv6: new BlockList() };
  readonly #names = new Set<string>();
  /** `.example.com` of `*.example.com`. */
  readonly #suffixes: string[] = [];

  /**
   * @param allow - addresses, ranges (`10.0.0.0/8`, `fd00::/8`) and names (`a.example.com`,
   *   `*.example.com`: names below it) that are no public ones, or whose addresses are not
   * @throws Error that quotes the entry which is none of these
   */
  constructor(allow: readonly string[]) {
    allow.forEach((entry) => this.#allow(entry));
  }

  /**
   * Why a URL cannot be right, whatever its name leads to; undefined where it can be. A noun
   * phrase without path and query: the `got` of an error. It asks no name server.
   */
  checkUrl(url: URL): string | undefined {
    if (isCallback(url)) {
      return this.checkHost(url.hostname);
    }
    return url.username === "" && url.password === "" ? "another scheme" : "a URL with credentials";
  }

  /** The same for the host of a URL, with or without the brackets of IPv6. */
  checkHost(hostname: string): string | undefined {
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    if (parseAddress(host) !== undefined) {
      return this.checkAddress(host);
    }
    const name = toPlainName(host);
    const isLocal = !name.includes(".") || LOCAL_NAMES.some((end) => name.endsWith(end));
    return isLocal && !this.isAllowedName(host) ? `the local name ${quote(name)}` : undefined;
  }

  /** Why nothing is sent to an address; undefined where it may be. */
  checkAddress(text: string): string | undefined {
    const address = parseAddress(text);
    if (address === undefined) {
      return "no address";
    }
    const kind = kindOf(address);
    return kind === undefined || this.#isAllowed(address)
      ? undefined
      : `the ${kind} address ${address.text}`;
  }

  /** Whether a name is allowed wherever it leads. */
  isAllowedName(hostname: string): boolean {
    const name = toPlainName(hostname);
    return this.#names.has(name) || this.#suffixes.some((suffix) => name.endsWith(suffix));
  }

  #allow(entry: string): void {
    const host = parseCallbackHost(entry);
    if (host === undefined) {
      throw new Error(findCallbackHostMistake(entry));
    } else if ("range" in host) {
      const { address, bits, family } = host.range;
      this.#ranges[family].addSubnet(address, bits, family);
    } else if ("suffix" in host) {
      this.#suffixes.push(host.suffix);
    } else {
      this.#names.add(host.name);
    }
  }

  #isAllowed({ text, family, inner }: Address): boolean {
    const isInnerAllowed = inner !== undefined && this.#ranges.ipv4.check(inner, "ipv4");
    return isInnerAllowed || this.#ranges[family].check(text, family);
  }
}

/** Reads `callback_allow`, entries between commas or blanks; throws a ConfigError. */
export function readAllowed(text: string): string[] {
  const entries = splitCallbackHosts(text);
  const mistake = entries.map(findCallbackHostMistake).find((each) => each !== undefined);
  if (mistake !== undefined) {
    throw new ConfigError(`callback_allow: ${mistake}`);
  }
  return entries;
}
