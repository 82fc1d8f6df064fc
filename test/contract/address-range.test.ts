/** Ranges of addresses, in the one grammar of all who take them. */
import { describe, expect, test } from "@jest/globals";
import { findNetworkMistake, findRangeMistake, parseRange } from "../../contract/address-range.ts";

describe("a range", () => {
  test.each([
    ["10.0.0.0/8", { address: "10.0.0.0", bits: 8, family: "ipv4" }],
    ["192.0.2.7", { address: "192.0.2.7", bits: 32, family: "ipv4" }],
    ["0.0.0.0/0", { address: "0.0.0.0", bits: 0, family: "ipv4" }],
    ["fd00::/8", { address: "fd00::", bits: 8, family: "ipv6" }],
    ["::1", { address: "::1", bits: 128, family: "ipv6" }],
  ])("%j is read", (text, range) => {
    expect([parseRange(text), findRangeMistake(text)]).toEqual([range, undefined]);
  });

  test.each(["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/8/9", "fe80::1%eth0", "a", ""])(
    "%j is refused in the words of all errors",
    (text) => {
      const mistake = `expected a range such as 10.0.0.0/8, got ${JSON.stringify(text)}`;
      expect([parseRange(text), findRangeMistake(text)]).toEqual([undefined, mistake]);
    },
  );
});

describe("a network, as NetworkPolicies leave one out,", () => {
  test.each(["10.0.0.0/8", "192.0.2.1/32", "0.0.0.0/1", "fd00::/8", "::1/128"])(
    "may be %j",
    (text) => {
      expect(findNetworkMistake(text)).toBeUndefined();
    },
  );

  // The API server wants a prefix, and refuses to leave all addresses out of all addresses.
  test.each(["192.0.2.1", "::1", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0/8/9", "a/8", ""])(
    "may not be %j",
    (text) => {
      const expected = "expected a network such as 10.0.0.0/8 or 192.0.2.1/32";
      expect(findNetworkMistake(text)).toBe(`${expected}, got ${JSON.stringify(text)}`);
    },
  );
});
