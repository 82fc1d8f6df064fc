/** The way that most people's tools take: a release, here from a mirror in the vendors' layout. */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { acquire } from "../../../toolchain/acquire.ts";
import { acquireTool } from "../../../toolchain/acquire/acquire-tool.ts";
import { type AcquireOptions, createSession } from "../../../toolchain/acquire/session.ts";
import { catalogue } from "../../../toolchain/catalogue.ts";
import type { AcquiredTool, Tool } from "../../../toolchain/tool.ts";
import { until } from "../../support/until.ts";
import { FakeClock } from "./support/clock.ts";
import {
  digest,
  Folders,
  makeArchive,
  PATIENT,
  recordProgress,
  untilStored,
} from "./support/fixtures.ts";
import { cutShort, Mirror, serveFile, servePieces } from "./support/mirror.ts";
import { findTool, publish } from "./support/vendors.ts";

const folders = new Folders();
let mirror: Mirror;
let cacheDir: string;
let progress: ReturnType<typeof recordProgress>;
let clock: FakeClock;
let network: NonNullable<AcquireOptions["network"]>;

beforeEach(async () => {
  clock = new FakeClock();
  network = { clock, timeouts: PATIENT };
  mirror = await Mirror.start();
  cacheDir = await folders.create();
  progress = recordProgress();
});
afterEach(() => mirror.stop());
afterAll(() => folders.remove());

/** The catalogue without recipes, so that what becomes of a release is seen. */
const releases = catalogue.map((tool): Tool => {
  const { source, ...rest } = tool;
  return source === undefined ? tool : rest;
});

function settings(url: string) {
  const env = { PLONK_MIRROR: url, PATH: "", PULUMI_HOME: join(cacheDir, "pulumi-home") };
  return { env, cacheDir, progress, network, architecture: "amd64" as const };
}

async function acquireFromMirror(name: string, url = mirror.url): Promise<AcquiredTool> {
  return await acquireTool(name, createSession(releases, settings(url)));
}

const untilSent = (bytes: number): Promise<void> => untilStored(cacheDir, bytes);

/** What a failed acquisition must not leave behind. */
async function expectNothingInstalled(name: string): Promise<void> {
  const left = await readdir(join(cacheDir, "tools", name)).catch(() => []);
  expect(left).toEqual([]);
}

const released = catalogue.filter((tool) => tool.release !== undefined).map(({ name }) => name);

describe("a release", () => {
  test.each(released)("of %s is downloaded, verified and unpacked", async (name) => {
    await publish(mirror, name);
    const tool = await acquireFromMirror(name);
    expect(tool).toMatchObject({
      name,
      source: "mirror",
      version: findTool(name).release?.version,
    });
    expect((await stat(tool.path)).mode & 0o777).toBe(0o755);
    const again = await acquireFromMirror(name);
    expect(again).toEqual({ ...tool, source: "cache" });
  });

  test("brings the programs that belong to it", async () => {
    await publish(mirror, "pulumi");
    const { directory } = await acquireFromMirror("pulumi");
    expect((await readdir(join(directory, "bin"))).sort()).toEqual([
      "pulumi",
      "pulumi-analyzer-policy",
      "pulumi-language-nodejs",
      "pulumi-resource-pulumi-nodejs",
    ]);
  });

  test("of k3s brings the archive with the cluster's images", async () => {
    await publish(mirror, "k3s");
    const { directory } = await acquireFromMirror("k3s");
    expect(await readdir(join(directory, "images"))).toEqual(["k3s-airgap-images-amd64.tar.zst"]);
  });

  test("of a plugin is put where Pulumi looks for it", async () => {
    await publish(mirror, "pulumi-resource-command");
    const { path } = await acquireFromMirror("pulumi-resource-command");
    expect(path).toBe(
      join(cacheDir, "pulumi-home/plugins/resource-command-v1.2.1/pulumi-resource-command"),
    );
  });

  test("leaves no download behind, and its digest in the lock", async () => {
    const [published] = await publish(mirror, "crane");
    await acquireFromMirror("crane");
    expect(await readdir(join(cacheDir, "downloads"))).toEqual([]);
    const lock = JSON.parse(await readFile(join(cacheDir, "lock.json"), "utf8")) as object;
    const url = published?.file.url ?? "";
    expect(lock).toEqual({ [url]: digest(published?.content ?? "") });
  });

  test("is refused when it is not what it was when it was first verified", async () => {
    const [published] = await publish(mirror, "coredns");
    await acquireFromMirror("coredns");
    const changed = await makeArchive([{ name: "coredns", content: "another" }]);
    mirror.serve(published?.file.url ?? "", changed);
    mirror.serve(published?.file.checksums ?? "", digest(changed));
    const entry = join(cacheDir, "tools/coredns/1.14.0-linux-amd64");
    await rm(entry, { recursive: true });
    await expect(acquireFromMirror("coredns")).rejects.toMatchObject({
      code: "checksum",
      message: expect.stringContaining("expected the content that was first verified"),
    });
    await expectNothingInstalled("coredns");
  });
});

