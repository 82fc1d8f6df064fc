/** The order in which a tool is looked for, and how it gets into the cache. */
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findDamage, type Manifest, readManifest, removeEntry, sealEntry } from "../cache-entry.ts";
import { requireSpace } from "../disk.ts";
import { isDiskFull, NotAtHandError, toMessage, ToolchainError } from "../errors.ts";
import { withLock } from "../lock.ts";
import type { Task } from "../progress.ts";
import { ProgramError } from "../run-command.ts";
import type { AcquiredTool, Release, Source, Tool, ToolSource } from "../tool.ts";
import { findOnPath, findPlugin } from "./find-on-path.ts";
import { installPlugin } from "./plugin.ts";
import { installRelease } from "./release.ts";
import type { Session } from "./session.ts";
import { buildFromSource, hashInputs } from "./source.ts";

interface ToolEntry {
  directory: string;
  manifest: Manifest;
}

/** @throws ToolchainError; what exactly went wrong is its `code`. */
export async function acquireTool(name: string, session: Session): Promise<AcquiredTool> {
  const tool = session.catalogue.find((candidate) => candidate.name === name);
  if (tool === undefined) {
    const names = session.catalogue.map((candidate) => candidate.name).join(", ");
    throw new ToolchainError("argument", `tool: expected one of ${names}, got "${name}"`);
  }
  const present = (await findPlugin(tool, session)) ?? (await findOnPath(tool, session));
  if (present !== undefined) {
    return present;
  }
  // Looked up without the lock first, so that a warm start never waits for another process.
  const cached = await findCached(tool, session);
  const acquired = cached && (await toAcquired(tool, session, { ...cached, source: "cache" }));
  if (acquired !== undefined) {
    return acquired;
  }
  if (session.findOnly) {
    throw new NotAtHandError(tool.name);
  }
  const task = session.progress.start(tool.name);
  try {
    return await makeEntry(tool, session, task);
  } finally {
    task.end();
  }
}

function toPlatform(session: Session): string {
  return `linux-${session.architecture}`;
}

function toDirectory(tool: Tool, version: string, session: Session): string {
  return join(session.cache.tools, tool.name, `${version}-${toPlatform(session)}`);
}

function versionsOf(tool: Tool): string[] {
  const versions = [tool.release?.version, tool.source?.version];
  return [...new Set(versions.filter((version) => version !== undefined))];
}

/** Undefined for a plugin whose entry has gone: without the lock others may replace it. */
async function toAcquired(
  tool: Tool,
  session: Session,
  entry: ToolEntry & { source: ToolSource },
): Promise<AcquiredTool | undefined> {
  const directory =
    tool.plugin === undefined ? entry.directory : await installPlugin(tool.plugin, entry, session);
  if (directory === undefined) {
    return undefined;
  }
  return {
    name: tool.name,
    path: join(directory, tool.executable),
    directory,
    version: entry.manifest.version,
    source: entry.source,
  };
}

/** Why an entry cannot be used, or nothing if it can. */
async function findFault(
  tool: Tool,
  directory: string,
  manifest: Manifest | undefined,
): Promise<string | undefined> {
  if (manifest === undefined) {
    return "its manifest is missing";
  }
  const isOutdated =
    manifest.source === "source" &&
    (tool.source === undefined || manifest.inputs !== (await hashInputs(tool.source)));
  return isOutdated ? "its recipe has changed" : await findDamage(directory, manifest);
}

async function findCached(tool: Tool, session: Session): Promise<ToolEntry | undefined> {
  for (const version of versionsOf(tool)) {
    const directory = toDirectory(tool, version, session);
    const manifest = await readManifest(directory);
    if (manifest !== undefined && (await findFault(tool, directory, manifest)) === undefined) {
      return { directory, manifest };
    }
  }
  return undefined;
}

/** Removes an entry that cannot be used, and logs it: the disk may be failing. */
async function removeFaulty(tool: Tool, session: Session): Promise<void> {
  for (const version of versionsOf(tool)) {
    const directory = toDirectory(tool, version, session);
    const fault = await findFault(tool, directory, await readManifest(directory));
    if (fault !== undefined && (await removeEntry(directory))) {
      session.progress.note(`${tool.name}: removed ${directory} from the cache, ${fault}`);
    }
  }
}

