/** Which hosts callers may choose, in all the ways in which a host can be written. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AddressPolicy, readAllowed } from "../../../services/lib/address-policy.ts";
import { ConfigError } from "../../../services/lib/config.ts";
import { runs } from "../../support/property-runs.ts";

const check = (url: string, ...allow: string[]): string | undefined =>
  new AddressPolicy(allow).checkUrl(new URL(url));

describe("without anything allowed", () => {
  test.each<[url: string, got: string]>([
    ["http://127.0.0.1/", "the loopback address 127.0.0.1"],
    ["https://127.0.0.1:8443/", "the loopback address 127.0.0.1"],
    ["http://127.255.255.255/", "the loopback address 127.255.255.255"],
    ["http://2130706433/", "the loopback address 127.0.0.1"],
    ["http://0x7f.1/", "the loopback address 127.0.0.1"],
    ["http://0X7F000001/", "the loopback address 127.0.0.1"],
    ["http://0177.0.0.01/", "the loopback address 127.0.0.1"],
    ["http://127.1/", "the loopback address 127.0.0.1"],
    ["http://127.0.0.1./", "the loopback address 127.0.0.1"],
    ["http://%31%32%37.1/", "the loopback address 127.0.0.1"],
    ["http://１２７。0。0。1/", "the loopback address 127.0.0.1"],
    ["http://0/", "the unspecified address 0.0.0.0"],
    ["http://0.1.2.3/", "the unspecified address 0.1.2.3"],
    ["http://169.254.169.254/latest/meta-data", "the link-local address 169.254.169.254"],
    ["http://10.43.0.1/", "the private address 10.43.0.1"],
    ["http://172.16.0.1/", "the private address 172.16.0.1"],
    ["http://172.31.255.255/", "the private address 172.31.255.255"],
    ["http://192.168.1.1/", "the private address 192.168.1.1"],
    ["http://100.64.0.1/", "the shared address 100.64.0.1"],
    ["http://100.127.255.255/", "the shared address 100.127.255.255"],
    ["http://192.0.0.8/", "the reserved address 192.0.0.8"],
    ["http://192.88.99.1/", "the reserved address 192.88.99.1"],
    ["http://192.0.2.1/", "the documentation address 192.0.2.1"],
    ["http://198.51.100.1/", "the documentation address 198.51.100.1"],
    ["http://203.0.113.1/", "the documentation address 203.0.113.1"],
    ["http://198.19.255.255/", "the benchmarking address 198.19.255.255"],
    ["http://224.0.0.1/", "the multicast address 224.0.0.1"],
    ["http://240.0.0.1/", "the reserved address 240.0.0.1"],
    ["http://255.255.255.255/", "the broadcast address 255.255.255.255"],
    ["http://[::]/", "the unspecified address ::"],
    ["http://[::1]/", "the loopback address ::1"],
    ["http://[0:0:0:0:0:0:0:1]/", "the loopback address ::1"],
    ["http://[::127.0.0.1]/", "the IPv4-compatible address ::7f00:1"],
    ["http://[::8.8.8.8]/", "the IPv4-compatible address ::808:808"],
    ["http://[::ffff:127.0.0.1]/", "the loopback address ::ffff:7f00:1"],
    ["http://[::FFFF:A9FE:A9FE]/", "the link-local address ::ffff:a9fe:a9fe"],
    ["http://[64:ff9b::10.0.0.1]/", "the private address 64:ff9b::a00:1"],
    ["http://[64:ff9b:1::8.8.8.8]/", "the reserved address 64:ff9b:1::808:808"],
    ["http://[2002:7f00:1::]/", "the loopback address 2002:7f00:1::"],
    ["http://[2001:0:808:808::1]/", "the reserved address 2001:0:808:808::1"],
    ["http://[fe80::1]/", "the link-local address fe80::1"],
    ["http://[febf::1]/", "the link-local address febf::1"],
    ["http://[fec0::1]/", "the private address fec0::1"],
    ["http://[fd00:ec2::254]/", "the private address fd00:ec2::254"],
    ["http://[fc00::1]/", "the private address fc00::1"],
    ["http://[ff02::1]/", "the multicast address ff02::1"],
    ["http://[2001:db8::1]/", "the documentation address 2001:db8::1"],
    ["http://[3fff::1]/", "the documentation address 3fff::1"],
    ["http://[100::1]/", "the reserved address 100::1"],
    ["http://[4000::1]/", "the reserved address 4000::1"],
    ["http://localhost/", 'the local name "localhost"'],
    ["http://LOCALHOST./", 'the local name "localhost"'],
    ["http://localhost../", 'the local name "localhost"'],
    ["http://ⓛocalhost/", 'the local name "localhost"'],
    ["http://loc\u00adalhost/", 'the local name "localhost"'],
    ["http://a.localhost:8080/", 'the local name "a.localhost"'],
    ["http://gateway/", 'the local name "gateway"'],
    ["http://bücher/", 'the local name "xn--bcher-kva"'],
    ["http://./", 'the local name ""'],
    ["http://printer.local/", 'the local name "printer.local"'],
    ["http://metadata.google.internal/", 'the local name "metadata.google.internal"'],
    ["http://Metadata.Google.Internal./", 'the local name "metadata.google.internal"'],
    ["http://gateway.openfaas.svc/", 'the local name "gateway.openfaas.svc"'],
    ["http://a.b.svc.cluster.local./", 'the local name "a.b.svc.cluster.local"'],
    ["http://pod.cluster.local/", 'the local name "pod.cluster.local"'],
    ["ftp://example.com/", "another scheme"],
    ["http://user@example.com/", "a URL with credentials"],
    ["http://:secret@example.com/", "a URL with credentials"],
  ])("%s is refused", (url, got) => {
    expect(check(url)).toBe(got);
  });

  test.each([
    "http://example.com/",
    "HTTPS://EXAMPLE.COM.:8443/hook?a=1",
    "http://bücher.example/",
    "http://localhost.example.com/",
    "http://internal.example.com/",
    "http://svc.example.com/",
    "http://mysvc.example/",
    "http://8.8.8.8/",
    "http://9.255.255.255/",
    "http://11.0.0.0/",
    "http://100.63.255.255/",
    "http://100.128.0.0/",
    "http://126.255.255.255/",
    "http://128.0.0.0/",
    "http://169.253.255.255/",
    "http://172.15.255.255/",
    "http://172.32.0.0/",
    "http://192.0.1.0/",
    "http://198.17.255.255/",
    "http://198.20.0.0/",
    "http://223.255.255.255/",
    "http://[2606:4700::1111]/",
    "http://[2001:4860:4860::8888]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[64:ff9b::8.8.8.8]/",
    "http://[2002:808:808::1]/",
  ])("%s can be right", (url) => {
    expect(check(url)).toBeUndefined();
  });

  test.each<[string, string | undefined]>([
    ["127.0.0.1", "the loopback address 127.0.0.1"],
    ["fe80::1%eth0", "the link-local address fe80::1"],
    ["::ffff:127.0.0.1", "the loopback address ::ffff:127.0.0.1"],
    ["0127.0.0.1", "no address"],
    ["", "no address"],
    ["8.8.8.8", undefined],
  ])("an answer of name servers, %p, is judged by the same ranges", (address, got) => {
    expect(new AddressPolicy([]).checkAddress(address)).toBe(got);
  });
});

describe("allowed is", () => {
  test.each<[allow: string, url: string]>([
    ["127.0.0.0/8", "http://2130706433/"],
    ["127.0.0.0/8", "http://[::ffff:127.0.0.1]/"],
    ["127.0.0.1", "http://127.0.0.1:8080/"],
    ["10.1.2.3/8", "http://10.255.0.1/"],
    ["10.0.0.0/8", "http://[64:ff9b::10.0.0.1]/"],
    ["0.0.0.0/0", "http://127.0.0.1/"],
    ["::1", "http://[::1]/"],
    ["fd00::/8", "http://[fd12::1]/"],
    ["FD00::/8", "http://[FD12::1]/"],
    ["::/0", "http://[fe80::1]/"],
    ["::ffff:10.0.0.0/104", "http://[::ffff:10.0.0.1]/"],
    ["localhost", "http://LOCALHOST.:8080/"],
    ["Gateway.OpenFaaS.svc.", "http://gateway.openfaas.svc/"],
    ["receiver", "http://receiver/"],
    ["*.svc", "http://a.b.svc/"],
    ["*.Bücher.local", "http://a.bücher.local/"],
  ])("by %p: %s", (allow, url) => {
    expect(check(url)).toBeDefined();
    expect(check(url, allow)).toBeUndefined();
  });

  test.each<[allow: string, url: string]>([
    ["127.0.0.1", "http://127.0.0.2/"],
    ["10.0.0.0/9", "http://10.128.0.1/"],
    ["::/0", "http://127.0.0.1/"],
    ["0.0.0.0/0", "http://[::1]/"],
    ["::ffff:0:0/96", "http://10.0.0.1/"],
    ["*.svc", "http://a.svc.cluster.local/"],
    ["*.b.svc", "http://b.svc/"],
    ["*.b.svc", "http://ab.svc/"],
    ["a.b.svc", "http://x.a.b.svc/"],
    ["*.local", "http://user:secret@a.local/"],
    ["10.0.0.0/8", "http://localhost/"],
  ])("by %p not: %s", (allow, url) => {
    expect(check(url, allow)).toBeDefined();
  });

  test("wherever it leads, a name of the list alone", () => {
    const policy = new AddressPolicy(["hook.example.com", "*.corp.example"]);
    const names = ["hook.example.com", "HOOK.example.com.", "a.corp.example", "corp.example"];
    expect(names.map((name) => policy.isAllowedName(name))).toEqual([true, true, true, false]);
  });
});

describe("the list of what is allowed", () => {
  const expectation =
    "expected an address, a range such as 10.0.0.0/8, or a host name such as a.example.com or " +
    "*.example.com";

  test("is read between commas and blanks", () => {
    const text = " 10.0.0.0/8,fd00::/8\n*.example.com , receiver,";
    expect(readAllowed(text)).toEqual(["10.0.0.0/8", "fd00::/8", "*.example.com", "receiver"]);
    expect(readAllowed("")).toEqual([]);
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/-1",
    "10.0.0/8",
    "010.0.0.1",
    "2130706433",
    "0x7f.1",
    "fd00::/129",
    "[fd00::1]",
    "fe80::1%eth0",
    "*",
    "*.",
    "*.*.example.com",
    "a.*.example.com",
    "a..b",
    ".",
    "http://example.com",
    "example.com:80",
    "example.com/path",
    "user@example.com",
    "a%2eb",
  ])("has no %p", (entry) => {
    const message = `${expectation}, got ${JSON.stringify(entry)}`;
    expect(() => new AddressPolicy(["10.0.0.0/8", entry])).toThrow(new Error(message));
    const error = new ConfigError(`callback_allow: ${message}`);
    expect(() => readAllowed(`10.0.0.0/8, ${entry}`)).toThrow(error);
  });
});

/** Refused ranges, said a second time: first address and number of fixed bits. */
const REFUSED_IPV4: readonly (readonly [first: number, bits: number])[] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0586300, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 3],
];

