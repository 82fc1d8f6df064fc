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
import { type Containerd, decode, message, runPod, startContainerd } from "./containerd.ts";
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
}

/** What k3s does with an archive. */
async function takeIn(...options: string[]): Promise<void> {
  await containerd.ctr("images", "import", ...options, archive());
  const [tagged = ""] = await names();
  await containerd.ctr("images", "tag", tagged, `plonk.local/gateway@${digest()}`);
}

/** What kubelet asks before it pulls: the id of a present image, or nothing. */
async function imageId(reference: string): Promise<string | undefined> {
  const request = message({ 1: message({ 1: reference }) });
  const found = (await containerd.cri("ImageService/ImageStatus", request)).get(1);
  return found && decode(found).get(1)?.toString();
}

describe("an archive in containerd", () => {
  test("gives the name by tag alone, without the other architecture's layers", async () => {
    await removeAll();
    await containerd.ctr("images", "import", archive());
    expect(await names()).toEqual(["plonk.local/gateway:0.1.0"]);
  });

  test("can be imported for all platforms at once, as k3s does", async () => {
    await removeAll();
    await takeIn("--all-platforms", "--no-unpack");
    expect((await names()).sort()).toEqual([
      "plonk.local/gateway:0.1.0",
      `plonk.local/gateway@${digest()}`,
    ]);
  });

  test("is present for kubelet under every form of its name, and under no other digest", async () => {
    await removeAll();
    await takeIn();
    const id = await imageId(image.reference);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await imageId(`plonk.local/gateway@${digest()}`)).toBe(id);
    expect(await imageId("plonk.local/gateway:0.1.0")).toBe(id);
    const other = `sha256:${"0".repeat(64)}`;
    expect(await imageId(`plonk.local/gateway:0.1.0@${other}`)).toBeUndefined();
  });

  test("runs in a pod by name:tag@digest, as user 65532 on a read-only root", async () => {
    await removeAll();
    await takeIn();
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
