/** `ServiceImage`: what is delivered where; the push runs against a real registry. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../../components/cluster/cluster.ts";
import { ImageDeliveryMode } from "../../components/cluster/cluster.ts";
import { ServiceImage } from "../../components/service-image.ts";
import type { ImageArtifact } from "../../services/contract/index.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { collectRegistrations, type Registration, settle, valueOf } from "./cluster/mocks.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const IMAGE: ImageArtifact = {
  reference: `plonk.local/gateway:0.1.0@${DIGEST}`,
  archives: { amd64: "/cache/gateway-amd64.tar", arm64: "/cache/gateway-arm64.tar" },
};

let registrations: Registration[] = [];

beforeEach(() => {
  registrations = collectRegistrations({ "command:local:Command": () => ({ stdout: "" }) });
});

afterAll(() => pulumi.runtime.disconnect());

function clusterWith(delivery: Partial<Cluster["imageDelivery"]>): Cluster {
  const imageDelivery = { mode: "none", targets: [], registry: undefined, ...delivery };
  return { imageDelivery, lifetime: undefined } as unknown as Cluster;
}

function target(architecture: "amd64" | "arm64"): Cluster["imageDelivery"]["targets"][number] {
  return {
    host: `node-${architecture}`,
    architecture,
    connection: { local: true },
    importScript: pulumi.output(`take "$IMAGE_NAME" "$ARCHIVE"`),
    removeScript: pulumi.output(`drop "$IMAGE_NAME"`),
  };
}

describe("preloading", () => {
  it("gives every node the archive of its architecture, again when the digest changes", async () => {
    const cluster = clusterWith({
      mode: ImageDeliveryMode.Preload,
      targets: [target("amd64"), target("arm64")],
    });
    const image = new ServiceImage("gw", { image: IMAGE, cluster });
    expect(await valueOf(image.reference)).toBe(IMAGE.reference);
    await settle();
    const variables = (architecture: string): string =>
      `IMAGE_NAME='gateway' ARCHIVE='/cache/gateway-${architecture}.tar' IMAGE_DIGEST='${DIGEST}'`;
    expect(registrations.map(({ type, name, inputs }) => [type, name, inputs])).toEqual([
      ["plonk:index:ServiceImage", "gw", {}],
      ...["amd64", "arm64"].map((architecture) => [
        "command:local:Command",
        `gw-node-${architecture}`,
        {
          create: `${variables(architecture)}\ntake "$IMAGE_NAME" "$ARCHIVE"`,
          delete: `${variables(architecture)}\ndrop "$IMAGE_NAME"`,
          logging: "stdoutAndStderr",
          addPreviousOutputInEnv: false,
        },
      ]),
    ]);
  });

  it("refuses an image that a node could not run", () => {
    const cluster = clusterWith({ mode: ImageDeliveryMode.Preload, targets: [target("arm64")] });
    const image = { ...IMAGE, archives: { amd64: "/cache/a.tar" } };
    expect(() => new ServiceImage("gw", { image, cluster })).toThrow(
      "image.archives: must hold one for arm64 (host node-arm64), got amd64",
    );
  });

  it("refuses an image without digest", () => {
    const cluster = clusterWith({ mode: ImageDeliveryMode.Preload, targets: [target("amd64")] });
    const image = { ...IMAGE, reference: "plonk.local/gateway:latest" };
    expect(() => new ServiceImage("gw", { image, cluster })).toThrow(
      'image.reference: must be name:tag@sha256:<64 hexadecimal digits>, got "plonk.local/gateway:latest"',
    );
  });
});

describe("nothing to deliver", () => {
  it.each<[string, ImageDeliveryMode, ImageArtifact]>([
    ["the cluster takes none", ImageDeliveryMode.None, IMAGE],
    [
      "the image comes from its vendor",
      ImageDeliveryMode.Preload,
      { reference: "docker.io/library/nats:2", archives: {} },
    ],
  ])("where %s", async (_, mode, image) => {
    const cluster = clusterWith({ mode, targets: [target("amd64")] });
    const { reference } = new ServiceImage("gw", { image, cluster });
    expect(await valueOf(reference)).toBe(image.reference);
    await settle();
    expect(registrations).toHaveLength(1);
  });
});

describe("a registry", () => {
  const folder = mkdtempSync(join(tmpdir(), "plonk-push-"));
  let registry: ChildProcess;
  let address = "";
  let crane = "";

  beforeAll(async () => {
    crane = (await acquire("crane")).path;
    registry = spawn(crane, ["registry", "serve", "--address", "localhost:0"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let printed = "";
    registry.stderr?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    while (!/serving on port (\d+)/.test(printed)) await sleep(20);
    address = `localhost:${/serving on port (\d+)/.exec(printed)?.[1] ?? ""}`;
  });

  afterAll(() => {
    registry.kill();
    rmSync(folder, { recursive: true });
  });

  it("gets the image of all architectures under its own digest", async () => {
    const image = createImage(folder);
    const cluster = clusterWith({
      mode: ImageDeliveryMode.Registry,
      registry: `${address}/team`,
    });
    const { reference } = new ServiceImage("gw", { image, cluster, crane });
    const digest = image.reference.split("@")[1] ?? "";
    expect(await valueOf(reference)).toBe(`${address}/team/gateway:0.1.0@${digest}`);
    await settle();
    expect(registrations.map(({ name }) => name)).toEqual(["gw", "gw-push"]);
    execFileSync("sh", ["-c", String(registrations[1]?.inputs["create"])], { stdio: "pipe" });
    const pushed = execFileSync(crane, ["digest", `${address}/team/gateway:0.1.0`]);
    expect(pushed.toString().trim()).toBe(digest);
    execFileSync(crane, ["validate", "--remote", `${address}/team/gateway@${digest}`], {
      stdio: "pipe",
    });
  });
});

/** An image of two architectures in the form that the toolchain writes: one archive for each. */
function createImage(folder: string): ImageArtifact {
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
    for (const [hash, content] of blobs) writeFileSync(join(layout, "blobs/sha256", hash), content);
    writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    const named = { mediaType, ...index };
    writeFileSync(
      join(layout, "index.json"),
      json({ schemaVersion: 2, manifests: [named, named] }),
    );
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
