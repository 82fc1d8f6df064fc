/** `plonk import`, by its entry point. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { capture, type Captured } from "../../toolchain/run-command.ts";

const root = dirname(dirname(import.meta.dirname));
const folder = mkdtempSync(join(tmpdir(), "plonk-import-command-"));
const stack = join(folder, "stack.yml");

const TEXT = `version: 1.0
provider: { name: openfaas, gateway: http://127.0.0.1:8080 }
functions:
  hello-world:
    lang: node22
    image: \${REGISTRY:-example}/hello:\${TAG}
    environment: { GREETING: "\${GREETING}" }
    environment_file: [hello.env.yml]
    readonly_root_filesystem: true
    limits: { memory: 64Mi, gpu: 1 }
`;

const PROGRAM = `// The functions of "stack.yml", written by \`plonk import\`.
import * as pulumi from "@pulumi/pulumi";
import { Function, platformFromStack, readEnvironmentFile } from "plonk";

// Not carried over:
// - provider.gateway: "http://127.0.0.1:8080" (the platform says it)
const config = new pulumi.Config();
// The stack that the platform is in: \`pulumi config set platform <organization>/<project>/<stack>\`.
const platform = platformFromStack(config.require("platform"));
// Variables of the stack file: \`pulumi config set <name> <value>\`.
const registry = config.get("REGISTRY") || "example";
const tag = config.require("TAG");
const greeting = config.require("GREETING");

// Not carried over:
// - functions["hello-world"].lang: "node22" (only faas-cli build reads it)
// - functions["hello-world"].limits.gpu: "1" (stack files have no such field)
const helloWorld = new Function("hello-world", {
  platform,
  image: \`\${registry}/hello:\${tag}\`,
  environment: {
    GREETING: greeting,
    ...readEnvironmentFile(import.meta.resolve("./hello.env.yml")),
  },
  limits: {
    memory: "64Mi",
  },
  readOnlyRootFilesystem: true,
});

export const urls = {
  "hello-world": helloWorld.url,
};
`;

const NOTES = [
  "plonk: not carried over: provider.gateway: the platform says it",
  'plonk: not carried over: functions["hello-world"].lang: only faas-cli build reads it',
  'plonk: not carried over: functions["hello-world"].limits.gpu: stack files have no such field',
  "",
].join("\n");

beforeAll(() => writeFileSync(stack, TEXT));

afterAll(() => rmSync(folder, { recursive: true }));

/** The shell has values for the variables: none of them shall get into a program. */
function plonkImport(...args: string[]): Promise<Captured> {
  const env = { ...process.env, TAG: "s3cret", GREETING: "s3cret", REGISTRY: "s3cret" };
  const command = [join(root, "cli/plonk.js"), "import", ...args];
  return capture(process.execPath, command, { cwd: folder, env });
}

describe("plonk import", () => {
  it("prints the program, and beside it what the program does not say", async () => {
    expect(await plonkImport("stack.yml")).toEqual({ code: 0, stdout: PROGRAM, stderr: NOTES });
  });

  it("writes a file, and over one that is there only when told", async () => {
    const file = join(folder, "functions.ts");
    const written = { code: 0, stdout: "", stderr: NOTES };
    expect(await plonkImport("stack.yml", "--out", "functions.ts")).toEqual(written);
    expect(readFileSync(file, "utf8")).toBe(PROGRAM);
    writeFileSync(file, "mine");
    expect(await plonkImport("stack.yml", "-o", "functions.ts")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "plonk: import: --out: expected a new file, or --force to write over it, got functions.ts\n",
    });
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect(await plonkImport("stack.yml", "-o", "functions.ts", "--force")).toEqual(written);
    expect(readFileSync(file, "utf8")).toBe(PROGRAM);
  });

  it("says where a default is more than a text to YAML", async () => {
    const text =
      "provider: {name: openfaas}\nfunctions: {a: {image: x, fprocess: 'a' ,${B:-secrets: [c]}}}";
    writeFileSync(join(folder, "odd.yml"), text);
    const { code, stderr } = await plonkImport("odd.yml");
    expect(code).toBe(0);
    expect(stderr).toContain(
      "plonk: functions.a: a default is YAML of its own in the file; compare it\n",
    );
  });

  it.each([
    [[], 2, "import: expected one stack file, got none"],
    [["a.yml", "b.yml"], 2, "import: expected one stack file, got 2"],
    [["stack.yml", "--force"], 2, "import: --force: expected --out beside it, got none"],
    [["stack.yml", "--what"], 1, "import: Unknown option '--what'"],
    [["nowhere.yml"], 1, "import: expected a stack file, got ENOENT at nowhere.yml"],
    [["none.yml"], 1, "none.yml: provider.name: expected openfaas, got none"],
    [["broken.yml"], 1, 'broken.yml: line 2: expected ${NAME} or ${NAME:-default}, got "${A?}"'],
    [
      ["stack.yml", "-o", "no/such/folder.ts"],
      1,
      "import: --out: expected a file that can be written, got ENOENT at no/such/folder.ts",
    ],
  ])("refuses %j", async (args, code, message) => {
    writeFileSync(join(folder, "none.yml"), "services: {}");
    writeFileSync(join(folder, "broken.yml"), "a: 1\nb: ${A?}");
    const ended = await plonkImport(...args);
    expect({ ...ended, stderr: ended.stderr.split("\n")[0] }).toEqual({
      code,
      stdout: "",
      stderr: `plonk: ${message}`,
    });
  });
});
