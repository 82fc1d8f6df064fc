/** `ServiceImage`: what is delivered where; pushes are in `registry-push.test.ts`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../../components/cluster/cluster.ts";
import { ImageDeliveryMode } from "../../components/cluster/cluster.ts";
import { toWord } from "../../components/cluster/host-script.ts";
import { ServiceImage } from "../../components/service-image.ts";
import { UNKNOWN } from "../../components/unknown.ts";
import type { ImageArtifact } from "../../contract/index.ts";
import { collectRegistrations, type Registration, settle, valueOf } from "./cluster/mocks.ts";
import { createImage } from "./support/images.ts";

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
  return {
    imageDelivery,
    architectures: pulumi.output(["amd64"]),
    identity: "fake",
    deletedWith: undefined,
  } as unknown as Cluster;
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
          // Another cluster has no images yet.
          triggers: ["fake"],
          environment: { IMAGE: IMAGE.reference },
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
      "image.archives: expected one for arm64 (host node-arm64), got amd64",
    );
  });

  it("refuses an image without digest", () => {
    const cluster = clusterWith({ mode: ImageDeliveryMode.Preload, targets: [target("amd64")] });
    const image = { ...IMAGE, reference: "plonk.local/gateway:latest" };
    expect(() => new ServiceImage("gw", { image, cluster })).toThrow(
      'image.reference: expected name:tag@sha256:<64 hexadecimal digits>, got "plonk.local/gateway:latest"',
    );
  });
});

describe("without a way to the nodes", () => {
  it("leaves an image of a vendor's to be pulled", async () => {
    const vendors = { reference: "docker.io/library/nats:2", archives: {} };
    const { reference } = new ServiceImage("gw", { image: vendors, cluster: clusterWith({}) });
    expect(await valueOf(reference)).toBe(vendors.reference);
    await settle();
    expect(registrations).toHaveLength(1);
  });

  it("refuses an image that is on this machine only", () => {
    expect(() => new ServiceImage("gw", { image: IMAGE, cluster: clusterWith({}) })).toThrow(
      "cluster.imageDelivery: expected a registry or a command for images that are made here, " +
        `got none for ${IMAGE.reference}; set registry or imageCommand of the cluster`,
    );
  });
});

describe("paths in commands", () => {
  it.each([
    ["", "/home/ann", "/home/ann/.cache/plonk/images/it's.tar"],
    ["/srv/cache", "/home/ann", "/srv/cache/images/it's.tar"],
  ])("are the same on every machine: cache %j, home %s", (cache, home, path) => {
    const env = { PLONK_CACHE: cache, HOME: home };
    const word = toWord(path, env);
    expect(word).toBe(`"\${PLONK_CACHE:-$HOME/.cache/plonk}"'/images/it'\\''s.tar'`);
    const said = execFileSync("sh", ["-c", `printf %s ${word}`], { encoding: "utf8", env });
    expect(said).toBe(path);
  });

  it("stay as they are outside the cache", () => {
    const env = { PLONK_CACHE: "", HOME: "/home/ann" };
    expect(toWord("/opt/crane", env)).toBe("'/opt/crane'");
    expect(toWord("/home/ann/.cache/plonk-2/x", env)).toBe("'/home/ann/.cache/plonk-2/x'");
    expect(toWord("/.cache/plonk/x", {})).toBe("'/.cache/plonk/x'");
    expect(toWord("crane", env)).toBe("'crane'");
  });
});

describe("a command of the user's", () => {
  const folder = mkdtempSync(join(tmpdir(), "plonk-command-"));

  afterAll(() => rmSync(folder, { recursive: true }));

  it("gets one archive with all architectures, and the reference", async () => {
    const image = createImage(folder);
    const command = `tar -xOf "$ARCHIVE" ./index.json > ${folder}/index; tar -tf "$ARCHIVE" > ${folder}/list; echo "$IMAGE" > ${folder}/image`;
    const delivery = { mode: ImageDeliveryMode.Command, command: pulumi.output(command) };
    const cluster = clusterWith(delivery);
    const { reference } = new ServiceImage("gw", { image, cluster });
    expect(await valueOf(reference)).toBe(image.reference);
    await settle();
    expect(registrations.map(({ name }) => name)).toEqual(["gw", "gw-import"]);
    const { create, environment, stdin } = registrations[1]?.inputs ?? {};
    const env = { ...process.env, ...(environment as NodeJS.ProcessEnv) };
    execFileSync("sh", ["-c", String(create)], { input: String(stdin), stdio: "pipe", env });
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    expect(read("image")).toBe(`${image.reference}\n`);
    // Index, and for each architecture manifest, config and layer.
    expect(read("list").match(/blobs\/sha256\/[0-9a-f]{64}/g)).toHaveLength(7);
    const digest = image.reference.split("@")[1] ?? "";
    const descriptor = {
      mediaType: "application/vnd.oci.image.index.v1+json",
      digest,
      size: expect.any(Number) as unknown,
    };
    const names = ["plonk.local/gateway:0.1.0", `plonk.local/gateway@${digest}`];
    expect(JSON.parse(read("index"))).toEqual({
      schemaVersion: 2,
      manifests: names.map((name) => ({
        ...descriptor,
        annotations: { "io.containerd.image.name": name },
      })),
    });
  });
});

describe("a preview", () => {
  const clusterOf = (mode: ImageDeliveryMode): Cluster =>
    clusterWith({
      mode,
      targets: mode === ImageDeliveryMode.Preload ? [target("amd64")] : [],
      registry: "r.example.com/plonk",
      command: "true",
    });

  it.each([
    [ImageDeliveryMode.Preload, IMAGE.reference],
    [ImageDeliveryMode.Registry, `r.example.com/plonk/gateway:0.1.0@${DIGEST}`],
    [ImageDeliveryMode.Command, IMAGE.reference],
  ])("knows the reference before the delivery by %s", async (mode, expected) => {
    const before = registrations;
    registrations = collectRegistrations({}, { isPreview: true });
    expect(before).toEqual([]);
    const cluster = clusterOf(mode);
    const { reference } = new ServiceImage("gw", { image: IMAGE, cluster });
    expect(await isKnown(reference)).toBe(true);
    expect(await valueOf(reference)).toBe(expected);
    await settle();
    const delivery = registrations.at(-1)?.name ?? "";
    expect(await dependenciesOf(reference)).toEqual([delivery]);
  });

  it("knows no reference before the registry is known, such as one that the program makes", async () => {
    registrations = collectRegistrations({}, { isPreview: true });
    const cluster = clusterWith({ mode: ImageDeliveryMode.Registry, registry: UNKNOWN });
    expect(await isKnown(new ServiceImage("gw", { image: IMAGE, cluster }).reference)).toBe(false);
    await settle();
    expect(registrations.map(({ name }) => name)).toEqual(["gw", "gw-push"]);
  });

  it.each([
    [ImageDeliveryMode.Preload, "gw-node-amd64", ["create", "delete", "environment", "stdin"]],
    [ImageDeliveryMode.Registry, "gw-push", ["create", "delete", "environment", "stdin"]],
    [ImageDeliveryMode.Command, "gw-import", ["create", "delete", "environment", "stdin"]],
  ])("without the image takes the one that %s has delivered", async (mode, name, ignored) => {
    // As the engine answers: with what the state has of properties whose changes are ignored.
    const outputs = { "command:local:Command": () => ({ environment: { IMAGE: "delivered" } }) };
    registrations = collectRegistrations(outputs, { isPreview: true });
    const kept: unknown[] = [];
    const opts = {
      transformations: [
        ({ name: child, opts: { ignoreChanges } }: pulumi.ResourceTransformationArgs) => {
          if (ignoreChanges) {
            kept.push([child, ignoreChanges]);
          }
          return undefined;
        },
      ],
    };
    const args = { image: undefined, cluster: clusterOf(mode) };
    const { reference } = new ServiceImage("gw", args, opts);
    expect(await valueOf(reference)).toBe("delivered");
    expect(kept).toEqual([[name, ignored]]);
  });

  it("without the image, and without one that was delivered, knows no reference", async () => {
    registrations = collectRegistrations({}, { isPreview: true });
    const cluster = clusterOf(ImageDeliveryMode.Preload);
    expect(await isKnown(new ServiceImage("gw", { image: undefined, cluster }).reference)).toBe(
      false,
    );
  });
});

it("needs the image in an update", () => {
  const cluster = clusterWith({ mode: ImageDeliveryMode.Preload, targets: [target("amd64")] });
  expect(() => new ServiceImage("gw", { image: undefined, cluster })).toThrow(
    "image: expected one in an update, got none",
  );
});

/** What `reference` comes after; both are internal to Pulumi. */
async function dependenciesOf(output: pulumi.Output<string>): Promise<string[]> {
  const internal = output as unknown as { resources(): Set<{ urn: pulumi.Output<string> }> };
  const urns = await Promise.all([...internal.resources()].map(({ urn }) => valueOf(urn)));
  return urns.map((urn) => urn.split("::").at(-1) ?? "");
}

function isKnown(output: pulumi.Output<string>): Promise<boolean> {
  return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}
