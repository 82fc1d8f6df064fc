/** An OCI registry on loopback, `crane registry serve`, and images pushed to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageArtifact } from "../../../contract/index.ts";
import type { NamedImage } from "../../../toolchain/images/archive.ts";
import { blobFile } from "../../../toolchain/images/layout.ts";
import { type Descriptor, MEDIA_TYPE } from "../../../toolchain/images/oci.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { findFreePort } from "../network.ts";
import { until } from "../until.ts";

export class Registry {
  /** `<address>:<port>`. */
  readonly host: string;
  readonly #crane: string;
  readonly #directory: string;
  readonly #server: ChildProcess;

  private constructor(crane: string, directory: string, host: string) {
    this.host = host;
    this.#crane = crane;
    this.#directory = directory;
    const args = ["registry", "serve", "--address", host, "--disk", join(directory, "blobs")];
    this.#server = spawn(crane, args, { stdio: "ignore" });
  }

  /** Starts with nothing in it; keeps its blobs in the directory. */
  static async start(crane: string, directory: string, address = "127.0.0.1"): Promise<Registry> {
    await mkdir(join(directory, "blobs"), { recursive: true });
    const registry = new Registry(crane, directory, `${address}:${await findFreePort()}`);
    await until("the registry's answer", async () => {
      return await fetch(`http://${registry.host}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
    return registry;
  }

  async stop(): Promise<void> {
    const gone = once(this.#server, "exit");
    this.#server.kill("SIGKILL");
    await gone;
  }

  /** Pushes an image that was assembled here under a vendor's name. @returns its digest. */
  async pushImage(image: Pick<NamedImage, "index" | "platforms">, name: string): Promise<string> {
    const { index, platforms } = image;
    return await this.#withLayout(async (layout) => {
      const documents = [index, ...platforms.flatMap(({ manifest, config }) => [manifest, config])];
      for (const { descriptor, bytes } of documents) {
        await writeFile(join(layout, blobFile(descriptor.digest)), bytes);
      }
      for (const { digest, file } of platforms.flatMap(({ layers }) => layers)) {
        const blob = join(layout, blobFile(digest));
        await link(file, blob).catch(() => copyFile(file, blob));
      }
      return await this.#push(layout, index.descriptor, name);
    });
  }

  /** The same of an image that is there as archives, of all architectures that it has. */
  async pushArtifact({ reference, archives }: ImageArtifact, name: string): Promise<string> {
    const [, digest = ""] = reference.split("@");
    return await this.#withLayout(async (layout) => {
      for (const archive of Object.values(archives)) {
        await runCommand("tar", ["-xf", archive, "-C", layout]);
      }
      const size = await runCommand("stat", ["-c", "%s", join(layout, blobFile(digest))]);
      const index = { mediaType: MEDIA_TYPE.index, digest, size: Number(size) };
      return await this.#push(layout, index, name);
    });
  }

  async #withLayout(work: (layout: string) => Promise<string>): Promise<string> {
    const layout = await mkdtemp(join(this.#directory, "layout-"));
    try {
      await mkdir(join(layout, "blobs/sha256"), { recursive: true });
      await writeFile(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
      return await work(layout);
    } finally {
      await rm(layout, { recursive: true, force: true });
    }
  }

  async #push(layout: string, index: Descriptor, name: string): Promise<string> {
    const content = { schemaVersion: 2, manifests: [index] };
    await writeFile(join(layout, "index.json"), JSON.stringify(content));
    await runCommand(this.#crane, ["push", "--insecure", layout, `${this.host}/${name}`]);
    return index.digest;
  }
}
