/** The packed package, installed elsewhere: a program imports it by name and is previewed. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createEngine, type Engine } from "../support/pulumi.ts";

const root = dirname(dirname(import.meta.dirname));
const minute = 60_000;

interface PackageJson {
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
  scripts?: unknown;
}

let place: string;
let tree: string;
let engine: Engine;
let manifestBefore: string;

/** A copy of what is in the tree, so that packing touches nothing of the tree itself. */
function copyTree(): void {
  for (const item of ["components", "contract", "scripts", "README.md", "LICENSE"]) {
    cpSync(join(root, item), join(tree, item), { recursive: true });
  }
  for (const file of ["package.json", "tsconfig.json", "CHANGELOG.md"]) {
    cpSync(join(root, file), join(tree, file));
  }
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
}

function pack(): string {
  const args = ["pack", "--silent", "--pack-destination", place];
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const output = execFileSync("npm", args, {
    cwd: tree,
    encoding: "utf8",
    env: { ...process.env, PATH: path, NODE_OPTIONS: "" },
  });
  return join(place, output.trim().split("\n").at(-1) ?? "");
}

/** As npm does it, less the download: the package itself, and its dependencies beside it. */
function install(archive: string): string {
  const modules = join(engine.directory, "node_modules");
  unlinkSync(modules);
  const target = join(modules, "plonk");
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", archive, "-C", target, "--strip-components=1"]);
  const { dependencies } = readManifest(join(target, "package.json"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  return target;
}

function readManifest(path: string): PackageJson {
  return JSON.parse(readFileSync(path, "utf8")) as PackageJson;
}

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "plonk-package-"));
  tree = join(place, "tree");
  mkdirSync(tree);
  copyTree();
  manifestBefore = readFileSync(join(tree, "package.json"), "utf8");
  engine = await createEngine({ plugins: ["kubernetes", "command"] });
  install(pack());
}, 3 * minute);

afterAll(async () => {
  await engine.remove();
  rmSync(place, { recursive: true, force: true });
});

describe("the packed package", () => {
  it("holds JavaScript and declarations, and no TypeScript", () => {
    const files = execFileSync("find", ["-L", "node_modules/plonk", "-type", "f"], {
      cwd: engine.directory,
      encoding: "utf8",
    }).trim();
    const names = files.split("\n").map((file) => file.replace("node_modules/plonk/", ""));
    expect(names).toEqual(
      expect.arrayContaining([
        "package.json",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "dist/components/index.js",
        "dist/components/index.d.ts",
        "dist/contract/function.js",
      ]),
    );
    expect(names.filter((name) => /(?<!\.d)\.ts$/.test(name))).toEqual([]);
    expect(names.filter((name) => /^(dist\/)?(toolchain|test|stacks)\//.test(name))).toEqual([]);
  });

  it("asks for what the components import, and for no more", () => {
    const manifest = readManifest(join(engine.directory, "node_modules/plonk/package.json"));
    expect(Object.keys(manifest.dependencies).sort()).toEqual([
      "@kubernetes/client-node",
      "@pulumi/command",
      "@pulumi/kubernetes",
      "@pulumi/pulumi",
      "esbuild",
      "typebox",
      "yaml",
    ]);
    expect(manifest.scripts).toBeUndefined();
    expect(manifest.exports).toEqual({
      ".": { types: "./dist/components/index.d.ts", default: "./dist/components/index.js" },
    });
  });

  it("leaves the tree's package.json as it was", () => {
    expect(readFileSync(join(tree, "package.json"), "utf8")).toBe(manifestBefore);
    expect(existsSync(join(tree, "package.json.saved"))).toBe(false);
  });

  it(
    "previews a program that declares a platform and functions by its name",
    async () => {
      writeFileSync(join(engine.directory, "echo.ts"), "export default (event) => event.body;");
      await engine.program(`
        import { CallbackFunction, Function, K3sCluster, Platform } from "plonk";
        const cluster = new K3sCluster("edge", {
          servers: [{ connection: { local: true } }],
          // Nothing is started in a preview, so that any file will do.
          k3s: { path: process.execPath, version: "1.35.0+k3s3" },
        });
        const image = "example.com/image:1";
        const platform = new Platform("plonk", {
          cluster,
          adminPassword: "secret",
          images: {
            gateway: image, queueWorker: image, operator: image, runtime: image,
            nats: image, prometheus: image, alertmanager: image, nodeExporter: image,
          },
        });
        new Function("echo", { platform, code: "./echo.ts" });
        new CallbackFunction("hello", { platform, callback: (event) => "hello " + event.body });
      `);
      const result = await engine.preview();
      expect(result.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
      expect(result.code).toBe(0);
      expect(result.steps.map(({ type }) => type)).toEqual(
        expect.arrayContaining([
          "plonk:index:K3sCluster",
          "plonk:index:Platform",
          "plonk:index:Function",
          "plonk:index:CallbackFunction",
          "kubernetes:apps/v1:StatefulSet",
          "kubernetes:openfaas.com/v1:Function",
        ]),
      );
    },
    minute,
  );

  it(
    "has declarations that a strict program compiles against",
    () => {
      writeFileSync(
        join(engine.directory, "typed.ts"),
        `import { Function, type FunctionArgs, type PlatformReference } from "plonk";
         export const make = (platform: PlatformReference, code: string): Function => {
           const args: FunctionArgs = { platform, code, scale: { min: 1 } };
           return new Function("typed", args);
         };
         // @ts-expect-error scale.min is a number
         export const wrong: FunctionArgs["scale"] = { min: "one" };`,
      );
      const compiler = join(root, "node_modules/typescript/bin/tsc");
      const options = "--noEmit --strict --module nodenext --target es2024 --skipLibCheck";
      const args = [compiler, ...options.split(" "), "typed.ts"];
      const { stdout } = spawnSync(process.execPath, args, {
        cwd: engine.directory,
        encoding: "utf8",
      });
      expect(stdout).toBe("");
    },
    minute,
  );
});
