/** The page's files: built by Vite, anew only when a source has changed. */
import { cp, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Assets, buildAssets } from "../../../toolchain/images/assets.ts";
import type { ImageContext } from "../../../toolchain/images/context.ts";
import { PACKAGE_ROOT } from "../../../toolchain/images/package.ts";
import { makeContext, makeTemporary, removeTemporary, writeFiles } from "./support.ts";

const UI = "services/gateway/ui";

let context: ImageContext;
let packageRoot = "";
let first: Assets | undefined;

const build = (): Promise<Assets | undefined> => buildAssets(context, packageRoot);

beforeAll(async () => {
  ({ context } = await makeContext());
  packageRoot = await makeTemporary();
  await symlink(join(PACKAGE_ROOT, "node_modules"), join(packageRoot, "node_modules"));
  await mkdir(join(packageRoot, UI), { recursive: true });
  await cp(join(PACKAGE_ROOT, UI, "vite.config.ts"), join(packageRoot, UI, "vite.config.ts"));
  await writeFiles(packageRoot, {
    "package.json": "{}",
    "docs/openapi.json": '{"openapi":"3.1.0"}',
    [`${UI}/index.html`]: '<script type="module" src="./src/main.tsx"></script>',
    [`${UI}/src/main.tsx`]: 'import { render } from "preact"; render(<p>built</p>, document.body);',
  });
  first = await build();
});

afterAll(removeTemporary);

describe("buildAssets", () => {
  test("gives a page whose script has a name by content, and the API's files", async () => {
    const directory = first?.directory ?? "";
    const page = await readFile(join(directory, "ui/index.html"), "utf8");
    const [, script = ""] = /src="\/ui\/(assets\/index-[-_\w]{8}\.js)"/.exec(page) ?? [];
    expect(await readFile(join(directory, "ui", script), "utf8")).toContain("built");
    expect(page).not.toMatch(/<script[^>]*>[^<]/);
    expect(await readFile(join(directory, "docs/openapi.json"), "utf8")).toContain("3.1.0");
    expect((await stat(join(directory, "docs/swagger-ui-bundle.js"))).size).toBeGreaterThan(1e5);
  });

  test("leaves them alone while no source changes", async () => {
    const file = join(first?.directory ?? "", "ui/index.html");
    const { mtimeMs } = await stat(file);
    expect(await build()).toEqual(first);
    expect((await stat(file)).mtimeMs).toBe(mtimeMs);
  });

  test("takes those of an installed package as they are", async () => {
    const installed = await makeTemporary();
    const assets = join(installed, "services/gateway/assets");
    for (const folder of ["ui", "docs"]) {
      await cp(join(first?.directory ?? "", folder), join(assets, folder), { recursive: true });
    }
    expect(await buildAssets(context, installed)).toEqual({ directory: assets, hash: first?.hash });
  });

  test("gives the same hash in another cache", async () => {
    const other = await makeContext();
    expect((await buildAssets(other.context, packageRoot))?.hash).toBe(first?.hash);
  });

  test("notices a changed, a new and a missing source", async () => {
    await writeFile(join(packageRoot, UI, "src/note.ts"), 'export const note = "new";');
    const added = await build();
    // A file that nobody imports changes nothing of the page.
    expect(added?.hash).toBe(first?.hash);
    await writeFile(
      join(packageRoot, UI, "src/main.tsx"),
      'import { note } from "./note.ts"; document.title = note;',
    );
    expect((await build())?.hash).not.toBe(first?.hash);
    await rm(join(packageRoot, UI, "src/note.ts"));
    await expect(build()).rejects.toThrow(/src\/main\.tsx/);
  });

  test("has nothing to build where there is no page", async () => {
    expect(await buildAssets(context, await makeTemporary())).toBeUndefined();
  });
});
