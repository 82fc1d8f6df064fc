/** The artifacts that a program deploys: k3s, and images by reference and archive. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Architecture,
  ARCHITECTURES,
  type Artifacts,
  type ImageArtifact,
  SERVICE_IMAGES,
  type ServiceImageName,
  THIRD_PARTY_IMAGES,
  type ThirdPartyImageName,
} from "../contract/index.ts";
import { acquire } from "./acquire.ts";
import { hostArchitecture } from "./acquire/session.ts";
import { ifAtHand } from "./errors.ts";
import { assembleNodeBase, type Base, pullNodeBase } from "./images/base.ts";
import { assembleClusterImages } from "./images/cluster-images.ts";
import {
  createImageContext,
  type ImageContext,
  type ImageContextOptions,
} from "./images/context.ts";
import { type ImagePins, readPins } from "./images/pins.ts";
import type { GetCrane } from "./images/pull.ts";
import { areRegistriesOpen, toApiRoots } from "./images/registries.ts";
import { readRegistryMirror } from "./images/registry-mirror.ts";
import { buildServiceImage } from "./images/service-image.ts";
import { assembleThirdPartyImage, type GetTool } from "./images/third-party.ts";
import { pullVendorImage } from "./images/vendor-image.ts";
import { type Progress, terminalProgress } from "./progress.ts";

export interface ArtifactOptions {
  /** @default lines on standard error, when there is something to do */
  progress?: Progress;
  /** Aborts downloads and builds; no partial result is left. */
  signal?: AbortSignal;
  /**
   * Architectures of the cluster's nodes, for which archives are written.
   * @default this machine's own
   */
  architectures?: readonly Architecture[];
  /**
   * Whether nodes get archives, so that the vendors' images are pulled here. Otherwise nodes pull:
   * vendors' images are then references only, if their registries are reachable, and ours have
   * archives of all architectures, as a registry accepts only complete images.
   * @default true
   */
  preload?: boolean;
}

/** What all images share. */
interface Plan {
  context: ImageContext;
  /** Whether the vendors' images can be pulled. */
  isOpen: boolean;
  pins: ImagePins;
  architectures: readonly Architecture[];
  preload: boolean;
  getTool: GetTool;
}

/** All images; undefined for one that is not available locally. */
export type ImagesAtHand = Record<keyof Artifacts["images"], ImageArtifact | undefined>;

/** All artifacts, as far as they are available locally. */
export interface ArtifactsAtHand {
  k3s: Artifacts["k3s"] | undefined;
  images: ImagesAtHand;
}

/**
 * Acquires and assembles all artifacts, k3s included; with a warm cache in tenths of a second.
 * @throws when a tool cannot be acquired, or a service does not compile.
 */
export async function resolveArtifacts(options: ArtifactOptions = {}): Promise<Artifacts> {
  return await withPlan(options, async (plan) => {
    const [k3s, images] = await Promise.all([getKubernetes(plan), getImages(plan)]);
    return { k3s, images };
  });
}

/** Only the images, for an existing cluster. */
export async function resolveImages(options: ArtifactOptions = {}): Promise<Artifacts["images"]> {
  return await withPlan(options, getImages);
}

/**
 * For previews: the same without downloading or compiling a tool. Images are still assembled when
 * all their parts are available, as after a change in `services/`.
 */
export async function findArtifacts(options: ArtifactOptions = {}): Promise<ArtifactsAtHand> {
  return await withPlan({ ...options, findOnly: true }, async (plan) => {
    const [k3s, images] = await Promise.all([ifAtHand(getKubernetes(plan)), findAll(plan)]);
    return { k3s, images };
  });
}

/** Only the images, as far as they are available locally. */
export async function findImages(options: ArtifactOptions = {}): Promise<ImagesAtHand> {
  return await withPlan({ ...options, findOnly: true }, findAll);
}

