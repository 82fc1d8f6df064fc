/** Credentials that were right a moment ago, so that a check of them is not paid twice. */
import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Identity } from "./identity.ts";

const MAX_ENTRIES = 1000;

export class CredentialCache {
  /** Of this process alone: the keys of the cache reveal nothing. */
  readonly #key = randomBytes(32);
  readonly #entries = new LRUCache<string, Identity>({ max: MAX_ENTRIES });

  /** What a header is kept under; never its text. */
  fingerprint(header: string): string {
    return createHmac("sha256", this.#key).update(header).digest("base64");
  }

  get(fingerprint: string): Identity | undefined {
    return this.#entries.get(fingerprint);
  }

  /** @param expiresAt - milliseconds since 1970 */
  add(fingerprint: string, identity: Identity, expiresAt: number): void {
    const ttl = Math.floor(expiresAt - Date.now());
    if (ttl > 0) {
      this.#entries.set(fingerprint, identity, { ttl });
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}
