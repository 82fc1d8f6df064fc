/** The cache: damage, two processes at once, and processes that die in the middle. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { acquire, type AcquiredTool } from "../../../toolchain/acquire.ts";
import { acquireTool } from "../../../toolchain/acquire/acquire-tool.ts";
import { createSession } from "../../../toolchain/acquire/session.ts";
import type { Tool } from "../../../toolchain/tool.ts";
import { until } from "../../support/until.ts";
import { Folders, recordProgress } from "./support/fixtures.ts";
import { type Handler, Mirror, serveFile, toEtag } from "./support/mirror.ts";
import { publish } from "./support/vendors.ts";

const CHILD = fileURLToPath(new URL("support/child.ts", import.meta.url));

const folders = new Folders();
const children: ChildProcess[] = [];
let mirror: Mirror;
let cacheDir: string;
let progress: ReturnType<typeof recordProgress>;

beforeEach(async () => {
  mirror = await Mirror.start();
  cacheDir = await folders.create();
  progress = recordProgress();
});
afterEach(() => mirror.stop());
afterAll(async () => {
  children.forEach((child) => child.kill("SIGKILL"));
  await folders.remove();
});

function environment(): Record<string, string> {
  const home = join(cacheDir, "pulumi-home");
  return { PLONK_MIRROR: mirror.url, PLONK_CACHE: cacheDir, PULUMI_HOME: home, PATH: "" };
}

function acquireHere(name: string): Promise<AcquiredTool> {
  return acquire(name, { env: environment(), progress, architecture: "amd64" });
}

function start(name: string): ChildProcess {
  const args = ["--disable-warning=ExperimentalWarning", CHILD, name];
  const child = spawn(process.execPath, args, { env: environment(), stdio: "pipe" });
  children.push(child);
  return child;
}

async function finish(child: ChildProcess): Promise<unknown> {
  return JSON.parse(child.stdout === null ? "null" : await text(child.stdout)) as unknown;
}

/** Serves a file only after a while, so that there is a middle to be in. */
function slowly(content: Buffer, milliseconds: number): Handler {
  return (request, response) => {
    setTimeout(() => serveFile(content)(request, response), milliseconds);
  };
}

describe("a cached tool", () => {
  test.each([
    ["grown", (path: string) => appendFile(path, "x"), "has changed"],
    ["cut short", (path: string) => truncate(path, 3), "has changed"],
    ["removed", (path: string) => rm(path), "is missing"],
  ])("with a file that was %s is named, removed and acquired again", async (_, damage, fault) => {
    await publish(mirror, "coredns");
    const { path } = await acquireHere("coredns");
    const content = await readFile(path);
    await damage(path);
    expect(await acquireHere("coredns")).toMatchObject({ source: "mirror" });
    expect(await readFile(path)).toEqual(content);
    const directory = join(cacheDir, "tools/coredns/1.14.0-linux-amd64");
    expect(progress.notes).toEqual([
      `coredns: removed ${directory} from the cache, bin/coredns ${fault}`,
    ]);
  });

  test("that has the same size and time but another content is noticed", async () => {
    await publish(mirror, "coredns");
    const { path } = await acquireHere("coredns");
    const content = await readFile(path);
    await writeFile(path, Buffer.alloc(content.length, "!"));
    expect(await acquireHere("coredns")).toMatchObject({ source: "mirror" });
    expect(await readFile(path)).toEqual(content);
  });

  test("without its manifest is not trusted", async () => {
    await publish(mirror, "coredns");
    const { directory } = await acquireHere("coredns");
    await rm(join(directory, "plonk-tool.json"));
    expect(await acquireHere("coredns")).toMatchObject({ source: "mirror" });
    expect(progress.notes).toEqual([
      `coredns: removed ${directory} from the cache, its manifest is missing`,
    ]);
  });

  test("is found without asking anybody", async () => {
    await publish(mirror, "coredns");
    await acquireHere("coredns");
    const asked = mirror.seen.length;
    expect(await acquireHere("coredns")).toMatchObject({ source: "cache" });
    expect(mirror.seen).toHaveLength(asked);
  });

  test("that was built is built again when its recipe has changed", async () => {
    let key = "one";
    const built: Tool = {
      name: "built",
      executable: "built",
      source: {
        version: "1",
        inputs: [],
        key: () => key,
        megabytes: 1,
        recipe: ({ destination }) => writeFile(join(destination, "built"), key, { mode: 0o755 }),
      },
    };
    const session = createSession([built], { env: environment(), progress });
    expect(await acquireTool("built", session)).toMatchObject({ source: "source" });
    expect(await acquireTool("built", session)).toMatchObject({ source: "cache" });
    key = "two";
    const again = await acquireTool("built", session);
    expect(again.source).toBe("source");
    expect(await readFile(again.path, "utf8")).toBe("two");
  });
});

