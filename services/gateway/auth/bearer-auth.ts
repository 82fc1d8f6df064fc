/** Bearer tokens (RFC 6750): JSON Web Tokens that an OpenID Connect issuer has signed. */
import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Logger } from "../../lib/logger.ts";
import { failures } from "../errors.ts";
import { CredentialCache } from "./credential-cache.ts";
import { type Identification, type Identity, unauthorized } from "./identity.ts";
import { IssuerKeys, type IssuerKeysOptions } from "./issuer-keys.ts";
import { type RoleMapping, toRoles } from "./oidc-roles.ts";

export interface OidcConfig extends RoleMapping {
  /** As tokens name it in `iss`; `/.well-known/openid-configuration` is below it. */
  issuer: string;
  /** What tokens for this gateway name in `aud`. */
  audience: string;
}

/** Signatures by a private key of the issuer's: never `none`, never a shared secret. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];

/** Difference between the issuer's clock and ours, seconds. */
const CLOCK_TOLERANCE_SECONDS = 10;

/** Longest token, characters. */
const MAX_LENGTH = 8192;

/** How long a token that was right is not looked at again, milliseconds. */
const REMEMBER_MS = 60_000;

const TOKEN = /^bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i;

/** What jose throws when a token itself is wrong; all else is the issuer's fault. */
const TOKEN_FAULTS = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
].map(({ code }) => code);

export class BearerAuth {
  readonly #config: OidcConfig;
  readonly #logger: Logger;
  readonly #keys: IssuerKeys;
  readonly #cache = new CredentialCache();

  constructor(config: OidcConfig, options: Omit<IssuerKeysOptions, "issuer">) {
    this.#config = config;
    this.#logger = options.logger;
    this.#keys = new IssuerKeys({ ...options, issuer: config.issuer });
  }

  /** Who sent an `Authorization` header of this scheme. At once for a token that was right. */
  identify(header: string): Identification | Promise<Identification> {
    const token = header.length > MAX_LENGTH ? undefined : TOKEN.exec(header)?.[1];
    if (token === undefined) {
      return unauthorized("Bearer", "invalid_token");
    }
    const fingerprint = this.#cache.fingerprint(token);
    const identity = this.#cache.get(fingerprint);
    return identity === undefined ? this.#verify(token, fingerprint) : { identity };
  }

  async #verify(token: string, fingerprint: string): Promise<Identification> {
    const { issuer, audience } = this.#config;
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ["exp", "sub"],
      });
      const identity = this.#toIdentity(payload);
      const expiresAt = Math.min((payload.exp ?? 0) * 1000, Date.now() + REMEMBER_MS);
      this.#cache.add(fingerprint, identity, expiresAt);
      return { identity };
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #toIdentity(payload: JWTPayload): Identity {
    const subject = (payload.sub ?? "").slice(0, 128);
    return { name: `oidc:${subject}`, roles: toRoles(payload, this.#config) };
  }

  #refuse(error: unknown): Identification {
    const { code } = error as { code?: string };
    if (code !== undefined && TOKEN_FAULTS.includes(code)) {
      this.#logger.debug({ code }, "bearer credentials refused");
      return unauthorized("Bearer", "invalid_token");
    }
    return { refusal: failures.issuerUnavailable() };
  }
}
