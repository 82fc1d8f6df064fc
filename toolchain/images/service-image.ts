/** The images of Plonk's own services: the Node base and a layer with the bundle and its assets. */
import {
  type Architecture,
  ARCHITECTURES,
  type ImageArtifact,
  type ServiceImageName,
} from "../../contract/index.ts";
import { assembleImage } from "./assemble.ts";
import { type Assets, buildAssets } from "./assets.ts";
import { atPath, type Base, packInto } from "./base.ts";
import { bundleService } from "./bundle.ts";
import type { ImageContext } from "./context.ts";
import { entriesBelow, type LayerEntry } from "./layer.ts";
import { PACKAGE_ROOT, PACKAGE_VERSION } from "./package.ts";
import { readRevision } from "./revision.ts";
import { NONROOT } from "./rootfs.ts";
import { findOrBuild } from "./store.ts";
import { listStoreFunctions } from "./store-functions.ts";

const DESCRIPTIONS: Record<ServiceImageName, string> = {
  gateway: "HTTP gateway of functions",
  "queue-worker": "Calls functions for asynchronous requests",
  operator: "Runs functions on Kubernetes",
  runtime: "Runs a function: a JavaScript module, or any program",
};

const PATH = "/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ServiceImageRequest {
  name: ServiceImageName;
  base: Base;
  /** Architectures to write archives for; the index has all supported ones. */
  architectures: readonly Architecture[];
  /** The package with `services/` in it. @default this one */
  packageRoot?: string;
}

/** Bundles the service, and assembles its image if the bundle or the base is new. */
export async function buildServiceImage(
  context: ImageContext,
  request: ServiceImageRequest,
): Promise<ImageArtifact> {
  const { name, base, architectures, packageRoot = PACKAGE_ROOT } = request;
  const [bundle, assets, functions] = await Promise.all([
    bundleService(context, { name, packageRoot }),
    name === "gateway" ? buildAssets(context, packageRoot) : undefined,
    name === "runtime" ? listStoreFunctions(packageRoot) : undefined,
  ]);
  const entry = await findOrBuild({
    root: context.images,
    name: `app-${name}`,
    inputs: { hash: bundle.hash, assets: assets?.hash, functions: functions?.hash },
    signal: context.signal,
    build: async (directory) =>
      await packInto(directory, "app.tar.zst", [
        { kind: "copy", path: "/app/main.mjs", source: bundle.file },
        ...(assets === undefined ? [] : await listAssets(assets)),
        ...(functions?.entries ?? []),
      ]),
  });
  const app = atPath(entry, entry.value);
  return await assembleImage(context, {
    name,
    tag: PACKAGE_VERSION,
    revision: await readRevision(packageRoot),
    description: DESCRIPTIONS[name],
    archives: architectures,
    platforms: ARCHITECTURES.map((architecture) => ({
      architecture,
      layers: [...base[architecture].layers, app],
      run: {
        Env: toEnvironment(base[architecture].run.Env),
        Entrypoint: ["/nodejs/bin/node", "/app/main.mjs"],
        User: NONROOT,
        WorkingDir: "/home/nonroot",
      },
    })),
  });
}

/** The folders of the assets, without the store's own files. */
async function listAssets({ directory }: Assets): Promise<LayerEntry[]> {
  return await entriesBelow(directory, (path) =>
    /^\/(ui|docs)\//.test(path) ? `/app/assets${path}` : undefined,
  );
}

/** The base's environment, with `node` on the PATH of programs that a function starts. */
function toEnvironment(base: readonly string[] = []): string[] {
  return [...base.filter((variable) => !variable.startsWith("PATH=")), `PATH=${PATH}`];
}
