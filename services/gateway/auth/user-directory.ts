/** The users of now: files of a mounted Secret, read again when they have changed. */
import { createHash, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { parseUsers, type User } from "./users-file.ts";

/** How old what is in memory may be, milliseconds: mounted secrets change in place. */
const MAX_AGE_MS = 1000;

/** OpenFaaS' names of the administrator's files. */
const ADMIN_FILES = ["basic-auth-user", "basic-auth-password"] as const;

/** The users at one point in time; a change makes new ones. */
export class Users {
  readonly #admin: { name: string; digest: Buffer };
  readonly #others: ReadonlyMap<string, User>;

  constructor(admin: { name: string; password: string }, others: readonly User[]) {
    this.#admin = { name: admin.name, digest: digest(admin.name, admin.password) };
    this.#others = new Map(others.map((user) => [user.name, user]));
  }

  /** Whether there are users whose passwords are kept as hashes. */
  get hasHashes(): boolean {
    return this.#others.size > 0;
  }

  find(name: string): User | undefined {
    return this.#others.get(name);
  }

  /** Constant time whatever is given: hashes of one length are compared. */
  isAdmin(name: string, password: string): boolean {
    return timingSafeEqual(digest(name, password), this.#admin.digest);
  }
}

export class UserDirectory {
  readonly #directory: string;
  readonly #logger: Logger;
  #users: Users;
  #text = "";
  #readAt = performance.now();

  /** Throws an error that names the file when there is no administrator, or a wrong user. */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
    const files = this.#readFiles();
    this.#users = toUsers(files);
    this.#text = JSON.stringify(files);
  }

  /** The users of now; the same object for as long as nothing changes. */
  get users(): Users {
    const now = performance.now();
    if (now - this.#readAt >= MAX_AGE_MS) {
      this.#readAt = now;
      this.#refresh();
    }
    return this.#users;
  }

  #refresh(): void {
    try {
      const files = this.#readFiles();
      const text = JSON.stringify(files);
      if (text !== this.#text) {
        // Remembered also when it is wrong: it is complained about once.
        this.#text = text;
        this.#users = toUsers(files);
        this.#logger.info("users read again");
      }
    } catch (error) {
      this.#logger.warn({ reason: messageOf(error) }, "users not readable, keeping the old");
    }
  }

  #readFiles(): Files {
    const [user, password] = ADMIN_FILES.map((name) => {
      const path = join(this.#directory, name);
      const text = readFileSync(path, "utf8").trim();
      if (text === "") {
        throw new Error(`${path}: expected a value, got an empty file`);
      }
      return text;
    });
    const users = join(this.#directory, "users.yaml");
    const others = existsSync(users) ? readFileSync(users, "utf8") : undefined;
    return { user: user ?? "", password: password ?? "", ...(others !== undefined && { others }) };
  }
}

interface Files {
  user: string;
  password: string;
  others?: string;
}

function toUsers({ user, password, others }: Files): Users {
  const parsed = others === undefined ? [] : parseUsers(others);
  const index = parsed.findIndex(({ name }) => name === user);
  if (index !== -1) {
    throw new Error(`users.yaml: users[${index}].name: expected another than the administrator's`);
  }
  return new Users({ name: user, password }, parsed);
}

/** One hash of both halves, each hashed by itself so that no colon can move between them. */
function digest(user: string, password: string): Buffer {
  const half = (text: string): Buffer => createHash("sha256").update(text).digest();
  return Buffer.concat([half(user), half(password)]);
}
