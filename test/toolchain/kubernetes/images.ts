/** The two images that the tests' pods need: the sandbox, and busybox from Debian. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { acquire } from "../../../toolchain/acquire.ts";
import { extractDebianPackages } from "../../../toolchain/recipes/debian.ts";
import { runCommand } from "../../../toolchain/run-command.ts";

const run = promisify(execFile);
const APPLETS = ["sh", "sleep", "httpd", "nc", "cat", "echo", "id"];

export const BUSYBOX = "plonk.local/busybox:1";

/** Writes one archive an image into `agent/images` of a data directory. */
export async function writeImages(target: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "plonk-images-"));
  try {
    await mkdir(target, { recursive: true });
    const pause = join(scratch, "pause");
    await mkdir(pause);
    await copyFile((await acquire("pause")).path, join(pause, "pause"));
    await chmod(join(pause, "pause"), 0o755);
    const image = { reference: "plonk.local/pause:3.10", entrypoint: "/pause" };
    await pack(pause, join(target, "pause.tar"), image);
    await writeBusybox(target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Writes the busybox image alone, under another name if asked for. */
export async function writeBusybox(target: string, reference = BUSYBOX): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "plonk-busybox-"));
  const context = {
    report: () => undefined,
    run: (command: string, args: readonly string[], options: { cwd?: string } = {}) =>
      runCommand(command, args, { cwd: options.cwd ?? scratch, env: process.env }),
  };
  const request = { packages: ["busybox-static"], architecture: "amd64", destination: scratch };
  await extractDebianPackages(context, { ...request, architecture: "amd64" });
  for (const applet of APPLETS) {
    await symlink("busybox", join(scratch, "bin", applet));
  }
  const name = reference.replaceAll(/[^a-z0-9]/g, "-");
  await pack(scratch, join(target, `${name}.tar`), { reference, entrypoint: "/bin/sh" });
  await rm(scratch, { recursive: true, force: true });
}

interface Image {
  reference: string;
  entrypoint: string;
}

/** Packs a directory as an image with one layer, in the format of `docker save`. */
async function pack(root: string, archive: string, image: Image): Promise<void> {
  const stage = await mkdtemp(join(tmpdir(), "plonk-pack-"));
  await run("tar", ["-cf", join(stage, "layer.tar"), "--owner=0", "--group=0", "-C", root, "."]);
  const layer = createHash("sha256").update(await readFile(join(stage, "layer.tar")));
  const config = {
    architecture: "amd64",
    os: "linux",
    config: { Entrypoint: [image.entrypoint], Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${layer.digest("hex")}`] },
  };
  const entry = { Config: "config.json", RepoTags: [image.reference], Layers: ["layer.tar"] };
  await writeFile(join(stage, "config.json"), JSON.stringify(config));
  await writeFile(join(stage, "manifest.json"), JSON.stringify([entry]));
  const files = ["manifest.json", "config.json", "layer.tar"];
  await run("tar", ["-cf", archive, "-C", stage, ...files]);
  await rm(stage, { recursive: true, force: true });
}
