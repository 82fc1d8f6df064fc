/** Credentials that were right a moment ago. */
import { describe, expect, test } from "@jest/globals";
import { CredentialCache } from "../../../../services/gateway/auth/credential-cache.ts";

const IDENTITY = { name: "x", roles: [] };
const later = Date.now() + 60_000;

describe("CredentialCache", () => {
  test("knows a header until its time is over", () => {
    const known = new CredentialCache();
    known.add(known.fingerprint("a"), IDENTITY, later);
    known.add(known.fingerprint("b"), IDENTITY, Date.now() - 1);
    expect(known.get(known.fingerprint("a"))).toBe(IDENTITY);
    expect(known.get(known.fingerprint("b"))).toBeUndefined();
    expect(known.get(known.fingerprint("c"))).toBeUndefined();
  });

  test("shows nothing of a header, and not the same in two processes", () => {
    const [one, two] = [new CredentialCache(), new CredentialCache()];
    expect(one.fingerprint("Basic abc")).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(one.fingerprint("Basic abc")).toBe(one.fingerprint("Basic abc"));
    expect(one.fingerprint("Basic abc")).not.toBe(two.fingerprint("Basic abc"));
  });

  test("holds a thousand, those that were used last", () => {
    const known = new CredentialCache();
    for (let index = 0; index < 1000; index += 1) {
      known.add(`k${index}`, IDENTITY, later);
    }
    expect(known.get("k0")).toBe(IDENTITY);
    known.add("one more", IDENTITY, later);
    expect([known.get("k0"), known.get("k1")]).toEqual([IDENTITY, undefined]);
    known.clear();
    expect(known.get("k0")).toBeUndefined();
  });
});
