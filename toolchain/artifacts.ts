/** Gives a program what it deploys: Kubernetes, and the images by reference and archive. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  SERVICE_IMAGES,
  THIRD_PARTY_IMAGES,
  type Architecture,
  type Artifacts,
  type ImageArtifact,
  type ServiceImageName,
  type ThirdPartyImageName,
} from "../services/contract/index.ts";
import { hostArchitecture } from "./acquire/session.ts";
import { acquire } from "./acquire.ts";
import { assembleNodeBase, pullNodeBase, type Base } from "./images/base.ts";
import { assembleClusterImages } from "./images/cluster-images.ts";
import { createImageContext, type ImageContext } from "./images/context.ts";
import { areRegistriesOpen } from "./images/registries.ts";
import { buildServiceImage } from "./images/service-image.ts";
import { assembleThirdPartyImage, vendorImage, type GetTool } from "./images/third-party.ts";
import { NODE_BASE } from "./images/versions.ts";
import { terminalProgress, type Progress } from "./progress.ts";

export interface ArtifactOptions {
  /** @default lines on standard error, when there is something to do */
  progress?: Progress;
  /** Stops downloads and builds; nothing half done is left. */
  signal?: AbortSignal;
  /**
   * Architectures of the cluster's nodes: what archives are written for.
   * @default this machine's own
   */
  architectures?: readonly Architecture[];
}

/** What all images have in common. */
interface Plan {
  context: ImageContext;
  /** Whether nodes pull the vendors' images. */
  isOpen: boolean;
  architectures: readonly Architecture[];
  getTool: GetTool;
}

/**
 * Acquires and assembles what is not there yet; with a warm cache it takes tenths of a second, as
 * it runs in every preview.
 * @throws where a tool cannot be had, or a service does not compile.
 */
export async function resolveArtifacts(options: ArtifactOptions = {}): Promise<Artifacts> {
  return await withPlan(options, async (plan) => {
    const [k3s, images] = await Promise.all([getKubernetes(plan), buildImages(plan)]);
    return { k3s, images };
  });
}

/** The images alone, for a cluster that somebody else made. */
export async function resolveImages(options: ArtifactOptions = {}): Promise<Artifacts["images"]> {
  return await withPlan(options, buildImages);
}

async function withPlan<T>(options: ArtifactOptions, work: (plan: Plan) => Promise<T>): Promise<T> {
  const { progress = terminalProgress(), architectures = [hostArchitecture()] } = options;
  const stop = new AbortController();
  const signals = [stop.signal, ...(options.signal ? [options.signal] : [])];
  const signal = AbortSignal.any(signals);
  signal.throwIfAborted();
  const task = progress.start("images");
  try {
    const context = createImageContext({ report: (message) => task.report(message), signal });
    const getTool: GetTool = (name, architecture) =>
      acquire(name, { architecture, progress, signal });
    const isOpen = await areRegistriesOpen(context);
    return await work({ context, isOpen, architectures, getTool });
  } catch (error) {
    // What is still going on would only finish for nothing.
    stop.abort(error);
    throw error;
  } finally {
    task.end();
  }
}

async function buildImages(plan: Plan): Promise<Artifacts["images"]> {
  const [services, others] = await Promise.all([
    buildAll(SERVICE_IMAGES, serviceImages(plan)),
    buildAll(THIRD_PARTY_IMAGES, thirdPartyImages(plan)),
  ]);
  return { ...services, ...others };
}

/** The vendor's release brings an archive of the cluster's own images; a source build does not. */
async function getKubernetes({ context, getTool }: Plan): Promise<Artifacts["k3s"]> {
  const architecture = hostArchitecture();
  const { path, directory, version } = await getTool("k3s", architecture);
  const vendors = join(directory, "images", `k3s-airgap-images-${architecture}.tar.zst`);
  const airgapImages = existsSync(vendors)
    ? vendors
    : await assembleClusterImages(context, { architecture, getTool });
  return { path, version, airgapImages };
}

function serviceImages(plan: Plan): (name: ServiceImageName) => Promise<ImageArtifact> {
  const { context, architectures } = plan;
  const base = getBase(plan);
  return async (name) =>
    await buildServiceImage(context, { name, base: await base, architectures });
}

async function getBase({ context, isOpen, getTool }: Plan): Promise<Base> {
  return isOpen
    ? await pullNodeBase(context, NODE_BASE, async () => {
        return (await getTool("crane", hostArchitecture())).path;
      })
    : await assembleNodeBase(context);
}

function thirdPartyImages(plan: Plan): (name: ThirdPartyImageName) => Promise<ImageArtifact> {
  const { context, isOpen, architectures, getTool } = plan;
  return async (name) =>
    isOpen
      ? vendorImage(name)
      : await assembleThirdPartyImage(context, { name, architectures, getTool });
}

async function buildAll<Name extends string>(
  names: readonly Name[],
  build: (name: Name) => Promise<ImageArtifact>,
): Promise<Record<Name, ImageArtifact>> {
  const images = await Promise.all(
    names.map(async (name): Promise<[Name, ImageArtifact]> => [name, await build(name)]),
  );
  return Object.fromEntries(images) as Record<Name, ImageArtifact>;
}
