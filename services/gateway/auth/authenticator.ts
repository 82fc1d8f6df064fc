/** Who sent a request, by whichever scheme its `Authorization` header names. */
import type { Logger } from "../../lib/logger.ts";
import { BasicAuth } from "./basic-auth.ts";
import { BearerAuth, type OidcConfig } from "./bearer-auth.ts";
import { type Identification, unauthorized } from "./identity.ts";
import { UserDirectory } from "./user-directory.ts";

export interface AuthenticatorOptions {
  /** Folder of the mounted Secret with users; undefined: basic authentication is off. */
  secretMountPath: string | undefined;
  /** Undefined: there are no bearer tokens. */
  oidc: OidcConfig | undefined;
  logger: Logger;
}

export class Authenticator {
  readonly #basic: BasicAuth | undefined;
  readonly #bearer: BearerAuth | undefined;

  /** Throws an error that names the file when there are no users in the folder. */
  constructor({ secretMountPath, oidc, logger }: AuthenticatorOptions) {
    this.#basic =
      secretMountPath === undefined
        ? undefined
        : new BasicAuth(new UserDirectory(secretMountPath, logger));
    this.#bearer = oidc === undefined ? undefined : new BearerAuth(oidc, { logger });
  }

  /** @param peer - address that failed logins are counted for */
  identify(header: string | undefined, peer: string): Identification | Promise<Identification> {
    if (this.#bearer !== undefined && /^bearer /i.test(header ?? "")) {
      return this.#bearer.identify(header ?? "");
    }
    if (this.#basic === undefined) {
      return unauthorized("Bearer");
    }
    return this.#basic.identify(header ?? "", peer);
  }
}

/** Undefined: everybody may do everything. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator | undefined {
  return options.secretMountPath === undefined && options.oidc === undefined
    ? undefined
    : new Authenticator(options);
}
