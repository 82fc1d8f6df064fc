/** Which connections and keys a remote resource takes; tables without a server. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import ssh2 from "ssh2";
import { type PropertyMap, Secret, UNKNOWN } from "../../../standins/provider-protocol/values.ts";
import {
  collectConnectionSecrets,
  findConnectionFailures,
  toConnection,
  withConnectionDefaults,
} from "../../../standins/pulumi-command/connection.ts";
import { toHostKey, toPrivateKey } from "../../../standins/pulumi-command/keys.ts";

const HOST_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here";

function pkcs8(type: "rsa" | "ec" | "ed25519" | "x25519", passphrase?: string): string {
  const pair = {
    rsa: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ec: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ed25519: () => generateKeyPairSync("ed25519"),
    x25519: () => generateKeyPairSync("x25519"),
  }[type]();
  const cipher = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return pair.privateKey.export({ type: "pkcs8", format: "pem", ...cipher }).toString();
}

describe("a connection", () => {
  it.each<[string, PropertyMap]>([
    ["", { host: "h" }],
    ["", { host: "h", privateKey: new Secret(UNKNOWN), hostKey: HOST_KEY, port: 2222 }],
    ["", { host: UNKNOWN, proxy: { host: "p", dialErrorLimit: -1, perDialTimeout: 0 } }],
    ["connection.host: is missing", { user: "root" }],
    ["connection.host: expected a string, got number", { host: 1 }],
    ["connection.user: expected text, got none", { host: "h", user: "" }],
    [
      "connection.port: expected a whole number from 1 to 65535, got string",
      { host: "h", port: "22" },
    ],
    [
      "connection.dialErrorLimit: expected a whole number from -1 to 1000000, got 1.5",
      { host: "h", dialErrorLimit: 1.5 },
    ],
    ["connection.keyFile: is not a known property", { host: "h", keyFile: "a" }],
    ["connection.proxy: expected an object, got string", { host: "h", proxy: "p" }],
    ["connection.proxy.host: is missing", { host: "h", proxy: { port: 22 } }],
    [
      "connection.proxy.proxy: is not a known property",
      { host: "h", proxy: { host: "p", proxy: {} } },
    ],
    [
      "connection.hostKey: expected one line as in known_hosts, e.g. `ssh-ed25519 AAAA...`, " +
        "got one that cannot be read: Unsupported key format",
      { host: "h", hostKey: "SHA256:abc" },
    ],
    [
      "connection.privateKey: expected a private key in OpenSSH's or PEM's format, " +
        "got one that cannot be read: it is a public key",
      { host: "h", privateKey: new Secret(HOST_KEY) },
    ],
  ])("%s %j", (message, connection) => {
    const reasons = findConnectionFailures({ connection: new Secret(connection) }).map(
      ({ reason }) => reason,
    );
    expect(reasons).toEqual(message === "" ? [] : [message]);
  });

  it("must be there, and may be unknown", () => {
    expect(findConnectionFailures({})).toEqual([
      { property: "connection", reason: "connection: is missing" },
    ]);
    expect(findConnectionFailures({ connection: "h" })).toEqual([
      { property: "connection", reason: "connection: expected an object, got string" },
    ]);
    expect(findConnectionFailures({ connection: UNKNOWN })).toEqual([]);
  });

  it("gets the official defaults, as its proxy does, and is a secret", () => {
    const inputs = { create: "true", connection: { host: "h", port: 1, proxy: { host: "p" } } };
    const defaults = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
    const complete = withConnectionDefaults(inputs);
    expect(complete).toEqual({
      create: "true",
      connection: new Secret({
        ...defaults,
        host: "h",
        port: 1,
        proxy: { ...defaults, host: "p" },
      }),
    });
    expect(toConnection(complete)).toMatchObject({ host: "h", port: 1, proxy: { port: 22 } });
    expect(withConnectionDefaults({ connection: UNKNOWN })).toEqual({
      connection: new Secret(UNKNOWN),
    });
  });

  it("has secrets that are never shown, and a host that may be", () => {
    const proxy = { host: "p", password: new Secret("two") };
    const connection = { host: "h", password: "one", privateKey: "three", proxy };
    expect(collectConnectionSecrets(toConnection({ connection }))).toEqual(["one", "three", "two"]);
  });
});

describe("a private key", () => {
  it.each(["rsa", "ec", "ed25519"] as const)("in PKCS #8 of type %s is read", (type) => {
    for (const passphrase of [undefined, "a passphrase"]) {
      const key = ssh2.utils.parseKey(toPrivateKey(pkcs8(type, passphrase), passphrase));
      if (key instanceof Error) {
        throw key;
      }
      expect(key.verify("text", key.sign("text"))).toBe(true);
    }
  });

  it("of another type, or with a wrong passphrase, is refused", () => {
    expect(() => toPrivateKey(pkcs8("x25519"), undefined)).toThrow("it is of type x25519");
    for (const passphrase of [undefined, "wrong"]) {
      expect(() => toPrivateKey(pkcs8("rsa", "a passphrase"), passphrase)).toThrow(
        "privateKeyPassword does not open it",
      );
    }
    expect(() => toPrivateKey("no key", undefined)).toThrow("Unsupported key format");
  });
});

it("reads a host's key with its type", () => {
  expect(toHostKey(HOST_KEY).type).toBe("ssh-ed25519");
  expect(toHostKey(`${HOST_KEY}\n`).blob.length).toBe(51);
});
