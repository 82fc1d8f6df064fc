/** Files out of Debian packages, downloaded for real. */
import { open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Architecture } from "../../../contract/index.ts";
import { extractDebianPackages } from "../../../standins/from-source/recipes/debian.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { Folders } from "./support/fixtures.ts";

const folders = new Folders();
const said: string[] = [];
let cache: string;

beforeAll(async () => {
  cache = await folders.create();
});
afterAll(() => folders.remove());

async function take(
  packages: string[],
  architecture: Architecture,
  path?: string,
): Promise<string> {
  const destination = await folders.create();
  said.length = 0;
  const context = {
    cache,
    report: (message: string) => said.push(message),
    run: (command: string, args: readonly string[], options: object = {}) =>
      runCommand(command, args, {
        env: path === undefined ? process.env : { PATH: path },
        ...options,
      }),
  };
  await extractDebianPackages(context, { packages, architecture, destination });
  return destination;
}

/** The machine that a program is for, as its ELF header says. */
async function readMachine(path: string): Promise<number> {
  const file = await open(path);
  try {
    return (await file.read({ length: 20 })).buffer.readUInt16LE(18);
  } finally {
    await file.close();
  }
}

describe("a Debian package", () => {
  test.each([
    ["amd64" as const, 62, "x86_64-linux-gnu"],
    ["arm64" as const, 183, "aarch64-linux-gnu"],
  ])("for %s is taken apart without being installed", async (architecture, machine, folder) => {
    const lists = await stat("/var/lib/apt/lists");
    const files = await take(["libgcc-s1"], architecture);
    expect(await readMachine(join(files, "lib", folder, "libgcc_s.so.1"))).toBe(machine);
    expect(said).toEqual(["updating Debian's package lists", "downloading libgcc-s1 from Debian"]);
    expect((await stat("/var/lib/apt/lists")).mtimeMs).toBe(lists.mtimeMs);
  });

  test("is downloaded once", async () => {
    await take(["libgcc-s1"], "arm64");
    expect(said).toEqual([]);
  });

  test("can be asked for by many at once", async () => {
    const folder = "lib/aarch64-linux-gnu/libgcc_s.so.1";
    const taken = await Promise.all([1, 2, 3, 4].map(() => take(["libgcc-s1"], "arm64")));
    const machines = taken.map((files) => readMachine(join(files, folder)));
    expect(await Promise.all(machines)).toEqual([183, 183, 183, 183]);
  });

  test("that is damaged on disk is downloaded again", async () => {
    const archives = join(cache, "debian/arm64/archives");
    const [name = ""] = (await readdir(archives)).filter((entry) => entry.startsWith("libgcc-s1_"));
    const bytes = await readFile(join(archives, name));
    bytes.fill(0, 500, 600);
    await writeFile(join(archives, name), bytes);
    const files = await take(["libgcc-s1"], "arm64");
    expect(said).toEqual(["downloading libgcc-s1 from Debian"]);
    expect(await readMachine(join(files, "lib/aarch64-linux-gnu/libgcc_s.so.1"))).toBe(183);
  });

  test("that does not exist is named", async () => {
    await expect(take(["plonk-no-such-package"], "arm64")).rejects.toThrow(
      /Unable to locate package plonk-no-such-package/,
    );
    expect(said).toEqual(["updating Debian's package lists"]);
  });

  test("needs Debian's tools", async () => {
    await expect(take(["libgcc-s1"], "arm64", "/nowhere")).rejects.toThrow(
      /^operating system: must be Debian or a descendant \(apt-get and dpkg-deb are needed\), got /,
    );
  });
});