const isRefused = (address: number): boolean =>
  REFUSED_IPV4.some(([first, bits]) => address >>> (32 - bits) === first >>> (32 - bits));

const refusedAddress = fc
  .tuple(fc.constantFrom(...REFUSED_IPV4), fc.nat({ max: 0xffffffff }))
  .map(([[first, bits], random]) => (first | (random & (2 ** (32 - bits) - 1))) >>> 0);

const toHex = (value: number): string => value.toString(16);

/** How `inet_aton` takes numbers, and WHATWG's URLs with it. */
const writers = [
  String,
  (value: number) => `0x${toHex(value)}`,
  (value: number) => `0X000${toHex(value).toUpperCase()}`,
  (value: number) => `0${value.toString(8)}`,
  (value: number) => `000${value.toString(8)}`,
];

/** Characters that a URL's host takes for others. */
const disguises = [
  (text: string) => text,
  (text: string) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (text: string) => text.replaceAll(".", "。"),
  (text: string) => text.replace(/\d/g, (digit) => `%3${digit}`),
];

const dotted = fc
  .record({
    parts: fc.integer({ min: 1, max: 4 }),
    written: fc.array(fc.constantFrom(...writers), { minLength: 4, maxLength: 4 }),
    disguise: fc.constantFrom(...disguises),
    end: fc.constantFrom("", "."),
  })
  .map(({ parts, written, disguise, end }) => (address: number): string => {
    const heads = Array.from(
      { length: parts - 1 },
      (_, index) => (address >>> (24 - index * 8)) & 255,
    );
    const rest = address % 2 ** (8 * (5 - parts));
    const numbers = [...heads, rest].map((value, index) => (written[index] ?? String)(value));
    return `${disguise(numbers.join("."))}${end}`;
  });