describe("a redirect", () => {
  test("is followed, as GitHub sends downloads to another host", async () => {
    const [published] = await publish(mirror, "crane");
    mirror.serveAt("/storage/blob", published?.content ?? "");
    mirror.serve(published?.file.url ?? "", (_request, response) =>
      response.writeHead(302, { location: "/storage/blob?signature=1" }).end(),
    );
    mirror.serveAt("/storage/blob?signature=1", published?.content ?? "");
    expect(await acquireFromMirror("crane")).toMatchObject({ source: "mirror" });
  });

  test("that never ends is given up", async () => {
    const [published] = await publish(mirror, "k3s");
    mirror.serve(published?.file.url ?? "", (request, response) =>
      response.writeHead(302, { location: request.url }).end(),
    );
    await expect(acquireFromMirror("k3s")).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining("expected at most 5 redirects, got more"),
    });
    expect(mirror.count(published?.file.url ?? "")).toBe(6);
  });

  test("to anything but the web is refused", async () => {
    const [published] = await publish(mirror, "k3s");
    mirror.serve(published?.file.url ?? "", (_request, response) =>
      response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    );
    await expect(acquireFromMirror("k3s")).rejects.toThrow(
      "expected a redirect to https, got file:",
    );
  });
});

describe("a checksum", () => {
  test("that does not fit refuses the download and keeps nothing of it", async () => {
    const [published] = await publish(mirror, "crane");
    mirror.serve(
      published?.file.url ?? "",
      await makeArchive([{ name: "crane", content: "evil" }]),
    );
    await expect(acquireFromMirror("crane")).rejects.toMatchObject({
      code: "checksum",
      message: expect.stringContaining(digest(published?.content ?? "")),
    });
    await expectNothingInstalled("crane");
    expect(await readdir(join(cacheDir, "downloads"))).toEqual([]);
  });

  test("that the release does not state is not done without", async () => {
    const [published] = await publish(mirror, "crane");
    mirror.serve(published?.file.checksums ?? "", `${digest("x")}  something-else.tar.gz\n`);
    await expect(acquireFromMirror("crane")).rejects.toMatchObject({ code: "checksum" });
    expect(mirror.count(published?.file.url ?? "")).toBe(0);
  });

  test("by SHA-1 is not enough", async () => {
    const [published] = await publish(mirror, "crane");
    const name = "go-containerregistry_Linux_x86_64.tar.gz";
    const line = `${digest(published?.content ?? "", "sha1")}  ${name}\n`;
    mirror.serve(published?.file.checksums ?? "", line);
    await expect(acquireFromMirror("crane")).rejects.toThrow("expected a SHA-256 checksum");
  });
});

