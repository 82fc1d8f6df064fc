/**
 * `npm run release-images <registry/path>`: pushes the images of the services to a registry, and
 * writes the image lock, which the package that is packed next has in it.
 */
import { rm, writeFile } from "node:fs/promises";
import { WRONG_USAGE } from "../cli/commands.ts";
import { CommandError, interruptible, say } from "../cli/process.ts";
import { PUSH_SCRIPT } from "../components/image-scripts.ts";
import { type ImageLock, LOCK_FILE, readImageLock } from "../components/platform/image-lock.ts";
import { type ImageArtifact, SERVICE_IMAGES, type ServiceImageName } from "../contract/index.ts";
import { acquire } from "../toolchain/acquire.ts";
import { resolveImages } from "../toolchain/artifacts.ts";
import { readPins } from "../toolchain/images/pins.ts";
import { toReference } from "../toolchain/images/versions.ts";
import { runCommand } from "../toolchain/run-command.ts";

/** `host[:port]/path`, lower case, as registries want it. */
const TARGET = /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/;

/** An image with the name that it gets in the registry. */
interface Push {
  image: ImageArtifact;
  /** `registry/path/name:tag`. */
  target: string;
  /** `sha256:…` of its index. */
  digest: string;
}

/** @param file path of the lock. @default where the package takes it from */
export async function releaseImages(
  args: readonly string[],
  file: string = LOCK_FILE,
): Promise<number> {
  const [registry = "", ...rest] = args;
  if (!TARGET.test(registry) || rest.length > 0) {
    throw new CommandError(
      "release-images: expected a registry and a path in it, e.g. registry.example.com/plonk, " +
        `got "${args.join(" ")}"`,
      WRONG_USAGE,
    );
  }
  // A release that stops half way must not leave the lock of another one.
  await rm(file, { force: true });
  const references = await interruptible((signal) => pushAll(registry, signal));
  const { vendors } = await readPins(process.env);
  const lock: ImageLock = {
    gateway: references.gateway,
    queueWorker: references["queue-worker"],
    operator: references.operator,
    runtime: references.runtime,
    // Nodes pull these from their vendors.
    nats: toReference(vendors.nats),
    prometheus: toReference(vendors.prometheus),
    alertmanager: toReference(vendors.alertmanager),
    nodeExporter: toReference(vendors["node-exporter"]),
  };
  await writeFile(file, `${JSON.stringify(lock, undefined, 2)}\n`);
  readImageLock(file);
  say(`wrote ${file}; \`npm pack\` puts it into the package`);
  return 0;
}

/** Pushes all images of the services; returns their references in the registry. */
async function pushAll(
  registry: string,
  signal: AbortSignal,
): Promise<Record<ServiceImageName, string>> {
  const images = await resolveImages({ signal, preload: false });
  const { path: crane } = await acquire("crane", { signal });
  const references: [ServiceImageName, string][] = [];
  for (const name of SERVICE_IMAGES) {
    const push = toPush(registry, images[name]);
    say(`pushing ${push.target}`);
    await pushImage(push, crane, signal);
    references.push([name, `${push.target}@${push.digest}`]);
  }
  return Object.fromEntries(references) as Record<ServiceImageName, string>;
}

function toPush(registry: string, image: ImageArtifact): Push {
  const [tagged = "", digest = ""] = image.reference.split("@");
  return { image, target: `${registry}/${tagged.split("/").at(-1) ?? ""}`, digest };
}

/** The registry checks that the content has this digest. */
async function pushImage(push: Push, crane: string, signal: AbortSignal): Promise<void> {
  const { image, target, digest } = push;
  const archives = Object.values(image.archives).sort();
  const env = { ...process.env, CRANE: crane, ARCHIVES: archives.join("\n"), DIGEST: digest };
  await runCommand("sh", ["-s", "--", "push", target], { env, input: PUSH_SCRIPT, signal });
}
