/** Installs a tool from its vendor's release: downloads, verifies, unpacks. */
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { findChecksum } from "../checksums.ts";
import { ToolchainError } from "../errors.ts";
import { hashFile } from "../hash.ts";
import type { Task } from "../progress.ts";
import type { Release, ReleaseFile } from "../tool.ts";
import { recordDownload } from "./digest-log.ts";
import { discardDownload, download, downloadText } from "./download.ts";
import { extractArchive } from "./extract.ts";
import type { Session } from "./session.ts";

export interface Installation {
  session: Session;
  task: Task;
  /** Empty directory to install into. */
  destination: string;
}

/**
 * Fills the destination with all files of a release.
 * @throws ToolchainError `refused` when the network blocks them, `checksum` when a digest is wrong;
 *   the download is then deleted.
 */
export async function installRelease(release: Release, into: Installation): Promise<void> {
  for (const file of release.files(into.session.architecture)) {
    await installFile(release, file, into);
  }
}

async function installFile(release: Release, file: ReleaseFile, into: Installation): Promise<void> {
  const { session, task, destination } = into;
  const name = decodeURIComponent(basename(new URL(file.url).pathname));
  const checksums = await downloadText(session.network, file.checksums, session.signal);
  const checksum = findReleaseChecksum(checksums, name);
  // Reported only now: on a closed network no download follows.
  task.report(`downloading ${name} from ${new URL(file.url).host}`);
  const request = {
    url: file.url,
    directory: session.cache.downloads,
    maxBytes: release.megabytes * 1e6,
    onBytes: task.bytes,
    signal: session.signal,
  };
  const path = await download(session.network, request);
  try {
    await verify(path, checksum, file.url);
    await recordDownload(session.cache.root, file.url, await hashFile(path));
    task.report(`unpacking ${name}`);
    await place(path, join(destination, file.to), file);
  } finally {
    await discardDownload(request);
  }
}

function findReleaseChecksum(text: string, name: string): ReturnType<typeof findChecksum> {
  const checksum = findChecksum(text, name);
  if (checksum.algorithm === "sha1") {
    throw new ToolchainError("checksum", `${name}: expected a SHA-256 checksum, got SHA-1`);
  }
  return checksum;
}

async function verify(
  path: string,
  expected: ReturnType<typeof findChecksum>,
  url: string,
): Promise<void> {
  const digest = await hashFile(path, expected.algorithm);
  if (digest !== expected.digest) {
    throw new ToolchainError(
      "checksum",
      `${url}: expected the ${expected.algorithm} that its vendor states, ${expected.digest}, got ${digest}; the download is discarded`,
    );
  }
}

async function place(path: string, to: string, file: ReleaseFile): Promise<void> {
  if (file.format === "archive") {
    await extractArchive(path, to, { strip: file.strip ?? 0, only: file.only });
    return;
  }
  await mkdir(dirname(to), { recursive: true });
  await copyFile(path, to);
  await chmod(to, file.executable === true ? 0o755 : 0o644);
}
