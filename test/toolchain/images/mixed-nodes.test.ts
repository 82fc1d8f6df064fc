/** Images of others for a cluster whose nodes are of several architectures. */
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { ARCHITECTURES } from "../../../contract/index.ts";
import { assembleImage } from "../../../toolchain/images/assemble.ts";
import { type GetTool, toImageRequest } from "../../../toolchain/images/third-party.ts";
import {
  jsonOf,
  makeContext,
  makeTemporary,
  readTar,
  removeTemporary,
  writeFiles,
} from "./support.ts";

afterAll(removeTemporary);

interface Index {
  manifests: { digest: string; platform: { architecture: string } }[];
}

interface Manifest {
  layers: { digest: string }[];
}

const toPath = (digest: string): string => `blobs/${digest.replace(":", "/")}`;

test("an image has each architecture in its index, and its layers in an archive of its own", async () => {
  const { context } = await makeContext();
  const folder = await makeTemporary();
  await writeFiles(folder, { amd64: "for amd64", arm64: "for arm64" });
  const getTool: GetTool = (_, architecture) =>
    Promise.resolve({ path: join(folder, architecture), directory: folder, version: "1.2.3" });
  const request = await toImageRequest(
    context,
    { name: "nats", architectures: ARCHITECTURES, getTool },
    {
      tool: "nats-server",
      description: "NATS",
      programs: (path) => ({ [path]: "/nats-server" }),
      isStatic: true,
      run: { Entrypoint: ["/nats-server"] },
    },
  );
  const { reference, archives } = await assembleImage(context, {
    ...request,
    archives: ARCHITECTURES,
  });
  const digest = reference.split("@")[1] ?? "";
  for (const architecture of ARCHITECTURES) {
    const entries = await readTar(archives[architecture] ?? "");
    const { manifests } = jsonOf(entries, toPath(digest)) as Index;
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(ARCHITECTURES);
    const names = entries.map(({ header }) => header.name);
    const complete = manifests.filter((manifest) => {
      const { layers } = jsonOf(entries, toPath(manifest.digest)) as Manifest;
      return layers.every((layer) => names.includes(toPath(layer.digest)));
    });
    expect(complete.map(({ platform }) => platform.architecture)).toEqual([architecture]);
  }
});
