/** Look-ups by the policy, with name servers of the test's own. */
import type { LookupAddress, LookupOptions } from "node:dns";
import { describe, expect, test } from "@jest/globals";
import { AddressPolicy, RefusedAddressError } from "../../../services/lib/address-policy.ts";
import { createLookup } from "../../../services/lib/guarded-lookup.ts";

const toAddresses = (addresses: readonly string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

interface Question {
  hostname?: string;
  options?: LookupOptions;
  allow?: string[];
}

/** What Node would get: all addresses in a list, or one. */
async function ask(
  answers: readonly string[],
  { hostname = "hook.example.com", options = { all: true }, allow = [] }: Question = {},
): Promise<unknown> {
  const lookup = createLookup(new AddressPolicy(allow), async () => {
    return await Promise.resolve(toAddresses(answers));
  });
  return await new Promise((resolve, reject) => {
    lookup(hostname, options, (error, address, family) => {
      if (error === null) {
        resolve(options.all === true ? address : [address, family]);
      } else {
        reject(error);
      }
    });
  });
}

describe("a look-up", () => {
  const answers = ["8.8.8.8", "2606:4700::1111", "8.8.4.4"];

  test("gives all addresses that it has checked, in their order", async () => {
    expect(await ask(answers)).toEqual(toAddresses(answers));
  });

  test.each<[LookupOptions, unknown]>([
    [{}, ["8.8.8.8", 4]],
    [{ family: 6 }, ["2606:4700::1111", 6]],
    [{ family: "IPv6" }, ["2606:4700::1111", 6]],
    [{ family: 4, all: true }, toAddresses(["8.8.8.8", "8.8.4.4"])],
    [{ family: 0, all: true }, toAddresses(answers)],
  ])("gives what Node asks for by %j", async (options, expected) => {
    expect(await ask(answers, { options })).toEqual(expected);
  });

  test.each([
    ["127.0.0.1", ["127.0.0.1"]],
    ["169.254.169.254", ["8.8.8.8", "169.254.169.254"]],
    ["169.254.169.254", ["169.254.169.254", "8.8.8.8"]],
    ["::1", ["8.8.8.8", "::1"]],
    ["::ffff:127.0.0.1", ["::ffff:127.0.0.1"]],
    ["fe80::1", ["fe80::1%2"]],
  ])("refuses a name with %s among its addresses, %j", async (address, all) => {
    const error = await ask(all).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(RefusedAddressError);
    expect((error as Error).message).toMatch(
      new RegExp(`^hook\\.example\\.com, which is the [a-z-]+ address ${address}$`),
    );
  });

  test("refuses also for an address of the family that nobody asked for", async () => {
    const question = ask(["8.8.8.8", "::1"], { options: { family: 4 } });
    await expect(question).rejects.toThrow(RefusedAddressError);
  });

  test("gives what ranges allow, and what a name is allowed for", async () => {
    const mixed = ["127.0.0.1", "8.8.8.8"];
    expect(await ask(mixed, { allow: ["127.0.0.0/8"] })).toEqual(toAddresses(mixed));
    expect(await ask(mixed, { allow: ["*.example.com"] })).toEqual(toAddresses(mixed));
    const allow = ["other.example.com", "10.0.0.0/8"];
    await expect(ask(mixed, { allow })).rejects.toThrow(RefusedAddressError);
  });

  test("of a name without addresses fails as Node's own does", async () => {
    await expect(ask([])).rejects.toMatchObject({ code: "ENOTFOUND" });
    const options = { family: 6 };
    await expect(ask(["8.8.8.8"], { options })).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  test("asks the system about names of the operator's", async () => {
    const lookup = createLookup(new AddressPolicy(["localhost"]));
    const found = await new Promise<unknown>((resolve) => {
      lookup("localhost", { all: true }, (error, addresses) => resolve(error ?? addresses));
    });
    expect(["127.0.0.1", "::1"]).toContain((found as LookupAddress[])[0]?.address);
  });
});
