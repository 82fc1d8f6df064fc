/** A certificate authority for tests. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** For a server with TLS, PEM. */
export interface ServerIdentity {
  key: string;
  cert: string;
}

/** Object identifiers of RFC 5280 and RFC 5758, as they are encoded. */
const OID = {
  ecdsaWithSha256: "06082a8648ce3d040302",
  commonName: "0603550403",
  basicConstraints: "0603551d13",
  subjectAltName: "0603551d11",
};

const AUTHORITY = "authority of a test";

export class Authority {
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  /** What a client has to trust, PEM. */
  readonly certificate = this.#sign({
    subject: AUTHORITY,
    publicKey: this.#keys.publicKey,
    // A boolean: that it may sign others.
    extension: [hex(OID.basicConstraints), octets(sequence(tagged(0x01, Buffer.of(0xff))))],
  });

  /** The identity of a server that is reached by these names and IPv4 addresses. */
  issue(hosts: readonly string[]): ServerIdentity {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const names = hosts.map((host) =>
      isIPv4(host)
        ? tagged(0x87, Buffer.from(host.split(".").map(Number)))
        : tagged(0x82, Buffer.from(host)),
    );
    const extension = [hex(OID.subjectAltName), octets(sequence(...names))];
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    return { key, cert: this.#sign({ subject: hosts[0] ?? "", publicKey, extension }) };
  }

  /** A certificate of RFC 5280, PEM, good for as long as one can be. */
  #sign(of: { subject: string; publicKey: KeyObject; extension: readonly Buffer[] }): string {
    const algorithm = sequence(hex(OID.ecdsaWithSha256));
    const [version3, serial] = [integer(2), integer(1)];
    const body = sequence(
      tagged(0xa0, version3),
      serial,
      algorithm,
      toName(AUTHORITY),
      sequence(
        tagged(0x17, Buffer.from("000101000000Z")),
        tagged(0x18, Buffer.from("99991231235959Z")),
      ),
      toName(of.subject),
      of.publicKey.export({ type: "spki", format: "der" }),
      tagged(0xa3, sequence(sequence(...of.extension))),
    );
    const signature = sign("sha256", body, this.#keys.privateKey);
    const whole = sequence(body, algorithm, tagged(0x03, Buffer.of(0), signature));
    const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

function toName(text: string): Buffer {
  const entry = sequence(hex(OID.commonName), tagged(0x0c, Buffer.from(text)));
  return sequence(tagged(0x31, entry));
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

function integer(value: number): Buffer {
  return tagged(0x02, Buffer.of(value));
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content);
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

/** A value of DER, X.690. */
function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag, ...toLength(content.length)), content]);
}

/** As short as it can be: DER allows no other. */
function toLength(length: number): number[] {
  if (length < 0x80) {
    return [length];
  }
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