describe("a plugin in $PULUMI_HOME", () => {
  test("that somebody else has put there is used as it is", async () => {
    const { version } = await acquireHere("pulumi-resource-command");
    const folder = `pulumi-home/plugins/resource-command-v${version}`;
    await rm(join(cacheDir, folder), { recursive: true });
    await mkdir(join(cacheDir, folder), { recursive: true });
    const path = join(cacheDir, folder, "pulumi-resource-command");
    await writeFile(path, "the vendor's", { mode: 0o755 });
    expect(await acquireHere("pulumi-resource-command")).toMatchObject({ path, source: "path" });
  });

  test("that is damaged is repaired from the cache", async () => {
    const { path } = await acquireHere("pulumi-resource-command");
    const launcher = await readFile(path, "utf8");
    await writeFile(path, "#!/bin/sh\n");
    await acquireHere("pulumi-resource-command");
    expect(await readFile(path, "utf8")).toBe(launcher);
  });
});

describe("two checkouts", () => {
  test("that each make a launcher of their own each get it, whoever was last", async () => {
    const acquireFor = async (checkout: string, run: number): Promise<string> => {
      const plugin: Tool = {
        name: "launcher",
        executable: "launcher",
        plugin: "resource-launcher-v1",
        source: {
          version: "1",
          inputs: [],
          key: () => checkout,
          megabytes: 1,
          recipe: ({ destination }) =>
            writeFile(join(destination, "launcher"), checkout, { mode: 0o755 }),
        },
      };
      const env = { ...environment(), PULUMI_HOME: join(cacheDir, `home-${checkout}-${run % 3}`) };
      const { path } = await acquireTool(plugin.name, createSession([plugin], { env, progress }));
      return await readFile(path, "utf8");
    };
    const runs = Array.from({ length: 20 }, (_, run) => run);
    const acquireOften = async (checkout: string): Promise<string[]> => {
      const launchers = [];
      for (const run of runs) {
        launchers.push(await acquireFor(checkout, run));
      }
      return [...new Set(launchers)];
    };
    expect(await Promise.all(["one", "two"].map(acquireOften))).toEqual([["one"], ["two"]]);
  });
});

describe("two processes", () => {
  test("that want the same tool at once download it once", async () => {
    const [published] = await publish(mirror, "coredns");
    const { url = "" } = published?.file ?? {};
    mirror.serve(url, slowly(published?.content ?? Buffer.alloc(0), 700));
    const first = start("coredns");
    const second = start("coredns");
    const tools = (await Promise.all([finish(first), finish(second)])) as AcquiredTool[];
    expect(tools.map(({ source }) => source).sort()).toEqual(["cache", "mirror"]);
    expect(mirror.count(url)).toBe(1);
  });

  test("tell who it is that they wait for", async () => {
    const [published] = await publish(mirror, "coredns");
    const first = start("coredns");
    const line = `coredns: waiting for process ${first.pid}, which is acquiring it`;
    const isTold = until("the line", () => progress.lines.includes(line));
    mirror.serve(published?.file.url ?? "", (request, response) => {
      const serve = serveFile(published?.content ?? Buffer.alloc(0));
      void isTold.finally(() => serve(request, response));
    });
    const finished = finish(first);
    await until("the download", () => mirror.count(published?.file.url ?? "") === 1);
    expect(await acquireHere("coredns")).toMatchObject({ source: "cache" });
    await isTold;
    expect(await finished).toMatchObject({ source: "mirror" });
  });
});

describe("a process that is killed", () => {
  test("in the middle of a download leaves nothing that stops the next", async () => {
    const [published] = await publish(mirror, "coredns");
    const { url = "" } = published?.file ?? {};
    mirror.serve(url, () => undefined);
    const child = start("coredns");
    await until("the download", () => mirror.count(url) === 1);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    expect(await readdir(join(cacheDir, "locks"))).toContain("coredns-linux-amd64.lock");

    mirror.serve(url, published?.content ?? "");
    expect(await acquireHere("coredns")).toMatchObject({ source: "mirror" });
    expect(await readdir(join(cacheDir, "tools/coredns"))).toEqual(["1.14.0-linux-amd64"]);
    expect(await readdir(join(cacheDir, "locks"))).toEqual([]);
  });

  test("with half a download on disk lets the next one go on from there", async () => {
    const [published] = await publish(mirror, "coredns");
    const content = published?.content ?? Buffer.alloc(0);
    const { url = "" } = published?.file ?? {};
    const half = Math.floor(content.length / 2);
    mirror.serve(url, (_request, response) => {
      response.writeHead(200, { etag: toEtag(content), "content-length": content.length });
      response.write(content.subarray(0, half));
    });
    const child = start("coredns");
    await until("half of it", async () => (await downloadedBytes()) === half);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;

    mirror.serve(url, content);
    expect(await acquireHere("coredns")).toMatchObject({ source: "mirror" });
    expect(mirror.seen.at(-1)?.range).toBe(`bytes=${half}-`);
  });

  async function downloadedBytes(): Promise<number> {
    const folder = join(cacheDir, "downloads");
    const names = await readdir(folder).catch(() => []);
    const name = names.find((candidate) => candidate.endsWith(".tgz"));
    return name === undefined ? 0 : (await readFile(join(folder, name))).length;
  }
});
