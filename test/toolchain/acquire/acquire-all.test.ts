/** Several tools side by side. */
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { acquireAll } from "../../../toolchain/acquire.ts";
import { Folders, recordProgress } from "./support/fixtures.ts";
import { Mirror } from "./support/mirror.ts";
import { publish } from "./support/vendors.ts";

const folders = new Folders();
let mirror: Mirror;
let options: NonNullable<Parameters<typeof acquireAll>[1]>;

beforeEach(async () => {
  mirror = await Mirror.start();
  const cacheDir = await folders.create();
  const home = join(cacheDir, "pulumi-home");
  const env = { PLONK_MIRROR: mirror.url, PATH: "", PULUMI_HOME: home };
  options = { env, cacheDir, progress: recordProgress(), architecture: "amd64" };
});
afterEach(() => mirror.stop());
afterAll(() => folders.remove());

describe("all tools", () => {
  test("are given by name, in the order they were asked for", async () => {
    const names = ["nats-server", "crane", "pulumi-resource-command"];
    for (const name of names) {
      await publish(mirror, name);
    }
    const tools = await acquireAll(names, options);
    expect([...tools.keys()]).toEqual(names);
    expect([...tools.values()].map(({ source }) => source)).toEqual(["mirror", "mirror", "mirror"]);
  });

  test("are stopped when one fails, and its error is the one that is told", async () => {
    const [hanging] = await publish(mirror, "crane");
    mirror.serve(hanging?.file.url ?? "", () => undefined);
    const [published] = await publish(mirror, "coredns");
    mirror.serve(published?.file.url ?? "", Buffer.from("evil"));
    // Longer than the test lives: what hangs is not waited for.
    const network = { timeouts: { headers: 600_000, body: 600_000 } };
    const acquiring = acquireAll(["crane", "coredns"], { ...options, network });
    await expect(acquiring).rejects.toMatchObject({ code: "checksum" });
  });

  test("may be told line by line", async () => {
    await publish(mirror, "crane");
    const lines: string[] = [];
    await acquireAll(["crane"], { ...options, progress: (line) => lines.push(line) });
    expect(lines).toEqual([
      "crane: downloading go-containerregistry_Linux_x86_64.tar.gz from github.com",
      "crane: unpacking go-containerregistry_Linux_x86_64.tar.gz",
    ]);
  });
});
