/**
 * An open network on loopback: what vendors serve on the internet, made of our own builds. With its
 * environment the toolchain finds releases and registries and believes that it is on the internet;
 * nothing of its verification is left out.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ARCHITECTURES,
  type ImageArtifact,
  THIRD_PARTY_IMAGES,
  type ThirdPartyImageName,
} from "../../../contract/index.ts";
import { acquireAll } from "../../../toolchain/acquire.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { resolveArtifacts } from "../../../toolchain/artifacts.ts";
import { catalogue } from "../../../toolchain/catalogue.ts";
import { assembleNodeBase, type Base } from "../../../toolchain/images/base.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { createIndex, createPlatformImage } from "../../../toolchain/images/oci.ts";
import {
  NODE_BASE,
  type PinnedImage,
  toReference,
  VENDOR_IMAGES,
} from "../../../toolchain/images/versions.ts";
import { silentProgress } from "../../../toolchain/progress.ts";
import { Mirror, serveStored } from "../../toolchain/acquire/support/mirror.ts";
import { Registry } from "./registry.ts";
import { type Build, packRelease } from "./releases.ts";

export class OpenNetwork {
  readonly mirror: Mirror;
  readonly registry: Registry;
  readonly #directory: string;
  readonly #pins: Record<string, string> = {};

  private constructor(directory: string, mirror: Mirror, registry: Registry) {
    this.#directory = directory;
    this.mirror = mirror;
    this.registry = registry;
  }

  /** @param crane the path of `crane`, which is the registry */
  static async start(crane: string): Promise<OpenNetwork> {
    const directory = await mkdtemp(join(tmpdir(), "plonk-open-network-"));
    const registry = await Registry.start(crane, directory);
    return new OpenNetwork(directory, await Mirror.start(), registry);
  }

  /** What a command needs in its environment, and no other `PLONK_OFFLINE`. */
  get env(): Record<string, string> {
    return {
      PLONK_MIRROR: this.mirror.url,
      PLONK_REGISTRY_MIRROR: `http://${this.registry.host}`,
      PLONK_IMAGE_LOCK: this.#lock,
      PLONK_OFFLINE: "",
    };
  }

  get #lock(): string {
    return join(this.#directory, "images.json");
  }

  /** Serves a build under its vendor's URLs. */
  async publishTool(build: Build): Promise<void> {
    const folder = join(this.#directory, build.tool.name);
    for (const { url, content } of await packRelease(build, folder)) {
      this.mirror.serve(url, "path" in content ? serveStored(content.path) : content.text);
    }
  }

  /** Serves all that a first `up` asks for, of what this machine has or builds. */
  async publishAll(tools: readonly string[]): Promise<void> {
    const { PLONK_OFFLINE } = process.env;
    process.env["PLONK_OFFLINE"] = "1";
    try {
      const { k3s, images } = await resolveArtifacts({ progress: silentProgress });
      await this.publishOwnTools(tools, k3s.airgapImages);
      await this.publishImages(images);
      await this.publishBase(await assembleNodeBase(createImageContext()));
    } finally {
      if (PLONK_OFFLINE === undefined) {
        delete process.env["PLONK_OFFLINE"];
      } else {
        process.env["PLONK_OFFLINE"] = PLONK_OFFLINE;
      }
    }
  }

  /**
   * Serves what this machine has, or builds, of the tools with a release.
   * @param airgapImages archive of the images that come with k3s, where its build has none
   */
  async publishOwnTools(names: readonly string[], airgapImages = ""): Promise<void> {
    const architecture = hostArchitecture();
    const images = `images/k3s-airgap-images-${architecture}.tar.zst`;
    // Plugins must not be installed for the user's own stacks.
    const env = { ...process.env, PULUMI_HOME: join(this.#directory, "pulumi") };
    const tools = await acquireAll(names, { progress: silentProgress, env });
    for (const { name, directory } of tools.values()) {
      const tool = catalogue.find((candidate) => candidate.name === name);
      if (tool?.release === undefined) {
        throw new Error(`${name}: expected a tool with a release`);
      }
      const extra: Record<string, string> = airgapImages === "" ? {} : { [images]: airgapImages };
      await this.publishTool({ tool, directory, architecture, extra });
    }
  }

  /** Serves what was assembled here as the images of others, and locks its digests. */
  async publishImages(images: Record<ThirdPartyImageName, ImageArtifact>): Promise<void> {
    for (const name of THIRD_PARTY_IMAGES) {
      const vendor = VENDOR_IMAGES[name];
      await this.#pin(name, vendor, await this.registry.pushArtifact(images[name], tagOf(vendor)));
    }
  }

  /** Serves a base that was assembled here as the vendor's. */
  async publishBase(base: Base): Promise<void> {
    const platforms = ARCHITECTURES.map((architecture) =>
      createPlatformImage(architecture, base[architecture].layers, base[architecture].run),
    );
    const image = { index: createIndex(platforms), platforms };
    const digest = await this.registry.pushImage(image, tagOf(NODE_BASE));
    await this.#pin("node-base", NODE_BASE, digest);
  }

  async #pin(key: string, vendor: PinnedImage, digest: string): Promise<void> {
    this.#pins[key] = toReference({ ...vendor, digest });
    await writeFile(this.#lock, JSON.stringify(this.#pins, null, 2));
  }

  async stop(): Promise<void> {
    await Promise.all([this.mirror.stop(), this.registry.stop()]);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function tagOf({ name, tag }: PinnedImage): string {
  return `${name}:${tag}`;
}
