/** An image of two architectures, and a registry for it. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect } from "@jest/globals";
import type { ImageArtifact } from "../../../contract/index.ts";
import { acquire } from "../../../toolchain/acquire.ts";

export interface Registry {
  crane: string;
  address: string;
  stop: () => void;
}

/** crane's own registry, in memory, on a free port. */
export async function startRegistry(): Promise<Registry> {
  const crane = (await acquire("crane")).path;
  const process = spawn(crane, ["registry", "serve", "--address", "127.0.0.1:0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let printed = "";
  process.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  while (!/serving on port (\d+)/.test(printed)) {
    await sleep(20);
  }
  const address = `127.0.0.1:${/serving on port (\d+)/.exec(printed)?.[1] ?? ""}`;
  return { crane, address, stop: () => void process.kill() };
}

/** An image of two architectures in the form that the toolchain writes: one archive for each. */
export function createImage(folder: string): ImageArtifact {
  const blobs = new Map<string, Buffer>();
  const store = (content: Buffer): { digest: string; size: number } => {
    const hash = createHash("sha256").update(content).digest("hex");
    blobs.set(hash, content);
    return { digest: `sha256:${hash}`, size: content.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const architectures = ["amd64", "arm64"] as const;
  const manifests = architectures.map((architecture) => {
    const empty = join(folder, architecture);
    mkdirSync(empty);
    writeFileSync(join(empty, "hello"), architecture);
    const files = execFileSync("tar", ["-C", empty, "-cf", "-", "hello"]);
    const layer = store(gzipSync(files));
    const diffId = `sha256:${createHash("sha256").update(files).digest("hex")}`;
    const rootfs = { type: "layers", diff_ids: [diffId] };
    const config = store(json({ architecture, os: "linux", config: {}, rootfs }));
    const manifest = store(
      json({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
        layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layer }],
      }),
    );
    return {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      ...manifest,
      platform: { architecture, os: "linux" },
    };
  });
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = store(json({ schemaVersion: 2, mediaType, manifests }));
  const archives = architectures.map((architecture) => {
    const layout = join(folder, `layout-${architecture}`);
    mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
    for (const [hash, content] of blobs) {
      writeFileSync(join(layout, "blobs/sha256", hash), content);
    }
    writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    const named = { mediaType, ...index };
    writeFileSync(join(layout, "index.json"), json({ schemaVersion: 2, manifests: [named] }));
    const archive = join(folder, `gateway-${architecture}.tar`);
    execFileSync("tar", ["-C", layout, "-cf", archive, "."]);
    expect(readFileSync(archive).length).toBeGreaterThan(0);
    return [architecture, archive];
  });
  return {
    reference: `plonk.local/gateway:0.1.0@${index.digest}`,
    archives: Object.fromEntries(archives) as ImageArtifact["archives"],
  };
}
