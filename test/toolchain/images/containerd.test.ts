/**
 * Archives in a real containerd, which gets each image's name by digest as k3s gives it: both names
 * resolve, and the CRI runs what a pod spec says.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ImageArtifact } from "../../../contract/index.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { assembleNodeBase } from "../../../toolchain/images/base.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { buildServiceImage } from "../../../toolchain/images/service-image.ts";
import { findFreePort } from "../../support/network.ts";
import { until } from "../../support/until.ts";
import { type Containerd, runPod, startContainerd } from "./containerd.ts";
import { getWhenUp, makeContext, makeServices, makeTemporary, removeTemporary } from "./support.ts";

const architecture = hostArchitecture();

let image: ImageArtifact;
let containerd: Containerd;

beforeAll(async () => {
  const base = await assembleNodeBase(createImageContext());
  const { context } = await makeContext();
  const packageRoot = await makeServices();
  const request = { base, architectures: [architecture], packageRoot };
  image = await buildServiceImage(context, { ...request, name: "gateway" });
  // Node keeps a sandbox as well as a pause program does.
  containerd = await startContainerd(await makeTemporary(), "plonk.local/gateway:0.1.0");
}, 600_000);

afterAll(async () => {
  try {
    await containerd.stop();
  } finally {
    await removeTemporary();
  }
});

const archive = (): string => image.archives[architecture] ?? "";
const imageId = (reference: string): Promise<string | undefined> => containerd.imageId(reference);
const digest = (): string => image.reference.split("@")[1] ?? "";

async function names(): Promise<string[]> {
  const list = await containerd.ctr("images", "ls", "--quiet");
  return list.split("\n").filter((name) => name.startsWith("plonk.local/"));
}

async function removeAll(): Promise<void> {
  const all = (await containerd.ctr("images", "ls", "--quiet")).split("\n").filter(Boolean);
  if (all.length > 0) {
    await containerd.ctr("images", "rm", "--sync", ...all);
  }
  for (const name of all) {
    await until(`the CRI without ${name}`, async () => (await imageId(name)) === undefined);
  }
}

describe("an archive in containerd", () => {
  test("gives the name by tag alone, without the other architecture's layers", async () => {
    await removeAll();
    await containerd.ctr("images", "import", archive());
    expect(await names()).toEqual(["plonk.local/gateway:0.1.0"]);
  });

  test("can be imported for all platforms at once, as k3s does", async () => {
    await removeAll();
    await containerd.takeIn(image, ["--all-platforms", "--no-unpack"]);
    expect((await names()).sort()).toEqual([
      "plonk.local/gateway:0.1.0",
      `plonk.local/gateway@${digest()}`,
    ]);
  });

  test("is present for kubelet under every form of its name, and under no other digest", async () => {
    await removeAll();
    await containerd.takeIn(image);
    const id = await imageId(image.reference);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await imageId(`plonk.local/gateway@${digest()}`)).toBe(id);
    expect(await imageId("plonk.local/gateway:0.1.0")).toBe(id);
    const other = `sha256:${"0".repeat(64)}`;
    expect(await imageId(`plonk.local/gateway:0.1.0@${other}`)).toBeUndefined();
  });

  test("runs in a pod by name:tag@digest, as user 65532 on a read-only root", async () => {
    await removeAll();
    await containerd.takeIn(image);
    const port = await findFreePort();
    const remove = await runPod(containerd, {
      image: image.reference,
      logs: await makeTemporary(),
      containers: { app: { port: String(port) } },
    });
    try {
      expect(await getWhenUp(`http://127.0.0.1:${port}`)).toBe(
        `${process.arch} ${process.version} 65532:65532`,
      );
    } finally {
      await remove();
    }
  });
});
