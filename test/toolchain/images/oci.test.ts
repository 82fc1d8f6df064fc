/** The documents of an image, field by field. */
import { describe, expect, test } from "@jest/globals";
import {
  createIndex,
  createPlatformImage,
  digestOf,
  type Layer,
} from "../../../toolchain/images/oci.ts";

const layer: Layer = {
  mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
  digest: digestOf("compressed"),
  size: 10,
  diffId: digestOf("plain"),
  file: "/cache/layer.tar.zst",
};
const run = { Entrypoint: ["/a"], User: "65532:65532", Labels: { b: "2", a: "1" } };

const json = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

describe("createPlatformImage", () => {
  const image = createPlatformImage("arm64", [layer], run);

  test("has a config with a fixed date and the layers' plain digests", () => {
    expect(json(image.config.bytes)).toEqual({
      created: "1970-01-01T00:00:00Z",
      architecture: "arm64",
      os: "linux",
      config: { Entrypoint: ["/a"], User: "65532:65532", Labels: { a: "1", b: "2" } },
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
      history: [{ created: "1970-01-01T00:00:00Z", created_by: "plonk" }],
    });
  });

  test("has a manifest that names config and layers without their place on this machine", () => {
    expect(json(image.manifest.bytes)).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: digestOf(image.config.bytes),
        size: image.config.bytes.length,
      },
      layers: [{ mediaType: layer.mediaType, digest: layer.digest, size: 10 }],
    });
  });

  test("does not depend on the order of labels", () => {
    const other = createPlatformImage("arm64", [layer], { ...run, Labels: { a: "1", b: "2" } });
    expect(other.manifest.descriptor.digest).toBe(image.manifest.descriptor.digest);
  });

  test("has another digest for another place to run from", () => {
    const other = createPlatformImage("arm64", [layer], { ...run, Entrypoint: ["/b"] });
    expect(other.manifest.descriptor.digest).not.toBe(image.manifest.descriptor.digest);
  });
});

describe("createIndex", () => {
  test("lists the platforms by architecture, whatever order they are built in", () => {
    const arm64 = createPlatformImage("arm64", [layer], run);
    const amd64 = createPlatformImage("amd64", [layer], run);
    const index = createIndex([arm64, amd64]);
    expect(json(index.bytes)).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [
        { ...amd64.manifest.descriptor, platform: { architecture: "amd64", os: "linux" } },
        { ...arm64.manifest.descriptor, platform: { architecture: "arm64", os: "linux" } },
      ],
    });
    expect(createIndex([amd64, arm64]).descriptor.digest).toBe(index.descriptor.digest);
    expect(index.descriptor).toEqual({
      mediaType: "application/vnd.oci.image.index.v1+json",
      digest: digestOf(index.bytes),
      size: index.bytes.length,
    });
  });
});