describe("an interrupted download", () => {
  test("goes on where it stopped", async () => {
    const [published] = await publish(mirror, "k3s");
    const content = Buffer.alloc(200_000, "k3s");
    const { url = "", checksums = "" } = published?.file ?? {};
    const text = await readChecksums(checksums);
    mirror.serve(checksums, text.replace(/^.*  k3s$/m, `${digest(content)}  k3s`));
    mirror.serve(url, cutShort(content, { bytes: 120_000, times: 1, untilSent }));
    const tool = await acquireFromMirror("k3s");
    expect(await readFile(tool.path)).toEqual(content);
    const ranges = mirror.seen
      .filter(({ path }) => path.endsWith("/k3s"))
      .map(({ range }) => range);
    expect(ranges).toEqual([undefined, "bytes=120000-"]);
    expect(clock.pauses).toEqual([1000]);
  });

  test("has the whole patience again after each piece that it got further by", async () => {
    const [published] = await publish(mirror, "k3s");
    const content = Buffer.alloc(200_000, "k3s");
    const { url = "", checksums = "" } = published?.file ?? {};
    const text = await readChecksums(checksums);
    mirror.serve(checksums, text.replace(/^.*  k3s$/m, `${digest(content)}  k3s`));
    mirror.serve(url, servePieces(content, { bytes: 10_000, untilSent }));
    const tool = await acquireFromMirror("k3s");
    expect(await readFile(tool.path)).toEqual(content);
    expect(clock.pauses).toEqual(Array.from({ length: 19 }, () => 1000));
  });

  test("that is truncated each time is given up, which is no refusal", async () => {
    const [published] = await publish(mirror, "k3s");
    const { url = "" } = published?.file ?? {};
    mirror.serve(url, (_request, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("only this");
      void untilSent("only this".length).finally(() => response.destroy());
    });
    await expect(acquireFromMirror("k3s")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("/k3s: could not be downloaded whole for 120 s ("),
    });
    expect(clock.pauses).toHaveLength(8);
    await expectNothingInstalled("k3s");
  });

  test("starts anew when the file has become another one", async () => {
    const [published] = await publish(mirror, "k3s");
    const content = Buffer.alloc(50_000, "new");
    const { url = "", checksums = "" } = published?.file ?? {};
    const text = await readChecksums(checksums);
    mirror.serve(checksums, text.replace(/^.*  k3s$/m, `${digest(content)}  k3s`));
    const before = cutShort(Buffer.alloc(50_000, "old"), { bytes: 20_000, untilSent });
    let isFirst = true;
    mirror.serve(url, (request, response) => {
      (isFirst ? before : serveFile(content))(request, response);
      isFirst = false;
    });
    expect(await readFile((await acquireFromMirror("k3s")).path)).toEqual(content);
  });

  test("that grows beyond all measure is ended", async () => {
    const [published] = await publish(mirror, "k3s");
    mirror.serve(published?.file.url ?? "", (_request, response) =>
      response.writeHead(200, { "content-length": 2e12 }).end(),
    );
    await expect(acquireFromMirror("k3s")).rejects.toThrow("expected at most 1500000000 bytes");
  });

  async function readChecksums(url: string): Promise<string> {
    const { host, pathname } = new URL(url);
    return await (await fetch(`${mirror.url}/${host}${pathname}`)).text();
  }
});

describe("a network that refuses", () => {
  test("is named where there is no other way", async () => {
    await expect(acquireFromMirror("k3s")).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(/sha256sum-amd64\.txt: HTTP 404$/),
    });
  });

  test("is noticed within seconds, and one tool alone asks a host", async () => {
    network = { clock, timeouts: { ...PATIENT, headers: 500 } };
    const hanging = await Mirror.start();
    for (const name of released) {
      const { checksums = "" } = findTool(name).release?.files("amd64")[0] ?? {};
      hanging.serve(checksums, () => undefined);
    }
    const results = await Promise.allSettled(
      released.map((name) => acquireFromMirror(name, hanging.url)),
    );
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    await until("the last request", () => hanging.seen.length >= 3);
    expect(hanging.seen).toHaveLength(3);
    expect(clock.pauses).toEqual([1000, 2000]);
    expect(progress.notes).toEqual([
      `${new URL(hanging.url).host}: cannot be downloaded from (no answer in time)`,
    ]);
    await hanging.stop();
  });

  test("is told apart from a stopped command", async () => {
    const stop = new AbortController();
    const { checksums = "" } = findTool("k3s").release?.files("amd64")[0] ?? {};
    mirror.serve(checksums, () => stop.abort(new Error("stopped")));
    const pending = acquire("k3s", { ...settings(mirror.url), signal: stop.signal });
    await expect(pending).rejects.toThrow("stopped");
    expect(progress.notes).toEqual([]);
  });

  test("is passed by with the source build", async () => {
    const tool = await acquire("pulumi-resource-command", settings("http://127.0.0.1:9"));
    expect(tool.source).toBe("source");
    expect(progress.notes).toEqual(["127.0.0.1:9: cannot be downloaded from (connection refused)"]);
    expect(progress.lines).toEqual(["pulumi-resource-command: building from source"]);
  });
});

describe("PLONK_MIRROR", () => {
  test("may have a path and a user, who is told to nobody else", async () => {
    const [published] = await publish(mirror, "coredns");
    for (const { url, content } of [
      { url: published?.file.url ?? "", content: published?.content ?? "" },
      { url: published?.file.checksums ?? "", content: digest(published?.content ?? "") },
    ]) {
      const { host, pathname } = new URL(url);
      mirror.serveAt(`/some/where/${host}${pathname}`, content);
    }
    const url = mirror.url.replace("http://", "http://user:p%40ss@");
    expect(await acquireFromMirror("coredns", `${url}/some/where/`)).toMatchObject({
      source: "mirror",
    });
    const expected = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    expect(new Set(mirror.seen.map(({ authorization }) => authorization))).toEqual(
      new Set([expected]),
    );
  });

  test("must be a URL", async () => {
    await expect(acquireFromMirror("coredns", "mirror.example")).rejects.toThrow(
      "PLONK_MIRROR: expected an http or https URL",
    );
  });
});
