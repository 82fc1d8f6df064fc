/** Unpacks an image archive into a root file system, and runs its programs there. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import type { Architecture } from "../../../contract/index.ts";
import type { Descriptor } from "../../../toolchain/images/oci.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { jsonOf, readTar } from "./support.ts";

const blob = (digest: string): string => `blobs/${digest.replace(":", "/")}`;

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

export interface Unpacked {
  root: string;
  /** What the image's configuration says. */
  run: { Entrypoint: string[]; Cmd?: string[]; User: string; Env?: string[] };
}

/** Unpacks the image with this name, e.g. `plonk.local/nats:2.15.0`, @default the only one. */
export async function unpackArchive(
  file: string,
  target: { architecture: Architecture; root: string; name?: string },
): Promise<Unpacked> {
  const { architecture, root, name } = target;
  const entries = await readTar(file);
  const json = (digest: string): unknown => jsonOf(entries, blob(digest));
  const { manifests } = jsonOf(entries, "index.json") as { manifests: Descriptor[] };
  const top = manifests.find(
    ({ annotations }) => name === undefined || annotations?.["io.containerd.image.name"] === name,
  );
  const index = json(top?.digest ?? "") as { manifests: Descriptor[] };
  const own = index.manifests.find((each) => each.platform?.architecture === architecture);
  const manifest = json(own?.digest ?? "") as Manifest;
  for (const { digest } of manifest.layers) {
    const layer = entries.find(({ header }) => header.name === blob(digest));
    const tar = join(root, "layer.tar");
    await writeFile(tar, zstdDecompressSync(layer?.content ?? Buffer.of()));
    await runCommand("tar", ["-xf", tar, "-C", root, "--no-same-owner", "-p"]);
    await runCommand("rm", [tar]);
  }
  await chmod(root, 0o755);
  const { config } = json(manifest.config.digest) as { config: Unpacked["run"] };
  return { root, run: config };
}

/** Starts a program in the image, as the image's user and with nothing in its environment. */
export function startInside(
  { root, run }: Unpacked,
  command: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  return spawn("chroot", [`--userspec=${run.User}`, root, ...command], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs a program in the image to its end: exit code, and all that it wrote. */
export async function runInside(
  unpacked: Unpacked,
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = startInside(unpacked, command, env);
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}
