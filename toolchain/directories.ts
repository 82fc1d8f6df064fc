/** Plonk's directories outside of the checkout: the disposable cache, and the state. */
import { homedir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

function resolveDirectory(env: Environment, variable: string, standard: string): string {
  const value = env[variable];
  if (value === undefined || value === "") {
    return join(env["HOME"] ?? homedir(), standard);
  }
  // The directory becomes part of a PATH, which a colon would split.
  if (!isAbsolute(value) || /[:\0\n]/.test(value)) {
    throw new Error(`${variable}: expected an absolute path without colons, got "${value}"`);
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

/** `$PULUMI_HOME` if the user has set it, else Plonk's own. */
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

/** Paths of the folders in a cache directory; creates none of them. */
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
