/** Where a copy's files go on a real OpenSSH server, and what it refuses. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { PropertyMap } from "../../../standins/provider-protocol/values.ts";
import { toConnection } from "../../../standins/pulumi-command/connection.ts";
import { copyToRemote } from "../../../standins/pulumi-command/ssh/copy.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { type KeyPair, type SshServer, startSshServer } from "./support/sshd.ts";
import { unpackOpenSsh, Workshop } from "./support/sshd.ts";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const onEnd = collectCleanups(afterAll);
let server: SshServer;
let key: KeyPair;
/** Folder of the files that are copied. */
let local: string;
let home: string;

/** The first test of a machine unpacks OpenSSH. */
beforeAll(async () => {
  const ssh = await unpackOpenSsh();
  const workshop = new Workshop(ssh);
  onEnd(() => workshop.remove());
  const hostKey = workshop.makeKey("host");
  key = workshop.makeKey("key");
  server = await startSshServer({ ssh, workshop, hostKey, authorized: [key.public] });
  onEnd(() => server.close());
  home = server.home["root"] ?? "";
  local = join(workshop.folder, "local");
  mkdirSync(join(local, "folder/inner"), { recursive: true });
  writeFileSync(join(local, "file"), "new");
  writeFileSync(join(local, "empty"), "");
  writeFileSync(join(local, "large"), "x".repeat(3_000_000));
  writeFileSync(join(local, "folder/inner/leaf"), "leaf");
  symlinkSync("inner/leaf", join(local, "folder/link"));
});

const asset = (content: PropertyMap): PropertyMap => ({
  [SIGNATURE]: "c44067f5952c0a294b673a41bacd8c17",
  ...content,
});
const archive = (content: PropertyMap): PropertyMap => ({
  ...content,
  [SIGNATURE]: "0def7320c3a5731c473e5ecbe6d01bc7",
});

async function copy(source: PropertyMap, remotePath: string): Promise<void> {
  const connection = { host: "127.0.0.1", port: server.port, privateKey: key.private };
  await copyToRemote({
    connection: toConnection({
      connection: { ...connection, dialErrorLimit: 0, perDialTimeout: 60 },
    }),
    source,
    remotePath,
    signal: new AbortController().signal,
    onLine: () => undefined,
  });
}

const fileOf = (name: string): PropertyMap => asset({ path: join(local, name) });

it("puts a file where it is told, over the file that is there, or into the folder", async () => {
  mkdirSync(join(home, "there"));
  writeFileSync(join(home, "old"), "old and longer");
  await copy(fileOf("file"), "a/b/c");
  await copy(fileOf("file"), "old");
  await copy(fileOf("file"), "there");
  await copy(fileOf("empty"), join(home, "absolute/empty"));
  await copy(fileOf("large"), "large");
  await copy(asset({ text: "tëxt" }), "text");
  const paths = ["a/b/c", "old", "there/file", "absolute/empty", "text"];
  expect(paths.map((path) => readFileSync(join(home, path), "utf8"))).toEqual([
    "new",
    "new",
    "new",
    "",
    "tëxt",
  ]);
  expect(readFileSync(join(home, "large"), "utf8")).toBe("x".repeat(3_000_000));
});

it("puts a folder into the folder, or its content when its path ends with a slash", async () => {
  await copy(archive({ path: join(local, "folder") }), "whole");
  await copy(archive({ path: `${local}/folder/` }), "content");
  await copy(archive({ assets: { sub: archive({ path: join(local, "folder") }) } }), "parts");
  const paths = ["whole/folder/inner/leaf", "whole/folder/link", "content/inner/leaf"];
  for (const path of [...paths, "content/link", "parts/sub/inner/leaf"]) {
    expect(readFileSync(join(home, path), "utf8")).toBe("leaf");
  }
});

const folderOf = (name: string): PropertyMap => archive({ path: join(local, name) });

it.each<[string, string, () => PropertyMap]>([
  ["blocked: expected a folder, got a file", "blocked", () => folderOf("folder")],
  [
    "remotePath: expected a file for a text, got the folder taken",
    "taken",
    () => asset({ text: "a" }),
  ],
  ["ENOENT: no such file or directory", "x", () => fileOf("none")],
  ["cannot make the folder /proc/no: No such file", "/proc/no/x", () => fileOf("file")],
  [
    "source: expected files and folders, got the packed",
    "y",
    () => archive({ assets: { a: folderOf("file") } }),
  ],
])("says %j when it cannot copy to %s", async (message, path, toSource) => {
  mkdirSync(join(home, "taken"), { recursive: true });
  writeFileSync(join(home, "blocked"), "");
  await expect(copy(toSource(), path)).rejects.toThrow(message);
  expect(existsSync(join(home, "x"))).toBe(false);
});
