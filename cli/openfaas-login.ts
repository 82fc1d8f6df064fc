/** Which gateway is meant, and how to log in there: as faas-cli has it. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { CommandError } from "./process.ts";

export interface GatewayLogin {
  /** Without a slash at its end. */
  url: string;
  /** `Authorization`; undefined: nobody has logged in there. */
  authorization: string | undefined;
}

/** An entry of faas-cli's `config.yml`. */
interface StoredLogin {
  gateway: string;
  auth: string;
  token: string;
}

const WAYS = "--gateway, OPENFAAS_URL or `faas-cli login`";

/**
 * Reads what `faas-cli login` has stored. Without an option and OPENFAAS_URL the only gateway that
 * somebody has logged in to is meant.
 */
export async function findLogin(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<GatewayLogin> {
  const logins = await readLogins(env);
  const [only, ...others] = logins;
  const text = option ?? env["OPENFAAS_URL"] ?? (others.length === 0 ? only?.gateway : undefined);
  if (text === undefined || text === "") {
    const got = logins.length === 0 ? "none" : logins.map(({ gateway }) => gateway).join(", ");
    throw new CommandError(`gateway: expected one by ${WAYS}, got ${got}`);
  }
  const url = toUrl(text);
  const login = logins.find(({ gateway }) => URL.canParse(gateway) && toUrl(gateway) === url);
  return { url, authorization: login === undefined ? undefined : toAuthorization(login) };
}

/** The scheme and the host in lower case, and no slash at the end. */
function toUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CommandError(`gateway: expected an http or https URL, got "${text}"`);
  }
  return url.href.replace(/\/+$/, "");
}

/** Basic tokens are stored in the form in which they are sent. */
function toAuthorization({ auth, token }: StoredLogin): string {
  return `${auth === "basic" ? "Basic" : "Bearer"} ${token}`;
}

async function readLogins(
  env: Readonly<Record<string, string | undefined>>,
): Promise<StoredLogin[]> {
  const folder = env["OPENFAAS_CONFIG"] ?? join(env["HOME"] ?? homedir(), ".openfaas");
  const file = join(folder, "config.yml");
  const text = await readFile(file, "utf8").catch(() => "");
  return toLogins(text, file);
}

function toLogins(text: string, file: string): StoredLogin[] {
  let config: unknown;
  try {
    config = parse(text);
  } catch {
    // Its text has credentials.
    throw new CommandError(`${file}: expected YAML, got something else`);
  }
  const auths = asObject(config)["auths"];
  return (Array.isArray(auths) ? auths : []).flatMap((entry: unknown) => {
    const { gateway, auth, token } = asObject(entry);
    return typeof gateway === "string" && typeof auth === "string" && typeof token === "string"
      ? [{ gateway, auth, token }]
      : [];
  });
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
