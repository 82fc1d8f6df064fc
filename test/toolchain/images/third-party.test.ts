/** The images of others, assembled: their programs run inside them as the vendors' do. */
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type ImageArtifact,
  THIRD_PARTY_IMAGES,
  type ThirdPartyImageName,
} from "../../../contract/index.ts";
import { acquire } from "../../../toolchain/acquire.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { assembleClusterImages } from "../../../toolchain/images/cluster-images.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { assembleThirdPartyImage, type GetTool } from "../../../toolchain/images/third-party.ts";
import { silentProgress } from "../../../toolchain/progress.ts";
import { findFreePort } from "../../support/network.ts";
import { getWhenUp, makeTemporary, removeTemporary, writeFiles } from "./support.ts";
import { runInside, startInside, unpackArchive, type Unpacked } from "./unpack.ts";

const architecture = hostArchitecture();
const getTool: GetTool = (name, wanted) =>
  acquire(name, { architecture: wanted, progress: silentProgress });

const artifacts = new Map<ThirdPartyImageName, ImageArtifact>();
const images = new Map<ThirdPartyImageName, Unpacked>();
let cluster = "";

beforeAll(async () => {
  // The machine's own cache: what is assembled here is what the product deploys.
  const context = createImageContext();
  for (const name of THIRD_PARTY_IMAGES) {
    const request = { name, architectures: [architecture], getTool };
    const artifact = await assembleThirdPartyImage(context, request);
    const root = await makeTemporary();
    artifacts.set(name, artifact);
    images.set(
      name,
      await unpackArchive(artifact.archives[architecture] ?? "", { architecture, root }),
    );
  }
  cluster = await assembleClusterImages(context, { architecture, getTool });
}, 600_000);

afterAll(removeTemporary);

function imageOf(name: ThirdPartyImageName): Unpacked {
  const image = images.get(name);
  if (image === undefined) {
    throw new Error(`${name}: expected among the unpacked files, got nothing`);
  }
  return image;
}

describe("an assembled image", () => {
  test.each([
    ["nats", ["/usr/local/bin/nats-server", "--version"], /^nats-server: v2\.\d+\.\d+/],
    ["prometheus", ["/bin/prometheus", "--version"], /^prometheus, version \d/],
    ["prometheus", ["/bin/promtool", "--version"], /^promtool, version \d/],
    ["alertmanager", ["/bin/alertmanager", "--version"], /^alertmanager, version \d/],
    ["node-exporter", ["/bin/node_exporter", "--version"], /^node_exporter, version \d/],
  ] as const)("of %s runs %j", async (name, command, output) => {
    const found = await runInside(imageOf(name), command);
    expect(found.output).toMatch(output);
    expect(found.code).toBe(0);
  });

  test.each(THIRD_PARTY_IMAGES)("of %s is named by tag and digest, and small", async (name) => {
    const { reference = "", archives = {} } = artifacts.get(name) ?? {};
    expect(reference).toMatch(
      new RegExp(`^plonk\\.local/${name}:\\d+\\.\\d+\\.\\d+@sha256:[0-9a-f]{64}$`),
    );
    expect(Object.keys(archives)).toEqual([architecture]);
    const { size } = await stat(archives[architecture] ?? "");
    expect(size).toBeLessThan(60 * 1024 * 1024);
  });

  test("runs as user 65532 from the vendors' entry points", () => {
    const runs = THIRD_PARTY_IMAGES.map((name) => imageOf(name).run);
    expect(runs.map(({ User, Entrypoint }) => [User, Entrypoint])).toEqual([
      ["65532:65532", ["nats-server"]],
      ["65532:65532", ["/bin/prometheus"]],
      ["65532:65532", ["/bin/alertmanager"]],
      ["65532:65532", ["/bin/node_exporter"]],
    ]);
  });

  test("of Prometheus checks a configuration, and serves by it", async () => {
    const image = imageOf("prometheus");
    await writeFiles(image.root, { "etc/prometheus/prometheus.yml": "scrape_configs: []\n" });
    const checked = await runInside(image, [
      "/bin/promtool",
      ...["check", "config", "/etc/prometheus/prometheus.yml"],
    ]);
    expect(checked.output).toContain("SUCCESS");
    const port = await findFreePort();
    const server = startInside(image, [
      ...image.run.Entrypoint,
      "--config.file=/etc/prometheus/prometheus.yml",
      "--storage.tsdb.path=/tmp/data",
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    try {
      expect(await getWhenUp(`http://127.0.0.1:${port}/-/healthy`)).toMatch(/Healthy/);
    } finally {
      const gone = once(server, "exit");
      server.kill("SIGTERM");
      await gone;
    }
  });
});

describe("the cluster's own images", () => {
  test("are named by tag, as the cluster's configuration names them, and run", async () => {
    const coredns = await unpackArchive(cluster, {
      architecture,
      root: await makeTemporary(),
      name: "docker.io/rancher/mirrored-coredns-coredns:1.14.0",
    });
    const version = await runInside(coredns, [...coredns.run.Entrypoint, "-version"]);
    expect(version.output).toMatch(/^CoreDNS-1\.14\.0/);
    const pause = await unpackArchive(cluster, {
      architecture,
      root: await makeTemporary(),
      name: "docker.io/rancher/mirrored-pause:3.6",
    });
    const sleeper = startInside(pause, pause.run.Entrypoint);
    await once(sleeper, "spawn");
    const gone = once(sleeper, "exit");
    sleeper.kill("SIGTERM");
    await gone;
    expect(pause.run.User).toBe("65532:65532");
  });
});
