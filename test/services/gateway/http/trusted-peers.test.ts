/** Peers that are believed, and the caller's address behind them. */
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TrustedPeers } from "../../../../services/gateway/http/trusted-peers.ts";

const trusted = new TrustedPeers(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);

function request(remoteAddress: string, forwardedFor?: string): IncomingMessage {
  const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
  return { socket: { remoteAddress, remotePort: 4711 }, headers } as unknown as IncomingMessage;
}

describe("peerOf", () => {
  test.each([
    ["10.1.2.3", true, "10.1.2.3:4711"],
    ["::ffff:10.1.2.3", true, "10.1.2.3:4711"],
    ["11.0.0.1", false, "11.0.0.1:4711"],
    ["192.0.2.7", true, "192.0.2.7:4711"],
    ["192.0.2.8", false, "192.0.2.8:4711"],
    ["fd00::1", true, "[fd00::1]:4711"],
    ["fe80::1", false, "[fe80::1]:4711"],
  ])("of %s", (address, isTrusted, forwardedFor) => {
    expect(trusted.peerOf(request(address))).toMatchObject({ isTrusted, forwardedFor });
  });

  test("trusts nobody by default, and survives a socket that is gone", () => {
    expect(new TrustedPeers().peerOf(request("127.0.0.1")).isTrusted).toBe(false);
    const gone = { socket: {}, headers: {} } as unknown as IncomingMessage;
    expect(trusted.peerOf(gone)).toEqual({ address: "", forwardedFor: ":0", isTrusted: false });
  });

  test("looks at a connection once", () => {
    const call = request("10.0.0.1");
    expect(trusted.peerOf(call)).toBe(trusted.peerOf(call));
  });
});

describe("clientAddress", () => {
  test.each([
    ["198.51.100.1", "203.0.113.9", "198.51.100.1"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["10.0.0.1", "1.1.1.1, 203.0.113.9:555, 10.2.2.2", "203.0.113.9"],
    ["10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"],
    ["10.0.0.1", "2001:db8::1", "2001:db8::1"],
    ["10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"],
    ["10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"],
  ])("from %s with %j is %s", (peer, header, expected) => {
    expect(trusted.clientAddress(request(peer, header))).toBe(expected);
  });
});

describe("ranges", () => {
  test.each(["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "nowhere", "10.0.0.0/8/9", ""])(
    "%j is none",
    (range) => {
      expect(() => new TrustedPeers([range])).toThrow(
        `expected a range such as 10.0.0.0/8, got ${JSON.stringify(range)}`,
      );
    },
  );
});

describe("a chain of proxies", () => {
  const own = fc.integer({ min: 1, max: 254 }).map((last) => `10.0.0.${last}`);
  const foreign = fc.integer({ min: 1, max: 254 }).map((last) => `203.0.113.${last}`);
  const forged = fc.array(fc.oneof(own, foreign, fc.string()), { maxLength: 4 });

  test("tells the last address that is none of ours, whatever the caller has put before it", () => {
    fc.assert(
      fc.property(forged, foreign, fc.array(own, { maxLength: 4 }), (before, client, proxies) => {
        const header = [...before, client, ...proxies].join(", ");
        expect(trusted.clientAddress(request("10.1.1.1", header))).toBe(client);
      }),
    );
  });

  test("that does not end with a proxy of ours is not believed at all", () => {
    fc.assert(
      fc.property(forged, foreign, (before, peer) => {
        expect(trusted.clientAddress(request(peer, before.join(", ")))).toBe(peer);
      }),
    );
  });

  test.each([
    ["", "10.1.1.1"],
    [",", "10.1.1.1"],
    ["203.0.113.9,", "10.1.1.1"],
    [" 203.0.113.9 ", "203.0.113.9"],
    ["203.0.113.9:80:80", "10.1.1.1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1", "10.1.1.1"],
    ["fd00::5", "fd00::5"],
    ["203.0.113.9, fd00::5, 192.0.2.7", "203.0.113.9"],
  ])("of %j tells %s", (header, expected) => {
    expect(trusted.clientAddress(request("10.1.1.1", header))).toBe(expected);
  });
});

describe("a range", () => {
  test.each([
    ["10.0.0.0/8", "10.255.255.255", "11.0.0.0"],
    ["10.0.0.7/32", "10.0.0.7", "10.0.0.8"],
    ["0.0.0.0/0", "203.0.113.9", "fd00::1"],
    ["fd00::/8", "fdff::1", "fe00::1"],
    ["2000::/3", "2001:db8::1", "203.0.113.9"],
    ["192.0.2.128/25", "192.0.2.128", "192.0.2.127"],
  ])("%s has %s and not %s", (range, inside, outside) => {
    const peers = new TrustedPeers([range]);
    expect([inside, outside].map((from) => peers.peerOf(request(from)).isTrusted)).toEqual([
      true,
      false,
    ]);
  });
});
