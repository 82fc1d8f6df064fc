/** Basic authentication of `/system` and `/ui` with the platform's one user. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, type Logger } from "../lib/logger.ts";

/** How old the credentials in memory may be, milliseconds: mounted secrets change in place. */
const MAX_AGE_MS = 1000;

export class BasicAuth {
  readonly #directory: string;
  readonly #logger: Logger;
  #expected: Buffer;
  #readAt = Date.now();

  /** Throws an error that names the file when there are no credentials in the folder. */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
    this.#expected = this.#read();
  }

  /** Whether an `Authorization` header carries the right user and password. */
  accepts(header: string | undefined): boolean {
    this.#refresh();
    const encoded = /^basic +([^ ]+) *$/i.exec(header ?? "")?.[1] ?? "";
    const given = Buffer.from(encoded, "base64").toString("utf8");
    const colon = given.indexOf(":");
    const hash = digest(given.slice(0, Math.max(colon, 0)), given.slice(colon + 1));
    return timingSafeEqual(hash, this.#expected) && colon !== -1;
  }

  #refresh(): void {
    const now = Date.now();
    if (now - this.#readAt < MAX_AGE_MS) {
      return;
    }
    this.#readAt = now;
    try {
      this.#expected = this.#read();
    } catch (error) {
      this.#logger.warn({ reason: messageOf(error) }, "credentials not readable, keeping the old");
    }
  }

  #read(): Buffer {
    const [user, password] = ["basic-auth-user", "basic-auth-password"].map((name) => {
      const path = join(this.#directory, name);
      const text = readFileSync(path, "utf8").trim();
      if (text === "") {
        throw new Error(`${path}: expected a value, got an empty file`);
      }
      return text;
    });
    return digest(user ?? "", password ?? "");
  }
}

/** One hash of both halves, each hashed by itself so that no colon can move between them. */
function digest(user: string, password: string): Buffer {
  const half = (text: string): Buffer => createHash("sha256").update(text).digest();
  return Buffer.concat([half(user), half(password)]);
}
