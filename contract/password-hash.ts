/**
 * How passwords are kept: scrypt (RFC 7914) in the PHC string format,
 * `$scrypt$ln=14,r=8,p=5$<salt>$<hash>`. Not part of the contract's index: browsers import that.
 */
import { scrypt, timingSafeEqual } from "node:crypto";

/** OWASP's cost for 16 MiB of memory, so that two checks at a time fit into a small gateway. */
const COST = { ln: 14, r: 8, p: 5 } as const;

const HASH_BYTES = 32;

/** Most memory that one check may take, bytes. */
const MAX_MEMORY = 64 * 1024 * 1024;

/** The parts of a hash. */
export interface PasswordHash {
  /** Binary logarithm of scrypt's N. */
  ln: number;
  r: number;
  p: number;
  salt: Buffer;
  hash: Buffer;
}

/** Hashes a password. The same password and salt (at least 16 bytes) give the same text. */
export async function hashPassword(password: string, salt: Uint8Array): Promise<string> {
  const hash = await derive(password, { ...COST, salt, length: HASH_BYTES });
  const { ln, r, p } = COST;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${toBase64(salt)}$${toBase64(hash)}`;
}

const FORMAT =
  /^\$scrypt\$ln=(1[0-6]),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43,86})$/;

/** Reads a hash; undefined for another format, and for one that takes more than 64 MiB. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = "", hash = ""] = FORMAT.exec(text) ?? [];
  const parsed = {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
  const isUsable = parsed.r > 0 && parsed.p > 0 && 128 * 2 ** parsed.ln * parsed.r < MAX_MEMORY;
  return isUsable ? parsed : undefined;
}

/** Whether the hash is of this password. Takes as long for a wrong one as for the right one. */
export async function verifyPassword(password: string, expected: PasswordHash): Promise<boolean> {
  const { hash } = expected;
  return timingSafeEqual(await derive(password, { ...expected, length: hash.length }), hash);
}

interface Derivation {
  ln: number;
  r: number;
  p: number;
  salt: Uint8Array;
  length: number;
}

function derive(password: string, { ln, r, p, salt, length }: Derivation): Promise<Buffer> {
  const options = { N: 2 ** ln, r, p, maxmem: 2 * MAX_MEMORY };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => {
      if (error === null) {
        resolve(key);
      } else {
        reject(error);
      }
    });
  });
}

/** Base64 without padding, as the PHC string format has it. */
function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
