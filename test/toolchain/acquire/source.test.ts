/** Building from source, and the machines on which that cannot be done. */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Recipe } from "../../../standins/from-source/recipe.ts";
import { buildGo, isAtLeast } from "../../../standins/from-source/recipes/go.ts";
import { toLauncher } from "../../../standins/from-source/recipes/stand-in.ts";
import { acquireTool } from "../../../toolchain/acquire/acquire-tool.ts";
import { createSession, hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { catalogue } from "../../../toolchain/catalogue.ts";
import type { AcquiredTool, Tool } from "../../../toolchain/tool.ts";
import { FakeClock } from "./support/clock.ts";
import { Folders, recordProgress } from "./support/fixtures.ts";

const run = promisify(execFile);
const folders = new Folders();
/** Nothing listens there: each release is refused at once. */
const CLOSED = "http://127.0.0.1:9";

let cacheDir: string;
let progress: ReturnType<typeof recordProgress>;

beforeEach(async () => {
  cacheDir = await folders.create();
  progress = recordProgress();
});
afterAll(() => folders.remove());

function toTool(name: string, recipe: Recipe, megabytes = 1): Tool {
  return { name, executable: name, source: { version: "1.2.3", recipe, inputs: [], megabytes } };
}

interface Settings {
  path?: string;
  cache?: string;
  signal?: AbortSignal;
}

function build(
  name: string,
  tools: readonly Tool[],
  settings: Settings = {},
): Promise<AcquiredTool> {
  const { path = process.env["PATH"], cache = cacheDir, ...rest } = settings;
  const env = { PATH: path, PLONK_MIRROR: CLOSED, PULUMI_HOME: join(cacheDir, "pulumi-home") };
  const network = { clock: new FakeClock() };
  const architecture = "amd64" as const;
  const options = { env, cacheDir: cache, progress, network, architecture, ...rest };
  return acquireTool(name, createSession(tools, options));
}

async function listTools(name: string, cache = cacheDir): Promise<string[]> {
  return await readdir(join(cache, "tools", name)).catch(() => []);
}

describe("a recipe", () => {
  test("fills a directory that is moved into place when it is done", async () => {
    const recipe: Recipe = async ({ destination, scratch, run: runProgram }) => {
      expect(await listTools("mine")).toEqual([
        ".partial-linux-amd64",
        ".partial-linux-amd64.scratch",
      ]);
      await writeFile(join(scratch, "intermediate"), "");
      const output = await runProgram("echo", ["made"], { env: { X: "1" } });
      await writeFile(join(destination, "mine"), output, { mode: 0o755 });
    };
    const tool = await build("mine", [toTool("mine", recipe)]);
    expect(tool).toMatchObject({ source: "source", version: "1.2.3" });
    expect(await readFile(tool.path, "utf8")).toBe("made\n");
    expect(await listTools("mine")).toEqual(["1.2.3-linux-amd64"]);
  });

  test("that fails leaves nothing, and its program's last lines in the error", async () => {
    const recipe: Recipe = async ({ destination, run: runProgram }) => {
      await writeFile(join(destination, "half"), "");
      await runProgram("sh", ["-c", "echo what went wrong >&2; exit 3"]);
    };
    await expect(build("mine", [toTool("mine", recipe)])).rejects.toMatchObject({
      code: "build",
      message: expect.stringMatching(
        /^mine: could not be built from source: sh .*exit code 3\n {2}what went wrong$/s,
      ),
    });
    expect(await listTools("mine")).toEqual([]);
  });

  test("that is stopped ends its programs and leaves nothing", async () => {
    const stop = new AbortController();
    const recipe: Recipe = async ({ run: runProgram }) => {
      setTimeout(() => stop.abort(new Error("stopped")), 200);
      await runProgram("sh", ["-c", "sleep 600 & wait"]);
    };
    const pending = build("mine", [toTool("mine", recipe)], { signal: stop.signal });
    await expect(pending).rejects.toThrow("stopped");
    expect(await listTools("mine")).toEqual([]);
  });

  test("can have another tool acquired first", async () => {
    const first = toTool("first", async ({ destination }) => {
      await writeFile(join(destination, "first"), "1", { mode: 0o755 });
    });
    const second = toTool("second", async ({ destination, acquire }) => {
      await writeFile(join(destination, "second"), await acquire("first"), { mode: 0o755 });
    });
    const { path } = await build("second", [first, second]);
    expect(await readFile(path, "utf8")).toBe(
      join(cacheDir, "tools/first/1.2.3-linux-amd64/first"),
    );
  });
});

describe("a tool", () => {
  test("that does not exist is answered with those that do", async () => {
    await expect(build("helm", catalogue)).rejects.toThrow(
      /^tool: expected one of pulumi, .*, node_exporter, .*, got "helm"$/,
    );
  });

  test("on an unknown platform is refused", () => {
    expect(() => hostArchitecture("darwin", "arm64")).toThrow(
      "platform: expected linux on amd64 or arm64, got darwin on arm64",
    );
    expect(() => hostArchitecture("linux", "riscv64")).toThrow("got linux on riscv64");
    expect(hostArchitecture("linux", "x64")).toBe("amd64");
  });

  test("without release and recipe for a platform is refused", async () => {
    const tool: Tool = {
      name: "odd",
      executable: "odd",
      release: { version: "1", megabytes: 1, files: () => [] },
    };
    await expect(build("odd", [tool])).rejects.toMatchObject({ code: "platform" });
  });
});

describe("a Go build", () => {
  let bin: string;
  beforeAll(async () => {
    bin = await folders.create();
    const old = "#!/bin/sh\necho go1.21.4\n";
    await writeFile(join(bin, "go"), old, { mode: 0o755 });
  });

  test("without Go says which one is needed", async () => {
    const empty = await folders.create();
    await expect(build("crane", catalogue, { path: empty })).rejects.toMatchObject({
      code: "go",
      message: expect.stringMatching(
        /^Go: must be on PATH in version 1\.25\.0 or newer .*, got none \(go: not found on PATH\); /,
      ),
    });
    expect(await listTools("crane")).toEqual([]);
  });

  test("with an old Go says which one is needed", async () => {
    await expect(build("pulumi", catalogue, { path: bin })).rejects.toMatchObject({
      code: "go",
      message: expect.stringMatching(/version 1\.26\.6 or newer .*, got go1\.21\.4; /),
    });
  });

  test("writes below the cache alone, and waits for another build", async () => {
    const fake = await folders.create();
    // Answers as go does, and writes what it was told into the program it has to build.
    await writeFile(
      join(fake, "go"),
      `#!/bin/sh
if [ "$1" = env ]; then echo go1.99.0; exit; fi
if [ "$1" = list ]; then exit; fi
while [ "$1" != -o ]; do shift; done
echo begin >> "${fake}/log"; sleep 0.3; echo end >> "${fake}/log"
env | grep -E '^(GO|CGO)' | sort > "$2"
chmod 755 "$2"
`,
      { mode: 0o755 },
    );
    const recipe = (context: Parameters<Recipe>[0]): Promise<void> =>
      buildGo(context, { module: "go/coredns", output: "program" });
    const tools = ["one", "two"].map((name) => ({
      ...toTool(name, recipe),
      executable: "program",
    }));
    const path = `${fake}:/usr/bin:/bin`;
    const [one] = await Promise.all(tools.map(({ name }) => build(name, tools, { path })));
    expect((await readFile(one?.path ?? "", "utf8")).trim().split("\n")).toEqual([
      "CGO_ENABLED=0",
      "GOARCH=amd64",
      `GOCACHE=${cacheDir}/go/build`,
      "GOFLAGS=-trimpath -modcacherw -mod=readonly -buildvcs=false",
      "GOGC=400",
      "GOMEMLIMIT=3GiB",
      `GOMODCACHE=${cacheDir}/go/mod`,
      "GOOS=linux",
      `GOPATH=${cacheDir}/go`,
      "GOTOOLCHAIN=local",
      "GOWORK=off",
    ]);
    const log = await readFile(join(fake, "log"), "utf8");
    expect(log.trim().split("\n")).toEqual(["begin", "end", "begin", "end"]);
  });

  test("keeps a compiler's cache of its own until it is done, over an interruption", async () => {
    const fake = await folders.create();
    // Fails the first time, and says the second time what it found of the first.
    await writeFile(
      join(fake, "go"),
      `#!/bin/sh
if [ "$1" = env ]; then echo go1.99.0; exit; fi
if [ "$1" = list ]; then exit; fi
while [ "$1" != -o ]; do shift; done
mkdir -p "$GOCACHE"
if [ ! -e "$GOCACHE/half" ]; then echo "$GOCACHE" > "$GOCACHE/half"; exit 1; fi
cp "$GOCACHE/half" "$2"
`,
      { mode: 0o755 },
    );
    const tool = toTool("big", (context) =>
      buildGo(context, { module: "go/coredns", output: "big", hasOwnCache: true }),
    );
    const path = `${fake}:/usr/bin:/bin`;
    await expect(build("big", [tool], { path })).rejects.toMatchObject({ code: "build" });
    const built = await build("big", [tool], { path });
    expect(await readFile(built.path, "utf8")).toBe(`${cacheDir}/go/build-coredns\n`);
    expect(await readdir(join(cacheDir, "go"))).toEqual([]);
  });

  test.each([
    ["1.25.11", "1.25.11", true],
    ["1.26.8", "1.25.11", true],
    ["1.25.9", "1.25.11", false],
    ["1.25", "1.25.0", true],
    ["2", "1.25.11", true],
    ["1.9.9", "1.25", false],
  ])("with Go %s where %s is needed", (version, minimum, isEnough) => {
    expect(isAtLeast(version, minimum)).toBe(isEnough);
  });
});

describe("a full disk", () => {
  let small: string;
  beforeAll(async () => {
    small = join(await folders.create(), "small");
    await mkdir(small);
    await run("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", small]);
  });
  afterAll(() => run("umount", [small]));

  test("is noticed before anything begins", async () => {
    const recipe: Recipe = () => Promise.reject(new Error("must not run"));
    const cache = join(small, "before");
    await expect(build("big", [toTool("big", recipe, 50)], { cache })).rejects.toMatchObject({
      code: "disk",
      message: expect.stringMatching(
        /^disk: big needs 50 MB free in .*\/small\/before, got [23] MB; /,
      ),
    });
    expect(await listTools("big", cache)).toEqual([]);
  });

  test("in the middle is named, and what was written is removed", async () => {
    const recipe: Recipe = async ({ destination }) => {
      await writeFile(join(destination, "big"), Buffer.alloc(5_000_000));
    };
    const cache = join(small, "middle");
    await expect(build("big", [toTool("big", recipe)], { cache })).rejects.toMatchObject({
      code: "disk",
      message: expect.stringContaining("disk: big needs more space than there is in"),
    });
    expect(await listTools("big", cache)).toEqual([]);
  });

  test("that only a program notices is named all the same", async () => {
    const recipe: Recipe = async ({ destination, run: runProgram }) => {
      await runProgram("dd", ["if=/dev/zero", `of=${destination}/big`, "bs=1M", "count=5"]);
    };
    const cache = join(small, "program");
    await expect(build("big", [toTool("big", recipe)], { cache })).rejects.toMatchObject({
      code: "disk",
    });
  });
});

