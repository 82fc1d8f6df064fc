/** Basic authentication (RFC 7617) of the users in the platform's Secret. */
import { randomBytes } from "node:crypto";
import { type PasswordHash, verifyPassword } from "../../../contract/password-hash.ts";
import { failures } from "../errors.ts";
import { CredentialCache } from "./credential-cache.ts";
import { type Identification, type Identity, unauthorized } from "./identity.ts";
import { LoginThrottle } from "./login-throttle.ts";
import { BusyError, PasswordCheckLimit } from "./password-check-limit.ts";
import type { UserDirectory, Users } from "./user-directory.ts";

/** Checked when there is no such user: a wrong name takes as long as a wrong password. */
const DECOY: PasswordHash = { ln: 14, r: 8, p: 5, salt: randomBytes(16), hash: randomBytes(32) };

interface Login {
  user: string;
  password: string;
}

export class BasicAuth {
  readonly #directory: UserDirectory;
  readonly #throttle: LoginThrottle;
  readonly #checks = new PasswordCheckLimit();
  /**
   * Kept until the users change. They are let in without a look at the throttle: whoever guesses
   * at a user's password from the same address does not lock out the programs of that user.
   */
  readonly #cache = new CredentialCache();
  readonly #pending = new Map<string, Promise<Identification>>();
  #users: Users;

  constructor(directory: UserDirectory, throttle = new LoginThrottle()) {
    this.#directory = directory;
    this.#throttle = throttle;
    this.#users = directory.users;
  }

  /**
   * Who sent an `Authorization` header. At once for credentials that were right before.
   * @param peer - address that failures are counted for, with the user's name
   */
  identify(header: string, peer: string): Identification | Promise<Identification> {
    const { users } = this.#directory;
    if (users !== this.#users) {
      this.#users = users;
      this.#cache.clear();
    }
    const fingerprint = this.#cache.fingerprint(header);
    const identity = this.#cache.get(fingerprint);
    if (identity !== undefined) {
      return { identity };
    }
    const login = decode(header);
    if (login === undefined) {
      return unauthorized("Basic");
    }
    const pending = this.#pending.get(fingerprint) ?? this.#login(fingerprint, login, peer);
    this.#pending.set(fingerprint, pending);
    return pending;
  }

  async #login(fingerprint: string, login: Login, peer: string): Promise<Identification> {
    const users = this.#users;
    try {
      const outcome = await this.#check(users, login, peer);
      if ("identity" in outcome && users === this.#users) {
        this.#cache.add(fingerprint, outcome.identity, Number.POSITIVE_INFINITY);
      }
      return outcome;
    } finally {
      this.#pending.delete(fingerprint);
    }
  }

  async #check(users: Users, { user, password }: Login, peer: string): Promise<Identification> {
    const waitSeconds = this.#throttle.begin(user, peer);
    if (waitSeconds !== undefined) {
      return { refusal: failures.tooManyFailedLogins(waitSeconds) };
    }
    try {
      const identity = await this.#find(users, { user, password });
      if (identity === undefined) {
        return unauthorized("Basic");
      }
      this.#throttle.succeed(user, peer);
      return { identity };
    } catch (error) {
      if (!(error instanceof BusyError)) {
        throw error;
      }
      this.#throttle.cancel(user, peer);
      return { refusal: failures.loginBusy() };
    }
  }

  async #find(users: Users, { user, password }: Login): Promise<Identity | undefined> {
    if (users.isAdmin(user, password)) {
      return { name: user, roles: [{ role: "admin" }] };
    }
    if (!users.hasHashes) {
      return undefined;
    }
    const found = users.find(user);
    const isRight = await this.#checks.run(() => verifyPassword(password, found?.hash ?? DECOY));
    return isRight && found !== undefined ? { name: found.name, roles: found.roles } : undefined;
  }
}

/** User and password; the scheme is taken in any case (RFC 9110 §11.1). */
function decode(header: string): Login | undefined {
  const encoded = /^basic +([^ ]+) *$/i.exec(header)?.[1] ?? "";
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