async function makeEntry(tool: Tool, session: Session, task: Task): Promise<AcquiredTool> {
  const lock = join(session.cache.locks, `${tool.name}-${toPlatform(session)}.lock`);
  const onWait = (pid: number): void =>
    task.report(`waiting for process ${pid}, which is acquiring it`);
  return await withLock(
    lock,
    async () => {
      const cached = await findCached(tool, session);
      if (cached === undefined) {
        await removeFaulty(tool, session);
      }
      const entry = cached ?? (await install(tool, session, task));
      const source = cached === undefined ? entry.manifest.source : "cache";
      const acquired = await toAcquired(tool, session, { ...entry, source });
      if (acquired === undefined) {
        throw new Error(`${tool.name}: expected it in ${entry.directory}, which has gone`);
      }
      return acquired;
    },
    { onWait, signal: session.signal },
  );
}

/**
 * The release where the network allows it, else the source build. A vendor's outage is an error:
 * compiling would take longer than waiting.
 */
async function install(tool: Tool, session: Session, task: Task): Promise<ToolEntry> {
  const refusal = await tryRelease(tool, session, task);
  if (!(refusal instanceof ToolchainError)) {
    return refusal;
  }
  const { source } = tool;
  if (source === undefined) {
    throw refusal;
  }
  if (refusal.code === "refused") {
    if (session.connectivity === "open") {
      throw refusal;
    }
    task.report("building from source");
  }
  return await fill(tool, source, { session, task });
}

/** The release, or why there is none for this network or platform. */
async function tryRelease(
  tool: Tool,
  session: Session,
  task: Task,
): Promise<ToolEntry | ToolchainError> {
  const { release } = tool;
  if (release === undefined || release.files(session.architecture).length === 0) {
    const platform = toPlatform(session);
    return new ToolchainError(
      "platform",
      `${tool.name}: expected a release for ${platform}, got none`,
    );
  }
  if (session.connectivity === "closed") {
    return new ToolchainError("refused", `${tool.name}: not downloaded, as PLONK_OFFLINE is set`);
  }
  try {
    return await fill(tool, release, { session, task });
  } catch (error) {
    if (error instanceof ToolchainError && error.code === "refused") {
      return error;
    }
    if (error instanceof ToolchainError && error.code === "unavailable" && tool.source) {
      const advice = "run this again later, or with PLONK_OFFLINE=1 to build it from source";
      throw new ToolchainError("unavailable", `${error.message}; ${advice}`, { cause: error });
    }
    throw error;
  }
}

/** Fills a directory next to the entry's path and renames it when it is complete. */
async function fill(
  tool: Tool,
  origin: Release | Source,
  { session, task }: { session: Session; task: Task },
): Promise<ToolEntry> {
  const directory = toDirectory(tool, origin.version, session);
  // A fixed name: the next process, which holds the lock, removes what a killed one left behind.
  const destination = join(dirname(directory), `.partial-${toPlatform(session)}`);
  await rm(destination, { recursive: true, force: true });
  try {
    await requireSpace(tool.name, session.cache.root, origin.megabytes);
    await mkdir(destination, { recursive: true });
    const manifest = await make(tool, origin, { session, task, destination });
    await removeEntry(directory);
    await rename(destination, directory);
    return { directory, manifest };
  } catch (error) {
    await rm(destination, { recursive: true, force: true });
    session.signal.throwIfAborted();
    throw toToolchainError(tool, session, error);
  }
}

async function make(
  tool: Tool,
  origin: Release | Source,
  into: { session: Session; task: Task; destination: string },
): Promise<Manifest> {
  const about = { name: tool.name, version: origin.version, platform: toPlatform(into.session) };
  if ("recipe" in origin) {
    // Hashed before the build, so that a change during the build makes the result outdated.
    const inputs = await hashInputs(origin);
    const acquire = async (name: string): Promise<string> =>
      (await acquireTool(name, into.session)).path;
    await buildFromSource(origin, into, acquire);
    return await sealEntry(into.destination, { ...about, source: "source", inputs });
  }
  await installRelease(origin, into);
  const { source } = into.session.network;
  return await sealEntry(into.destination, { ...about, source, inputs: "" });
}

function toToolchainError(tool: Tool, session: Session, error: unknown): unknown {
  if (isDiskFull(error)) {
    return new ToolchainError(
      "disk",
      `disk: ${tool.name} needs more space than there is in ${session.cache.root}; free some, or set PLONK_CACHE to a folder on a larger disk`,
      { cause: error },
    );
  }
  return error instanceof ProgramError
    ? new ToolchainError(
        "build",
        `${tool.name}: could not be built from source: ${toMessage(error)}`,
        { cause: error },
      )
    : error;
}
