/** Hosts that callbacks may reach: stack, components and services take the same ones. */
import "../../support/property-runs.ts";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ArgumentChecks } from "../../../components/errors.ts";
import { checkHosts } from "../../../components/kubernetes/callback-hosts.ts";
import {
  findCallbackHostMistake,
  parseCallbackHost,
  splitCallbackHosts,
} from "../../../contract/queue/index.ts";
import { AddressPolicy, readAllowed } from "../../../services/lib/address-policy.ts";
import { checkCallbackAllow } from "../../../stacks/config.ts";

const toIpv4Range = (address: string, bits: number): object => ({
  range: { address, bits, family: "ipv4" },
});

describe("an entry", () => {
  test.each<[string, object]>([
    ["10.0.0.1", toIpv4Range("10.0.0.1", 32)],
    ["10.0.0.0/8", toIpv4Range("10.0.0.0", 8)],
    ["0.0.0.0/0", toIpv4Range("0.0.0.0", 0)],
    ["fd00::/8", { range: { address: "fd00::", bits: 8, family: "ipv6" } }],
    ["::1", { range: { address: "::1", bits: 128, family: "ipv6" } }],
    ["receiver", { name: "receiver" }],
    ["A.Example.com.", { name: "a.example.com" }],
    ["a_b.example", { name: "a_b.example" }],
    ["b\u00fccher.example", { name: "xn--bcher-kva.example" }],
    ["*.Example.com", { suffix: ".example.com" }],
  ])("%s is read", (entry, expected) => {
    expect(parseCallbackHost(entry)).toEqual(expected);
    expect(findCallbackHostMistake(entry)).toBeUndefined();
  });

  // The components took these, and the gateway then ended at its start.
  test.each([
    "fe80::1%eth0",
    "1.2.3",
    "0x7f.1",
    "2130706433",
    `${"a".repeat(64)}.example`,
    "a%2eb",
  ])("%s is none", (entry) => {
    expect(parseCallbackHost(entry)).toBeUndefined();
    expect(findCallbackHostMistake(entry)).toBe(
      "expected an address, a range such as 10.0.0.0/8, or a host name such as a.example.com " +
        `or *.example.com, got ${JSON.stringify(entry)}`,
    );
  });
});

/** Texts that are entries, and some that are nearly so. */
const part = fc.constantFrom(
  ...["10.0.0.0", "fd00::1", "[::1]", "a", "A-b", "_c", "example.com", "127.1", "0x7f", "b\u00fc"],
  ...[
    "",
    ".",
    "..",
    "/",
    "/8",
    "/64",
    "/129",
    "*.",
    "*",
    "%eth0",
    "%2e",
    ":80",
    "@",
    "\uff0c",
    ",",
  ],
);
const nearly = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(""));
const entries = fc.oneof(nearly, fc.ipV4(), fc.ipV6(), fc.domain(), fc.string());

/** Of entries that are known. */
const AT_ONCE = {
  verify: <T>(value: T, check: (known: T) => T): T => check(value),
} as unknown as ArgumentChecks;

const isTaken = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

describe("of any entry", () => {
  test("components and services say the same, in the same words", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const mistake = findCallbackHostMistake(entry);
        const component = () => checkHosts(AT_ONCE, "allow", [entry]);
        const service = () => new AddressPolicy([entry]);
        expect([isTaken(component), isTaken(service)]).toEqual(
          Array(2).fill(mistake === undefined),
        );
        if (mistake !== undefined) {
          expect(component).toThrow(new Error(`allow[0]: ${mistake}`));
          expect(service).toThrow(new Error(mistake));
        }
      }),
    );
  });

  test("that is taken, a list has it as it was, and stack and services take the list", () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 5 }), (texts) => {
        const taken = texts.filter((entry) => findCallbackHostMistake(entry) === undefined);
        for (const list of [taken.join(","), taken.join(" , "), taken.join("\n")]) {
          expect(splitCallbackHosts(list)).toEqual(taken);
          expect(readAllowed(list)).toEqual(taken);
          expect(isTaken(() => checkCallbackAllow(list))).toBe(true);
        }
      }),
    );
  });

  test("a list with it is refused by the stack exactly when services refuse it", () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const list = `10.0.0.0/8, ${entry}`;
        expect(isTaken(() => checkCallbackAllow(list))).toBe(isTaken(() => readAllowed(list)));
      }),
    );
  });
});
