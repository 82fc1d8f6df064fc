/** Look-ups by the policy, with name servers of the test's own. */
import { createSocket } from "node:dgram";
import type { LookupAddress, LookupOptions } from "node:dns";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "@jest/globals";
import { AddressPolicy, RefusedAddressError } from "../../../services/lib/address-policy.ts";
import { askServers, createLookup } from "../../../services/lib/guarded-lookup.ts";
import { collectCleanups } from "../../support/cleanup.ts";

const atEnd = collectCleanups(afterEach);

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

describe("name servers", () => {
  /** By name and type: 1 is IPv4, 28 is IPv6 (RFC 1035 §3.2.2, 3596 §2.1). */
  const ADDRESSES: Record<string, Record<number, number[]>> = {
    "both.example.com": { 1: [10, 0, 0, 1], 28: [0xfd, ...Array<number>(14).fill(0), 1] },
    "four.example.com": { 1: [10, 0, 0, 1] },
  };

  /** An answer with the address, or with none. */
  function answer(query: Buffer, asked: Set<string>): Buffer {
    const end = query.indexOf(0, 12) + 1;
    const name = query
      .subarray(13, end - 1)
      .toString("latin1")
      .replaceAll(/[^a-z]/g, ".");
    asked.add(name);
    const type = query.readUInt16BE(end);
    const address = ADDRESSES[name]?.[type];
    const record = [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, address?.length ?? 0];
    const counts = [0, 1, 0, address === undefined ? 0 : 1, 0, 0, 0, 0];
    return Buffer.concat([
      query.subarray(0, 2),
      Buffer.of(0x81, 0x80, ...counts),
      query.subarray(12, end + 4),
      Buffer.from(address === undefined ? [] : [...record, ...address]),
    ]);
  }

  async function start(): Promise<{ resolver: Resolver; asked: Set<string> }> {
    const asked = new Set<string>();
    const socket = createSocket("udp4");
    socket.on("message", (query, { port, address }) => {
      socket.send(answer(query, asked), port, address);
    });
    socket.bind(0, "127.0.0.1");
    atEnd(() => socket.close());
    await once(socket, "listening");
    const resolver = new Resolver({ timeout: 30_000, tries: 2 });
    resolver.setServers([`127.0.0.1:${socket.address().port}`]);
    return { resolver, asked };
  }

  test("are asked for both families, and for the complete name only", async () => {
    const { resolver, asked } = await start();
    const both = ["10.0.0.1", "fd00::1"];
    expect(await askServers(resolver, "both.example.com")).toEqual(toAddresses(both));
    expect(await askServers(resolver, "four.example.com")).toEqual(toAddresses(["10.0.0.1"]));
    const nobody = askServers(resolver, "nobody.example.com");
    await expect(nobody).rejects.toMatchObject({ code: "ENODATA" });
    expect([...asked]).toEqual(["both", "four", "nobody"].map((it) => `${it}.example.com`));
  });
});
