/** Hosts that are busy, broken or closed: what is tried again, and what it comes to. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { acquireTool } from "../../../toolchain/acquire/acquire-tool.ts";
import { hasServed, recordDownload } from "../../../toolchain/acquire/digest-log.ts";
import { Network, type NetworkOptions } from "../../../toolchain/acquire/network.ts";
import { createSession } from "../../../toolchain/acquire/session.ts";
import type { AcquiredTool, Tool } from "../../../toolchain/tool.ts";
import { findFreePort } from "../../support/network.ts";
import { FakeClock } from "./support/clock.ts";
import { digest, Folders, PATIENT, recordProgress } from "./support/fixtures.ts";
import { type Handler, Mirror, serveFile } from "./support/mirror.ts";

const folders = new Folders();
const FILE = "https://vendor.example/tool";
const CONTENT = Buffer.from("the vendor's");
/** The pauses of two minutes, milliseconds. */
const ALL_PAUSES = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 29_000];

let mirror: Mirror;
let clock: FakeClock;
let cacheDir: string;
let progress: ReturnType<typeof recordProgress>;

beforeEach(async () => {
  mirror = await Mirror.start();
  clock = new FakeClock();
  cacheDir = await folders.create();
  progress = recordProgress();
  mirror.serve(`${FILE}.sha256`, digest(CONTENT));
});
afterEach(() => mirror.stop());
afterAll(() => folders.remove());

/** Can be downloaded and built, and says which of the two it was. */
const tool: Tool = {
  name: "tool",
  executable: "tool",
  release: {
    version: "1.0.0",
    megabytes: 1,
    files: () => [
      {
        url: FILE,
        checksums: `${FILE}.sha256`,
        format: "file",
        to: "tool",
        executable: true,
      },
    ],
  },
  source: {
    version: "1.0.0",
    inputs: [],
    megabytes: 1,
    recipe: async ({ destination, run }) => {
      await run("sh", ["-c", `echo built > ${join(destination, "tool")}`]);
    },
  },
};

async function acquire(env: Record<string, string> = {}): Promise<AcquiredTool> {
  const network = { clock, timeouts: PATIENT };
  const options = { cacheDir, progress, network, architecture: "amd64" as const };
  const all = { PLONK_MIRROR: mirror.url, PATH: process.env["PATH"], ...env };
  return await acquireTool("tool", createSession([tool], { ...options, env: all }));
}

/** Answers some times in one way, then with the file. */
function first(times: number, handler: Handler): Handler {
  let left = times;
  return (request, response) => {
    left -= 1;
    (left < 0 ? serveFile(CONTENT) : handler)(request, response);
  };
}

const answer =
  (status: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    response.writeHead(status, headers).end("no");

const reset: Handler = (request) => request.socket.resetAndDestroy();

describe("a vendor that is out of order", () => {
  test.each([408, 425, 429, 500, 502, 503, 504])(
    "with HTTP %i is asked again after pauses that grow",
    async (status) => {
      mirror.serve(FILE, first(3, answer(status)));
      expect(await acquire()).toMatchObject({ source: "mirror" });
      expect(clock.pauses).toEqual([1000, 2000, 4000]);
      expect(progress.notes).toEqual([]);
    },
  );

  test("by cut connections is asked again", async () => {
    mirror.serve(FILE, first(2, reset));
    expect(await acquire()).toMatchObject({ source: "mirror" });
    expect(clock.pauses).toEqual([1000, 2000]);
  });

  test("for two minutes is given up, and nothing is built in its place", async () => {
    mirror.serve(FILE, answer(503));
    const { host } = new URL(mirror.url);
    await expect(acquire()).rejects.toMatchObject({
      code: "unavailable",
      message:
        `${host}/vendor.example/tool: is out of order for 120 s (HTTP 503); ` +
        "run this again later, or with PLONK_OFFLINE=1 to build it from source",
    });
    expect(clock.pauses).toEqual(ALL_PAUSES);
    expect(progress.lines).not.toContain("tool: building from source");
  });

  test("says itself how long to wait", async () => {
    mirror.serve(FILE, first(1, answer(429, { "retry-after": "7" })));
    expect(await acquire()).toMatchObject({ source: "mirror" });
    expect(clock.pauses).toEqual([7000]);
  });

  test("is given up at once when that is too long", async () => {
    mirror.serve(FILE, answer(429, { "retry-after": "3600" }));
    await expect(acquire()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("(HTTP 429); Retry-After: 3600 s"),
    });
    expect(clock.pauses).toEqual([]);
  });

  test("after it has answered is not refused", async () => {
    mirror.serve(FILE, reset);
    mirror.serve(`${FILE}.sha256`, (_request, response) => {
      response.end(digest(CONTENT), () => void mirror.stop());
    });
    await expect(acquire()).rejects.toMatchObject({ code: "unavailable" });
    expect(progress.notes).toEqual([]);
  });
});

