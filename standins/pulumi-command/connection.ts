/** The connection of a remote resource: validation, defaults and types. */
import type { CheckFailure } from "../provider-protocol/provider.ts";
import {
  isPropertyMap,
  type PropertyMap,
  readField,
  reveal,
  Secret,
  unwrap,
  type Value,
} from "../provider-protocol/values.ts";
import { describe, findFailures, findMissing, isText, type Test } from "./inputs.ts";
import { toHostKey, toPrivateKey } from "./keys.ts";

/** An SSH server and its login (the SDK's `remote.Connection`). */
export interface Endpoint {
  host: string;
  port: number;
  user: string;
  password: string | undefined;
  privateKey: string | undefined;
  privateKeyPassword: string | undefined;
  /** @default `SSH_AUTH_SOCK` of the engine */
  agentSocketPath: string | undefined;
  /** Allowed errors when dialing; -1 for any number. */
  dialErrorLimit: number;
  /** Longest time of one attempt, seconds; 0 for no limit. */
  perDialTimeout: number;
  /** The expected key of the host, one line; without it any key is accepted. */
  hostKey: string | undefined;
}

export interface Connection extends Endpoint {
  /** The jump host. */
  proxy: Endpoint | undefined;
}

const DEFAULTS: PropertyMap = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
/** Fields that must never be shown; the rest of a connection is secret only in the SDK. */
const SECRETS = ["password", "privateKey", "privateKeyPassword"] as const;

const isName: Test = (value) => (value === "" ? "expected text, got none" : isText(value));

function isWhole(min: number, max: number): Test {
  return (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : `expected a whole number from ${min} to ${max}, got ${typeof value === "number" ? value : describe(value)}`;
}

const isHostKey: Test = (value) => {
  if (typeof value !== "string") {
    return isText(value);
  }
  return complain("expected one line as in known_hosts, e.g. `ssh-ed25519 AAAA...`", () =>
    toHostKey(value),
  );
};

const ENDPOINT: Record<string, Test> = {
  agentSocketPath: isName,
  dialErrorLimit: isWhole(-1, 1_000_000),
  host: isName,
  hostKey: isHostKey,
  password: isText,
  perDialTimeout: isWhole(0, 86_400),
  port: isWhole(1, 65_535),
  privateKey: isText,
  privateKeyPassword: isText,
  user: isName,
};

/** Validates the `connection` of a resource. */
export function findConnectionFailures(inputs: PropertyMap): CheckFailure[] {
  const connection = unwrap(readField(inputs, "connection"));
  if (connection === undefined || connection === null) {
    return findMissing(inputs, ["connection"]);
  }
  return findEndpointFailures(connection, "connection", {
    ...ENDPOINT,
    proxy: (value) =>
      isPropertyMap(value) ? undefined : `expected an object, got ${describe(value)}`,
  });
}

function findEndpointFailures(
  value: Value,
  path: string,
  schema: Record<string, Test>,
): CheckFailure[] {
  if (!isPropertyMap(value)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return [];
    }
    return [{ property: path, reason: `${path}: expected an object, got ${describe(value)}` }];
  }
  // A proxy cannot have another proxy.
  const proxy = "proxy" in schema ? unwrap(readField(value, "proxy")) : undefined;
  return [
    ...findMissing(value, ["host"], `${path}.`),
    ...findFailures(value, schema, `${path}.`),
    ...findKeyFailures(value, path),
    ...(isPropertyMap(proxy) ? findEndpointFailures(proxy, `${path}.proxy`, ENDPOINT) : []),
  ];
}

function findKeyFailures(endpoint: PropertyMap, path: string): CheckFailure[] {
  const key = unwrap(readField(endpoint, "privateKey"));
  const passphrase = unwrap(readField(endpoint, "privateKeyPassword"));
  // Not checked while either is unknown.
  if (typeof key !== "string" || (typeof passphrase !== "string" && isGiven(passphrase))) {
    return [];
  }
  const complaint = complain("expected a private key in OpenSSH's or PEM's format", () =>
    toPrivateKey(key, typeof passphrase === "string" ? passphrase : undefined),
  );
  const property = `${path}.privateKey`;
  return complaint === undefined ? [] : [{ property, reason: `${property}: ${complaint}` }];
}

function isGiven(value: Value | undefined): boolean {
  return value !== undefined && value !== null;
}

function complain(expectation: string, parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return `${expectation}, got one that cannot be read: ${(error as Error).message}`;
  }
}

/** The inputs with the defaults of the connection, which becomes secret as a whole. */
export function withConnectionDefaults(inputs: PropertyMap): PropertyMap {
  const connection = unwrap(readField(inputs, "connection"));
  if (connection === undefined || connection === null) {
    return inputs;
  }
  return { ...inputs, connection: new Secret(withDefaults(connection)) };
}

function withDefaults(value: Value): Value {
  const endpoint = unwrap(value);
  if (!isPropertyMap(endpoint)) {
    return value;
  }
  const proxy = readField(endpoint, "proxy");
  const filled = { ...DEFAULTS, ...endpoint };
  return proxy === undefined ? filled : { ...filled, proxy: withDefaults(proxy) };
}

/** The connection of checked inputs. All values must be known. */
export function toConnection(inputs: PropertyMap): Connection {
  const plain = reveal(withConnectionDefaults(inputs)["connection"] ?? {}) as PropertyMap;
  const proxy = plain["proxy"];
  return { ...toEndpoint(plain), proxy: isPropertyMap(proxy) ? toEndpoint(proxy) : undefined };
}

function toEndpoint(plain: PropertyMap): Endpoint {
  const text = (key: string): string | undefined => {
    const value = plain[key];
    return typeof value === "string" ? value : undefined;
  };
  return {
    host: text("host") ?? "",
    port: Number(plain["port"]),
    user: text("user") ?? "root",
    password: text("password"),
    privateKey: text("privateKey"),
    privateKeyPassword: text("privateKeyPassword"),
    agentSocketPath: text("agentSocketPath"),
    dialErrorLimit: Number(plain["dialErrorLimit"]),
    perDialTimeout: Number(plain["perDialTimeout"]),
    hostKey: text("hostKey"),
  };
}

/** The values of a connection that must never be shown. */
export function collectConnectionSecrets(connection: Connection): string[] {
  return [connection, connection.proxy].flatMap((endpoint) =>
    SECRETS.flatMap((key) => endpoint?.[key] ?? []),
  );
}
