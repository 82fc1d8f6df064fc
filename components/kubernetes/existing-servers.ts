/** Servers of somebody else's in the place of the platform's own, and what may be said of them. */
import type * as pulumi from "@pulumi/pulumi";
import { NATS_URL, PROMETHEUS_URL } from "../../contract/environment/index.ts";
import { isMatch, PORT, quote } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";
import { checkNamespace } from "../namespace.ts";

/** A NATS server with JetStream. Of the ways to log in it takes one. */
export interface ExistingNats {
  /**
   * Its address: `nats://host:port`, or `tls://host:port` where nothing is to be sent without TLS.
   * The port may be left out: 4222.
   */
  url: pulumi.Input<string>;
  /** User name; goes with `password`. @default none */
  user?: pulumi.Input<string>;
  /** The user's password. Kept secret. */
  password?: pulumi.Input<string>;
  /** Token. Kept secret. @default none */
  token?: pulumi.Input<string>;
  /** Content of a credentials file, as `nsc` writes them. Kept secret. @default none */
  credentials?: pulumi.Input<string>;
  /** Seed of an nkey, `SU…`. Kept secret. @default none */
  seed?: pulumi.Input<string>;
  /** Who signs the server's certificate, PEM. @default those that Node trusts */
  ca?: pulumi.Input<string>;
  /** The platform's own certificate, PEM; goes with `privateKey`. @default none */
  certificate?: pulumi.Input<string>;
  /** The certificate's key, PEM. Kept secret. */
  privateKey?: pulumi.Input<string>;
}

/** A Prometheus that scrapes by `Platform.prometheusConfig`. Of the ways to log in it takes one. */
export interface ExistingPrometheus {
  /** Its address, with the path below which its API is, e.g. `http://prometheus.monitoring:9090`. */
  url: pulumi.Input<string>;
  /** Namespace of its pods: where NetworkPolicies are enforced, they may reach all metrics. */
  namespace: pulumi.Input<string>;
  /** User name for its API; goes with `password`. @default none */
  user?: pulumi.Input<string>;
  /** The user's password. Kept secret. */
  password?: pulumi.Input<string>;
  /** Bearer token for its API. Kept secret. @default none */
  token?: pulumi.Input<string>;
  /** Who signs its certificate, PEM. @default those that Node trusts */
  ca?: pulumi.Input<string>;
}

/** One of them, by its fields. */
export type ExistingServer = Record<string, pulumi.Input<string> | undefined>;

/** What a field is, and whether a text is that. */
interface Rule {
  expected: string;
  isRight: (text: string) => boolean;
}

const CERTIFICATES: Rule = {
  expected: "certificates in PEM",
  isRight: (text) => text.includes("-----BEGIN CERTIFICATE-----"),
};

/** Of a value that errors do not show. */
const HIDDEN: Readonly<Record<string, Rule>> = {
  ca: CERTIFICATES,
  certificate: CERTIFICATES,
  privateKey: {
    expected: "a key in PEM",
    isRight: (text) => /-----BEGIN (\w+ )?PRIVATE KEY-----/.test(text),
  },
  credentials: {
    expected: "a credentials file with a JWT and the seed of an nkey",
    isRight: (text) => /BEGIN NATS USER JWT[^]*BEGIN USER NKEY SEED/.test(text),
  },
  seed: {
    expected: "the seed of a user's nkey, SU and 56 more letters and digits",
    isRight: (text) => /^SU[A-Z2-7]{56}\n?$/.test(text),
  },
};

const TEXT: Rule = { expected: "a text", isRight: (text) => text !== "" };

/** Which server it is. */
export interface ServerKind {
  /** Its Service, where it is the platform's own, and part of variables' and objects' names. */
  name: "nats" | "prometheus";
  port: number;
  /** Variable for the host of the platform's own. */
  hostVariable: string;
  pattern: string;
  example: string;
}

/** NATS. */
export const NATS: ServerKind = {
  name: "nats",
  port: PORT.nats,
  hostVariable: "faas_nats_address",
  pattern: NATS_URL,
  example: "nats://host:port or tls://host:port without credentials",
};

/** Prometheus. */
export const PROMETHEUS: ServerKind = {
  name: "prometheus",
  port: PORT.prometheus,
  hostVariable: "faas_prometheus_host",
  pattern: PROMETHEUS_URL,
  example: "an http or https URL without credentials and without a slash at its end",
};

/** Fields that are of no use alone. */
const PAIRS = [
  ["user", "password"],
  ["certificate", "privateKey"],
] as const;

const LOGINS = ["user", "token", "credentials", "seed"];

/**
 * Refuses what is wrong of a server, as far as it is known.
 *
 * @param path how the program calls it, e.g. `queue.existing`
 */
export function checkExisting(
  kind: ServerKind,
  path: string,
  server: ExistingNats | ExistingPrometheus | undefined,
): void {
  const fields = { ...server } as ExistingServer;
  const has = (field: string): boolean => fields[field] !== undefined;
  for (const [one, other] of PAIRS) {
    const missing = has(one) ? other : one;
    if (has(one) !== has(other)) {
      const beside = missing === one ? other : one;
      throw new ArgumentError(`${path}.${missing}: expected one beside ${beside}, got none`);
    }
  }
  const logins = LOGINS.filter(has);
  if (logins.length > 1) {
    const got = logins.join(" and ");
    throw new ArgumentError(`${path}: expected one way to log in, got ${got}`);
  }
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value === "string") {
      checkField(kind, [path, field], value);
    }
  }
}

/** Returns the value of a field when it is right. */
export function checkField(
  kind: ServerKind,
  [path, field]: [path: string, field: string],
  value: string,
): string {
  const at = `${path}.${field}`;
  if (field === "namespace") {
    return checkNamespace(value, at);
  }
  if (field === "url") {
    if (isMatch(kind.pattern, value)) {
      return value;
    }
    // Passwords may stand before an @.
    const got = value.includes("@") ? "another" : quote(value);
    throw new ArgumentError(`${at}: expected ${kind.example}, got ${got}`);
  }
  const { expected, isRight } = HIDDEN[field] ?? TEXT;
  if (!isRight(value)) {
    const got = value === "" ? "an empty text" : "another";
    throw new ArgumentError(`${at}: expected ${expected}, got ${got}`);
  }
  return value;
}

/** Refuses options of the platform's own server beside one that is there. */
export function refuseBeside(path: string, options: object, fields: readonly string[]): void {
  for (const field of fields) {
    if ((options as Record<string, unknown>)[field] !== undefined) {
      throw new ArgumentError(`${path}${field}: expected none beside ${path}existing, got one`);
    }
  }
}