describe("a connection that fails once", () => {
  test("condemns no host", async () => {
    const port = await findFreePort();
    const late = createServer(serveFile(Buffer.from(digest(CONTENT))));
    clock.events.push(async () => {
      late.listen(port, "127.0.0.1");
      await once(late, "listening");
    });
    const network = new Network({ clock });
    const { statusCode, body } = await network.open({ url: `http://127.0.0.1:${port}/` });
    expect([statusCode, await body.text()]).toEqual([200, digest(CONTENT)]);
    expect(clock.pauses).toEqual([1000]);
    late.close();
  });

  test("does not end a pause that the person ends", async () => {
    const stop = new AbortController();
    mirror.serve(FILE, reset);
    clock.events.push(() => stop.abort(new Error("stopped")));
    const url = `${mirror.url}/vendor.example/tool`;
    const opening = new Network({ clock }).open({ url, signal: stop.signal });
    await expect(opening).rejects.toThrow("stopped");
    expect(clock.pauses).toEqual([1000]);
  });
});

describe("a network that refuses", () => {
  let server: Server;
  let statuses: number[];
  let url: string;

  beforeEach(async () => {
    statuses = [];
    server = createServer((_request, response) =>
      response.writeHead(statuses.shift() ?? 200).end("file"),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function open(options: NetworkOptions = {}) {
    const notes: string[] = [];
    const network = new Network({ clock, onRefusal: (line) => notes.push(line), ...options });
    return { notes, opening: network.open({ url }) };
  }

  test("all the time for some seconds is said in one line", async () => {
    statuses = [403, 403, 403];
    const { host } = new URL(url);
    const { opening, notes } = open();
    const message = `${host}: cannot be downloaded from (HTTP 403)`;
    await expect(opening).rejects.toMatchObject({ code: "refused", message });
    expect(clock.pauses).toEqual([1000, 2000]);
    expect(notes).toEqual([message]);
  });

  test("and lets through a moment later was none", async () => {
    statuses = [403, 407];
    const { opening, notes } = open();
    expect((await opening).statusCode).toBe(200);
    expect(notes).toEqual([]);
  });

  test("where it let downloads through before is out of order", async () => {
    url = `http://127.0.0.1:${await findFreePort()}/file`;
    const hosts: string[] = [];
    const { opening, notes } = open({
      hasServed: (host) => Promise.resolve(hosts.push(host) > 0),
    });
    await expect(opening).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("is out of order for 120 s (connection refused)"),
    });
    expect(new Set(hosts)).toEqual(new Set([new URL(url).host]));
    expect(clock.pauses).toEqual(ALL_PAUSES);
    expect(notes).toEqual([]);
  });

  test("is known by the lock of downloads", async () => {
    expect(await hasServed(cacheDir, "vendor.example")).toBe(false);
    await recordDownload(cacheDir, FILE, digest(CONTENT));
    expect(await hasServed(cacheDir, "vendor.example")).toBe(true);
    expect(await hasServed(cacheDir, "example")).toBe(false);
  });

  test("by a proxy that does not connect is one, whatever the proxy's word for it", async () => {
    server.on("connect", (_request, socket) => {
      socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    });
    const before = process.env["HTTPS_PROXY"];
    process.env["HTTPS_PROXY"] = new URL(url).origin;
    const network = new Network({ clock });
    if (before === undefined) {
      delete process.env["HTTPS_PROXY"];
    } else {
      process.env["HTTPS_PROXY"] = before;
    }
    await expect(network.open({ url: FILE })).rejects.toMatchObject({
      code: "refused",
      message: "vendor.example: cannot be downloaded from (HTTP 503 from the proxy)",
    });
    expect(clock.pauses).toEqual([1000, 2000]);
  });

  test("by cutting each connection is one after two minutes", async () => {
    mirror.serve(FILE, reset);
    mirror.serve(`${FILE}.sha256`, reset);
    expect(await acquire()).toMatchObject({ source: "source" });
    expect(clock.pauses).toEqual(ALL_PAUSES);
    const { host } = new URL(mirror.url);
    expect(progress.notes).toEqual([`${host}: cannot be downloaded from (connection reset)`]);
  });
});

describe("PLONK_OFFLINE", () => {
  test("of 1 builds from source and asks nobody", async () => {
    mirror.serve(FILE, CONTENT);
    expect(await acquire({ PLONK_OFFLINE: "1" })).toMatchObject({ source: "source" });
    expect(mirror.seen).toEqual([]);
    expect(progress.lines).toEqual(["tool: building from source"]);
  });

  test("of 0 never builds in place of a download", async () => {
    await expect(acquire({ PLONK_OFFLINE: "0" })).rejects.toMatchObject({
      code: "refused",
      message: expect.stringMatching(/vendor\.example\/tool: HTTP 404$/),
    });
    mirror.serve(FILE, CONTENT);
    expect(await acquire({ PLONK_OFFLINE: "0" })).toMatchObject({ source: "mirror" });
  });

  test("that is not set builds what its vendor does not have", async () => {
    expect(await acquire({ PLONK_OFFLINE: "" })).toMatchObject({ source: "source" });
    expect(clock.pauses).toEqual([]);
  });

  test("of anything else is refused", async () => {
    await expect(acquire({ PLONK_OFFLINE: "yes" })).rejects.toMatchObject({
      code: "argument",
      message: 'PLONK_OFFLINE: expected 0 or 1, got "yes"',
    });
  });
});
