/** Credentials that were right a moment ago, so that a check of them is not paid twice. */
import { createHmac, randomBytes } from "node:crypto";
import { BoundedMap } from "./bounded-map.ts";
import type { Identity } from "./identity.ts";

const MAX_ENTRIES = 1000;

interface Entry {
  identity: Identity;
  /** `Date.now()` after which it is checked again. */
  expiresAt: number;
}

export class KnownCredentials {
  /** Of this process alone: the map's keys say nothing to whoever sees them. */
  readonly #key = randomBytes(32);
  readonly #entries = new BoundedMap<string, Entry>(MAX_ENTRIES);

  /** What a header is kept under; never its text. */
  fingerprint(header: string): string {
    return createHmac("sha256", this.#key).update(header).digest("base64");
  }

  get(fingerprint: string): Identity | undefined {
    const entry = this.#entries.get(fingerprint);
    if (entry !== undefined && entry.expiresAt <= Date.now()) {
      this.#entries.delete(fingerprint);
      return undefined;
    }
    return entry?.identity;
  }

  /** @param expiresAt - milliseconds since 1970 */
  add(fingerprint: string, identity: Identity, expiresAt: number): void {
    this.#entries.set(fingerprint, { identity, expiresAt });
  }

  clear(): void {
    this.#entries.clear();
  }
}
