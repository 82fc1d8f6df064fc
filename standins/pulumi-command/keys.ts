/** Converts private and public keys from the usual formats for the SSH client. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import ssh2 from "ssh2";

/** PKCS #8, the format of openssl and Pulumi's tls plugin, which ssh2 does not support. */
const PKCS8 = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/;

/**
 * The key in a format that ssh2 supports.
 * @throws Error with the reason, without the key
 */
export function toPrivateKey(text: string, passphrase: string | undefined): string {
  const pkcs8 = PKCS8.exec(text);
  if (pkcs8) {
    return fromPkcs8(decrypt(text, pkcs8[1] === undefined ? undefined : (passphrase ?? "")));
  }
  const key = ssh2.utils.parseKey(text.trim(), passphrase);
  if (key instanceof Error) {
    throw key;
  }
  if (!key.isPrivateKey()) {
    throw new Error("it is a public key");
  }
  return text.trim();
}

export interface HostKey {
  /** E.g. `ssh-ed25519`. */
  type: string;
  /** In SSH's own encoding. */
  blob: Buffer;
}

/**
 * A host's public key, one line as in `known_hosts` (without the host) or `authorized_keys`.
 * @throws Error with the reason
 */
export function toHostKey(text: string): HostKey {
  const key = ssh2.utils.parseKey(text.trim());
  if (key instanceof Error) {
    throw key;
  }
  return { type: key.type, blob: key.getPublicSSH() };
}

function decrypt(text: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: text, passphrase });
  } catch (error) {
    // OpenSSL's message for a wrong passphrase is about its internals.
    if (passphrase === undefined) {
      throw error;
    }
    throw new Error("privateKeyPassword does not open it", { cause: error });
  }
}

function fromPkcs8(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ type: "pkcs1", format: "pem" }).toString();
    case "ec":
      return key.export({ type: "sec1", format: "pem" }).toString();
    case "ed25519":
      return toOpenSshKey(key);
    default:
      throw new Error(`it is of type ${key.asymmetricKeyType}`);
  }
}

/** An Ed25519 key in OpenSSH's own format (its PROTOCOL.key), not encrypted. */
function toOpenSshKey(key: KeyObject): string {
  const { d = "", x = "" } = key.export({ format: "jwk" });
  const [seed, point] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const type = toField("ssh-ed25519");
  const checks = Buffer.alloc(8);
  const secret = [checks, type, toField(point), toField(Buffer.concat([seed, point])), toField("")];
  const length = Buffer.concat(secret).length;
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, i) => i + 1));
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    toField("none"),
    toField("none"),
    toField(""),
    Buffer.from([0, 0, 0, 1]),
    toField(Buffer.concat([type, toField(point)])),
    toField(Buffer.concat([...secret, padding])),
  ]).toString("base64");
  const lines = body.match(/.{1,70}/g) ?? [];
  return ["OPENSSH PRIVATE KEY"]
    .flatMap((name) => [`-----BEGIN ${name}-----`, ...lines, `-----END ${name}-----`])
    .join("\n");
}

/** Bytes with their length before them (RFC 4251, "string"). */
function toField(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
