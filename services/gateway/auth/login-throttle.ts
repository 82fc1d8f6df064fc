/**
 * Slows down guessing. It is counted for user and peer together: behind a NodePort all peers can
 * look alike, so a count by peer alone would lock everybody out.
 */
import { isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";
import { toGroups } from "../../lib/address-ranges.ts";

/** Wrong passwords in a row that cost nothing: people mistype. */
const FREE_FAILURES = 5;

/** Wait after the first one that does, milliseconds; each further one doubles it. */
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;

/** Quiet time after which everything is forgotten, milliseconds. */
const FORGET_MS = 10 * 60_000;

/** User and peer pairs that are remembered. */
const MAX_ENTRIES = 10_000;

interface Failures {
  count: number;
  blockedUntil: number;
  lastAt: number;
}

export class LoginThrottle {
  readonly #entries = new LRUCache<string, Failures>({ max: MAX_ENTRIES });
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Begins an attempt. It counts as failed until `succeed` or `cancel` says otherwise, so that many
   * at the same time are counted too. Returns the seconds to wait when it is not allowed yet.
   */
  begin(user: string, peer: string): number | undefined {
    const now = this.#now();
    const key = toKey(user, peer);
    const known = this.#entries.get(key);
    if (known !== undefined && known.blockedUntil > now) {
      return Math.ceil((known.blockedUntil - now) / 1000);
    }
    const isOld = known === undefined || now - known.lastAt > FORGET_MS;
    const count = isOld ? 1 : known.count + 1;
    const doublings = count - FREE_FAILURES;
    const waitMs = doublings < 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** doublings, MAX_WAIT_MS);
    this.#entries.set(key, { count, blockedUntil: now + waitMs, lastAt: now });
    return undefined;
  }

  /** The password was right: the pair starts anew. */
  succeed(user: string, peer: string): void {
    this.#entries.delete(toKey(user, peer));
  }

  /** The password was not looked at. */
  cancel(user: string, peer: string): void {
    const key = toKey(user, peer);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.set(key, { ...known, count: known.count - 1, blockedUntil: 0 });
    }
  }
}

/** Addresses have no line ends. */
function toKey(user: string, peer: string): string {
  return `${toNetwork(peer)}\n${user.slice(0, 256)}`;
}

/** Who has one IPv6 address has the 2^64 of its network (RFC 4291 §2.5.1). */
function toNetwork(peer: string): string {
  if (!isIPv6(peer)) {
    return peer;
  }
  const [address = ""] = peer.split("%", 1);
  return toGroups(address).slice(0, 4).join(":");
}