async function withPlan<T>(
  options: ArtifactOptions & { findOnly?: boolean },
  work: (plan: Plan) => Promise<T>,
): Promise<T> {
  const { progress = terminalProgress(), architectures = [hostArchitecture()] } = options;
  const { preload = true, findOnly = false } = options;
  const stop = new AbortController();
  const signals = [stop.signal, ...(options.signal ? [options.signal] : [])];
  const signal = AbortSignal.any(signals);
  signal.throwIfAborted();
  const task = progress.start("images");
  try {
    const report = (message: string): void => task.report(message);
    const context = createContext({ report, signal, findOnly });
    const getTool: GetTool = (name, architecture) =>
      acquire(name, { architecture, progress, signal, findOnly });
    const { pins, isOpen } = await askRegistries(context);
    return await work({ context, isOpen, pins, architectures, preload, getTool });
  } catch (error) {
    // The rest would be discarded.
    stop.abort(error);
    throw error;
  } finally {
    task.end();
  }
}

function createContext(options: Omit<ImageContextOptions, "registryMirror">): ImageContext {
  return createImageContext({ ...options, registryMirror: readRegistryMirror(process.env) });
}

async function askRegistries(context: ImageContext): Promise<{ pins: ImagePins; isOpen: boolean }> {
  const pins = await readPins(process.env);
  const registries = toApiRoots([pins.nodeBase, ...Object.values(pins.vendors)], context);
  return { pins, isOpen: await areRegistriesOpen(context, { registries }) };
}

/** Whether the vendors' images can be pulled from here. */
export async function isNetworkOpen(): Promise<boolean> {
  return (await askRegistries(createContext({}))).isOpen;
}

async function getImages(plan: Plan): Promise<Artifacts["images"]> {
  const [services, others] = await Promise.all([
    buildAll(SERVICE_IMAGES, serviceImages(plan)),
    buildAll(THIRD_PARTY_IMAGES, thirdPartyImages(plan)),
  ]);
  return { ...services, ...others };
}

async function findAll(plan: Plan): Promise<ImagesAtHand> {
  const [ours, theirs] = [serviceImages(plan), thirdPartyImages(plan)];
  const [services, others] = await Promise.all([
    buildAll(SERVICE_IMAGES, (name) => ifAtHand(ours(name))),
    buildAll(THIRD_PARTY_IMAGES, (name) => ifAtHand(theirs(name))),
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
  const { context, preload } = plan;
  const architectures = preload ? plan.architectures : ARCHITECTURES;
  const base = getBase(plan);
  return async (name) =>
    await buildServiceImage(context, { name, base: await base, architectures });
}

async function getBase({ context, isOpen, pins, getTool }: Plan): Promise<Base> {
  return isOpen
    ? await pullNodeBase(context, pins.nodeBase, toGetCrane(getTool))
    : await assembleNodeBase(context);
}

function thirdPartyImages(plan: Plan): (name: ThirdPartyImageName) => Promise<ImageArtifact> {
  const { context, isOpen, pins, preload, getTool } = plan;
  const getCrane = toGetCrane(getTool);
  return async (name) => {
    if (!isOpen) {
      const { architectures } = plan;
      return await assembleThirdPartyImage(context, { name, architectures, getTool });
    }
    const architectures = preload ? plan.architectures : [];
    return await pullVendorImage(context, {
      name,
      image: pins.vendors[name],
      architectures,
      getCrane,
    });
  };
}

function toGetCrane(getTool: GetTool): GetCrane {
  return async () => (await getTool("crane", hostArchitecture())).path;
}

async function buildAll<Name extends string, Image>(
  names: readonly Name[],
  build: (name: Name) => Promise<Image>,
): Promise<Record<Name, Image>> {
  const images = await Promise.all(
    names.map(async (name): Promise<[Name, Image]> => [name, await build(name)]),
  );
  return Object.fromEntries(images) as Record<Name, Image>;
}
