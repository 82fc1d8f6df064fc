/**
 * Files out of packages of the distribution. apt downloads and verifies in a state of its own:
 * nothing is installed, nothing of the machine's own apt changes, and no root is needed.
 */
import { mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Architecture } from "../../../contract/index.ts";
import { cacheLayout, plonkCache } from "../../../toolchain/directories.ts";
import { hashFile } from "../../../toolchain/hash.ts";
import { withLock } from "../../../toolchain/lock.ts";
import type { RecipeContext } from "../recipe.ts";

const LISTS_MAX_AGE_MILLISECONDS = 24 * 60 * 60 * 1000;

/** What is needed of a recipe's context, so that image builds can use this as well. */
export type DebianContext = Pick<RecipeContext, "run" | "report"> &
  Partial<Pick<RecipeContext, "cache" | "signal">>;

export interface DebianRequest {
  /** Names of binary packages. Dependencies are not followed: name what you need. */
  packages: readonly string[];
  /** May differ from the machine's own. */
  architecture: Architecture;
  /** Directory that gets the packages' files, as they would lie under `/`. */
  destination: string;
}

interface Apt {
  context: DebianContext;
  directory: string;
  archives: string;
  config: string;
  /** Its modification time is that of the last complete `apt-get update`. */
  stamp: string;
}

/**
 * Extracts packages into `destination`. The lists are fetched when they are missing, older than a
 * day or do not have a package.
 * @throws on a machine without apt, for an unknown package, and for what apt fails to verify.
 */
export async function extractDebianPackages(
  context: DebianContext,
  request: DebianRequest,
): Promise<void> {
  await requireDebian(context);
  const apt = toApt(context, request.architecture);
  const work = async (): Promise<string[]> => {
    // Under the lock as well: apt with half a configuration would be that of the machine.
    await prepare(apt, request.architecture);
    return await fetch(apt, request.packages);
  };
  const files = await withLock(join(apt.directory, "lock"), work, {
    onWait: (pid) => context.report(`waiting for process ${pid}, which uses apt`),
    signal: context.signal,
  });
  await mkdir(request.destination, { recursive: true });
  for (const file of files) {
    await context.run("dpkg-deb", ["--extract", join(apt.archives, file), request.destination]);
  }
}

async function requireDebian(context: DebianContext): Promise<void> {
  try {
    await context.run("apt-get", ["--version"]);
    await context.run("dpkg-deb", ["--version"]);
  } catch (error) {
    const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(
      await readFile("/etc/os-release", "utf8").catch(() => ""),
    );
    throw new Error(
      `operating system: must be Debian or a descendant (apt-get and dpkg-deb are needed), got ${system?.[1] ?? process.platform}`,
      { cause: error },
    );
  }
}

function toApt(context: DebianContext, architecture: Architecture): Apt {
  const directory = join(cacheLayout(context.cache ?? plonkCache()).debian, architecture);
  return {
    context,
    directory,
    archives: join(directory, "archives"),
    config: join(directory, "apt.conf"),
    stamp: join(directory, "updated"),
  };
}

async function prepare(apt: Apt, architecture: Architecture): Promise<void> {
  await mkdir(join(apt.directory, "lists/partial"), { recursive: true });
  await mkdir(join(apt.archives, "partial"), { recursive: true });
  await writeFile(join(apt.directory, "status"), "");
  await writeFile(apt.config, toAptConfig(apt.directory, architecture));
}

/**
 * apt reads the machine's configuration (sources, keys, proxies) and then this one. It drops the
 * hooks, which would act on the machine's own state, and the user switch of root's apt, as that
 * user may not be allowed to read a cache below /root.
 */
function toAptConfig(directory: string, architecture: Architecture): string {
  return `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb-src::Sources::DefaultEnabled "false";
Dir::State "${directory}";
Dir::State::lists "${directory}/lists";
Dir::State::status "${directory}/status";
Dir::State::extended_states "${directory}/extended_states";
Dir::Cache "${directory}";
Dir::Cache::archives "${directory}/archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Log "${directory}/log";
`;
}

async function fetch(apt: Apt, packages: readonly string[]): Promise<string[]> {
  const age = await stat(apt.stamp)
    .then((entry) => Date.now() - entry.mtimeMs)
    .catch(() => Infinity);
  if (age > LISTS_MAX_AGE_MILLISECONDS) {
    await updateLists(apt, age !== Infinity);
    return await download(apt, packages);
  }
  try {
    return await download(apt, packages);
  } catch {
    // A package that is new, or one whose version has been replaced on the mirror since.
    await updateLists(apt, false);
    return await download(apt, packages);
  }
}

async function updateLists(apt: Apt, mayFail: boolean): Promise<void> {
  apt.context.report("updating Debian's package lists");
  try {
    await apt.context.run("apt-get", ["-c", apt.config, "--quiet", "update"]);
  } catch (error) {
    if (!mayFail) {
      throw error;
    }
    apt.context.report("Debian's package lists cannot be updated, using those of before");
    return;
  }
  await writeFile(apt.stamp, "");
  await utimes(apt.stamp, new Date(), new Date());
}

interface PackageFile {
  name: string;
  sha256: string;
}

/** What the signed lists say: apt prints `'uri' file size SHA256:digest` for each package. */
async function describe(apt: Apt, packages: readonly string[]): Promise<PackageFile[]> {
  const args = ["-c", apt.config, "--quiet", "download", "--print-uris", ...packages];
  // Asked in a folder without packages, as apt leaves out those that it finds.
  const uris = await apt.context.run("apt-get", args, { cwd: apt.directory });
  const files = uris.split("\n").flatMap((line) => {
    const [, name, sha256] = /^'[^']+' (\S+\.deb) \d+ SHA256:([0-9a-f]{64})/.exec(line) ?? [];
    return name === undefined || sha256 === undefined ? [] : [{ name, sha256 }];
  });
  if (files.length !== packages.length) {
    throw new Error(
      `packages: apt must offer one file for each of ${packages.join(", ")}, got ${files.length}`,
    );
  }
  return files;
}

/**
 * Returns the names of the package files. apt verifies what it downloads but trusts a file that is
 * there already for its size alone, so those are verified here and fetched again when they differ.
 */
async function download(apt: Apt, packages: readonly string[]): Promise<string[]> {
  const files = await describe(apt, packages);
  const missing = [];
  for (const file of files) {
    const path = join(apt.archives, file.name);
    const digest = await hashFile(path).catch(() => undefined);
    if (digest !== file.sha256) {
      await rm(path, { force: true });
      // The file of a package is called name_version_architecture.deb.
      missing.push(file.name.slice(0, file.name.indexOf("_")));
    }
  }
  if (missing.length > 0) {
    apt.context.report(`downloading ${missing.join(", ")} from Debian`);
    const args = ["-c", apt.config, "--quiet", "download", ...missing];
    await apt.context.run("apt-get", args, { cwd: apt.archives });
  }
  return files.map(({ name }) => name);
}
