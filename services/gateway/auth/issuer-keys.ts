/** The public keys of an OpenID Connect issuer, found by discovery and kept for a while. */
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import { type Logger, messageOf } from "../../lib/logger.ts";

/** Age at which the issuer's description is read again, milliseconds. */
const DESCRIPTION_MAX_AGE_MS = 60 * 60_000;

/** Age beyond which keys are not used, milliseconds: a key that was withdrawn is dead by then. */
const KEYS_MAX_AGE_MS = 10 * 60_000;

/** Longest wait for the issuer, milliseconds. */
const TIMEOUT_MS = 5000;

/** Time for which a failure is remembered: a flood of tokens is none of requests. */
const RETRY_MS = 5000;

/** The issuer's keys cannot be had, so that a token is neither right nor wrong. */
export class IssuerUnavailableError extends Error {
  override name = "IssuerUnavailableError";
}

export interface IssuerKeysOptions {
  issuer: string;
  logger: Logger;
  /**
   * Fewest milliseconds between two looks for a key that is not known; a key that the issuer has
   * just begun to use is refused for as long at most. @default 30000
   */
  cooldownMs?: number;
}

export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: Promise<JWTVerifyGetKey> | undefined;
  #renewAt = 0;
  #failure: { error: IssuerUnavailableError; until: number } | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** The key of a token, as jose asks for it. Throws an IssuerUnavailableError or jose's own. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.#discover();
    return keys(header, token);
  };

  /** One question however many tokens wait for the answer; the old one serves until there is. */
  #discover(): Promise<JWTVerifyGetKey> {
    const previous = this.#keys;
    if (previous !== undefined && performance.now() < this.#renewAt) {
      return previous;
    }
    this.#renewAt = performance.now() + DESCRIPTION_MAX_AGE_MS;
    this.#keys = this.#describe().catch((error: unknown) => {
      this.#renewAt = 0;
      if (previous === undefined) {
        throw error;
      }
      return previous;
    });
    return this.#keys;
  }

  async #describe(): Promise<JWTVerifyGetKey> {
    const { issuer, cooldownMs = 30_000 } = this.#options;
    // OpenID Connect Discovery 1.0 §4.1.
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const address = await this.#read(url, { signal }, (description) =>
      toKeysAddress(description, issuer),
    );
    let readAt = -Infinity;
    const keys = createRemoteJWKSet(address, {
      // The library goes by the time of day, which somebody may set back: it never asks by itself.
      cooldownDuration: Infinity,
      cacheMaxAge: Infinity,
      timeoutDuration: TIMEOUT_MS,
      [customFetch]: async (from, init) => {
        const content = await this.#read(from, init, checkKeys);
        readAt = performance.now();
        return Response.json(content);
      },
    });
    const renew = async (maxAgeMs: number): Promise<boolean> => {
      const isOld = performance.now() - readAt >= maxAgeMs;
      await (isOld && keys.reload());
      return isOld;
    };
    return async (header, token) => {
      await renew(KEYS_MAX_AGE_MS);
      try {
        return await keys(header, token);
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey && (await renew(cooldownMs))) {
          return keys(header, token);
        }
        throw error;
      }
    };
  }

  /** Reads JSON; whatever is wrong with it counts as the issuer being away. */
  async #read<T>(url: string, init: RequestInit, check: (content: unknown) => T): Promise<T> {
    if (this.#failure !== undefined && performance.now() < this.#failure.until) {
      throw this.#failure.error;
    }
    try {
      const response = await fetch(url, { ...init, redirect: "manual" });
      const text = await response.text();
      if (response.status !== 200) {
        throw new Error(`expected status 200, got ${response.status}`);
      }
      return check(JSON.parse(text));
    } catch (cause) {
      const error = new IssuerUnavailableError(`issuer at ${url}`, { cause });
      this.#failure = { error, until: performance.now() + RETRY_MS };
      this.#options.logger.warn({ reason: messageOf(error) }, "OpenID Connect issuer not usable");
      throw error;
    }
  }
}

/** `jwks_uri` of the issuer that we asked: another one's description proves nothing. */
function toKeysAddress(description: unknown, issuer: string): URL {
  const { issuer: named, jwks_uri: address } = description as Record<string, unknown>;
  if (named !== issuer) {
    throw new Error("issuer: expected the one that was asked, got another");
  }
  const url = typeof address === "string" ? URL.parse(address) : null;
  const isSafe = url?.protocol === "https:" || (url !== null && issuer.startsWith("http:"));
  if (url === null || !isSafe) {
    throw new Error("jwks_uri: expected an https URL");
  }
  return url;
}

function checkKeys(content: unknown): unknown {
  if (Array.isArray((content as { keys?: unknown }).keys)) {
    return content;
  }
  throw new Error("keys: expected a JSON Web Key Set");
}
