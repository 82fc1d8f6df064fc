/** The arm64 images run on this machine, under emulation where it is no arm64 itself. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SERVICE_IMAGES, type ServiceImageName } from "../../../contract/index.ts";
import { extractDebianPackages } from "../../../standins/from-source/recipes/debian.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { assembleNodeBase } from "../../../toolchain/images/base.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { buildServiceImage } from "../../../toolchain/images/service-image.ts";
import { findFreePort } from "../../support/network.ts";
import { getWhenUp, makeContext, makeTemporary, removeTemporary, writeFiles } from "./support.ts";
import { runInside, startInside, unpackArchive, type Unpacked } from "./unpack.ts";

const EMULATOR = "/qemu-aarch64-static";

const images = new Map<ServiceImageName, Unpacked>();
let running: ChildProcess | undefined;

beforeAll(async () => {
  const base = await assembleNodeBase(createImageContext());
  const { context } = await makeContext();
  const qemu = await makeTemporary();
  await extractDebianPackages(createImageContext(), {
    packages: ["qemu-user-static"],
    architecture: hostArchitecture(),
    destination: qemu,
  });
  for (const name of SERVICE_IMAGES) {
    const image = await buildServiceImage(context, { name, base, architectures: ["arm64"] });
    const root = await makeTemporary();
    const unpacked = await unpackArchive(image.archives.arm64 ?? "", {
      architecture: "arm64",
      root,
    });
    await copyFile(join(qemu, "usr/bin/qemu-aarch64-static"), join(root, EMULATOR));
    images.set(name, unpacked);
  }
}, 600_000);

afterAll(async () => {
  if (running?.exitCode === null && running.kill("SIGKILL")) {
    await once(running, "exit");
  }
  await removeTemporary();
});

function imageOf(name: ServiceImageName): Unpacked {
  const image = images.get(name);
  if (image === undefined) {
    throw new Error(`${name}: expected among the unpacked files, got nothing`);
  }
  return image;
}

function emulated({ run }: Unpacked, args: readonly string[] = []): string[] {
  const [program = "", ...rest] = run.Entrypoint;
  return [EMULATOR, program, ...(args.length > 0 ? args : rest)];
}

describe("an arm64 image", () => {
  test("has a Node for arm64 and runs it as user 65532", async () => {
    const image = imageOf("runtime");
    const script = "console.log(process.arch, process.version, process.getuid())";
    expect(await runInside(image, emulated(image, ["--eval", script]))).toEqual({
      code: 0,
      output: `arm64 ${process.version} 65532\n`,
    });
  });

  test.each(["gateway", "queue-worker", "operator"] as const)(
    "of the %s starts, and says which setting is wrong",
    async (name) => {
      const image = imageOf(name);
      const { code, output } = await runInside(image, emulated(image), { port: "none" });
      expect(output).toMatch(/port/);
      expect(code).toBe(1);
    },
    300_000,
  );

  test("of the runtime answers a call of a function", async () => {
    const image = imageOf("runtime");
    const module =
      "export default { fetch: (request) => new Response(process.arch + request.method) };";
    await writeFiles(image.root, { "home/app/function/index.mjs": module });
    const port = await findFreePort();
    running = startInside(image, emulated(image), {
      PLONK_FUNCTION_MODULE: "/home/app/function/index.mjs",
      port: String(port),
      metrics_port: String(await findFreePort()),
    });
    expect(await getWhenUp(`http://127.0.0.1:${port}/`)).toBe("arm64GET");
  });
});