describe("a program on PATH", () => {
  async function putOnPath(version: string, companions: readonly string[] = []): Promise<string> {
    const bin = await folders.create();
    await writeFile(join(bin, "pulumi"), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
    for (const name of companions) {
      await writeFile(join(bin, name), "", { mode: 0o755 });
    }
    return bin;
  }

  test("of the right version is used", async () => {
    const bin = await putOnPath("3.276.0", ["pulumi-language-nodejs"]);
    expect(await build("pulumi", catalogue, { path: `${bin}:/usr/bin:/bin` })).toEqual({
      name: "pulumi",
      path: join(bin, "pulumi"),
      directory: bin,
      version: "3.276.0",
      source: "path",
    });
  });

  test.each(["3.27.0", "3.276.1", "13.276.0", "3.276.0-alpha.1"])(
    "of version %s is not",
    async (version) => {
      const bin = await putOnPath(version, ["pulumi-language-nodejs"]);
      await expect(build("pulumi", catalogue, { path: `${bin}:/nowhere` })).rejects.toMatchObject({
        code: "go",
      });
    },
  );

  test("without what belongs to it is not used", async () => {
    const bin = await putOnPath("3.276.0");
    await expect(build("pulumi", catalogue, { path: bin })).rejects.toMatchObject({ code: "go" });
  });
});

describe("a stand-in's launcher", () => {
  test("runs the plugin with this Node, wherever both are", () => {
    expect(toLauncher("command").split("\n")[1]).toMatch(
      /^exec '.*' --disable-warning=ExperimentalWarning '.*\/standins\/pulumi-command\/main\.ts' "\$@"$/,
    );
  });
});