const embedded = fc.constantFrom(
  (high: string, low: string) => `[::ffff:${high}:${low}]`,
  (high: string, low: string) => `[0:0:0:0:0:FFFF:${high.toUpperCase()}:${low}]`,
  (high: string, low: string) => `[64:ff9b::${high}:${low}]`,
  (high: string, low: string) => `[0064:FF9B:0:0:0:0:${high}:${low}]`,
  (high: string, low: string) => `[2002:${high}:${low}::1]`,
);

const spelling = fc.oneof(
  dotted,
  embedded.map((write) => (address: number): string => {
    return write(toHex(address >>> 16), toHex(address & 0xffff));
  }),
);

test("no address of a refused range passes, in any spelling", () => {
  fc.assert(
    fc.property(refusedAddress, spelling, (address, spell) => {
      expect(check(`http://${spell(address)}/`)).toMatch(/^the [a-z-]+ address [0-9a-f.:]+$/);
    }),
    { numRuns: runs(1000) },
  );
});

test("any other IPv4 address passes, in any spelling", () => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffffffff }), spelling, (address, spell) => {
      fc.pre(!isRefused(address));
      expect(check(`http://${spell(address)}/`)).toBeUndefined();
    }),
    { numRuns: runs(500) },
  );
});

test("of IPv6 nothing passes that is not global unicast or an IPv4 address", () => {
  const groups = fc.array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, ([first = 0, ...rest]) => {
      fc.pre(first >>> 13 !== 1 && first !== 0x64 && first !== 0);
      expect(check(`http://[${[first, ...rest].map(toHex).join(":")}]/`)).toBeDefined();
    }),
    { numRuns: runs(300) },
  );
});
