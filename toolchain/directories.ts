/** Where Plonk keeps things outside the tree: what can be had again, and what cannot. */
import { homedir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

function resolveDirectory(env: Environment, variable: string, standard: string): string {
  const value = env[variable];
  if (value === undefined || value === "") {
    return join(env["HOME"] ?? homedir(), standard);
  }
  // A colon would split a PATH that the directory becomes part of.
  if (!isAbsolute(value) || /[:\0\n]/.test(value)) {
    throw new Error(`${variable}: must be an absolute path without colons, got "${value}"`);
  }
  return normalize(value).replace(/(?<=.)\/$/, "");
}

/**
 * Tools, downloads, build caches and images; safe to delete at any time. `$PLONK_CACHE`.
 * @default ~/.cache/plonk
 */
export function plonkCache(env: Environment = process.env): string {
  return resolveDirectory(env, "PLONK_CACHE", ".cache/plonk");
}

/**
 * State, passphrase, plugins and clusters of this user's stacks. `$PLONK_HOME`.
 * @default ~/.local/share/plonk
 */
export function plonkHome(env: Environment = process.env): string {
  return resolveDirectory(env, "PLONK_HOME", ".local/share/plonk");
}

/** `$PULUMI_HOME` when the person has set it, else the one that belongs to Plonk. */
export function pulumiHome(env: Environment = process.env): string {
  const value = env["PULUMI_HOME"];
  return value === undefined || value === ""
    ? join(plonkHome(env), "pulumi")
    : resolveDirectory(env, "PULUMI_HOME", "");
}

export interface CacheLayout {
  root: string;
  /** `<name>/<version>-<os>-<arch>/` each. */
  tools: string;
  downloads: string;
  goBuild: string;
  goModules: string;
  debian: string;
  images: string;
  locks: string;
}

/** The folders of a cache directory, by purpose; none is created here. */
export function cacheLayout(root: string = plonkCache()): CacheLayout {
  return {
    root,
    tools: join(root, "tools"),
    downloads: join(root, "downloads"),
    goBuild: join(root, "go/build"),
    goModules: join(root, "go/mod"),
    debian: join(root, "debian"),
    images: join(root, "images"),
    locks: join(root, "locks"),
  };
}
