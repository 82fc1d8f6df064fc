/** Which of a file's variants a browser gets: compressed or plain, anew or not at all. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SystemWorld } from "../../../support/system-app.ts";

const LARGE = `/* ${"x".repeat(1024)} */`;
const folder = mkdtempSync(join(tmpdir(), "plonk-variants-"));
let world: SystemWorld;

beforeAll(async () => {
  mkdirSync(join(folder, "ui", "assets"), { recursive: true });
  writeFileSync(join(folder, "ui", "index.html"), "<!doctype html>");
  writeFileSync(join(folder, "ui", "large.css"), LARGE);
  writeFileSync(join(folder, "ui", "just.css"), "x".repeat(1024));
  writeFileSync(join(folder, "ui", "small.css"), "x".repeat(1023));
  writeFileSync(join(folder, "ui", "large.png"), LARGE);
  writeFileSync(join(folder, "ui", "assets", "index-A_b-C3d4.js"), LARGE);
  writeFileSync(join(folder, "ui", "assets", "index-A_b-C3d.js"), LARGE);
  writeFileSync(join(folder, "ui", "index-A_b-C3d4.js"), LARGE);
  world = await SystemWorld.create({ assetsDirectory: folder });
});

afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const get = (file: string, headers: Record<string, string> = {}) =>
  world.ask(`GET /ui/${file}`, "reader", { headers });

describe("a file is compressed", () => {
  test.each([
    ["gzip", true],
    ["GZIP", true],
    ["br, gzip", true],
    ["br,gzip", true],
    ["gzip;q=0.1", true],
    ["gzip; q=0.001", true],
    ["deflate;q=1, gzip;q=0.5, *;q=0", true],
    ["", false],
    ["br", false],
    ["x-gzip", false],
    ["gzip;q=0", false],
    ["gzip; q=0", false],
    ["gzip ;q=0.0", false],
    ["gzip;q=0.000, br", false],
    ["identity", false],
  ])("for who accepts %j: %p", async (accepted, isCompressed) => {
    const { headers, rawPayload } = await get("large.css", { "accept-encoding": accepted });
    expect(headers["content-encoding"]).toBe(isCompressed ? "gzip" : undefined);
    const body = isCompressed ? gunzipSync(rawPayload) : rawPayload;
    expect(body.toString()).toBe(LARGE);
    expect(headers.vary).toContain("accept-encoding");
  });

  test.each([
    ["just.css", "gzip"],
    ["small.css", undefined],
    ["large.png", undefined],
  ])("where that is worth it: %s %s", async (file, encoding) => {
    const { headers } = await get(file, { "accept-encoding": "gzip" });
    expect(headers["content-encoding"]).toBe(encoding);
  });
});

describe("a file that its reader has", () => {
  const tagOf = async (encoding: string): Promise<string> =>
    String((await get("large.css", { "accept-encoding": encoding })).headers.etag);

  test("is told by its tag, which is another one for each variant", async () => {
    const [plain, compressed] = [await tagOf(""), await tagOf("gzip")];
    expect(plain).toMatch(/^"[\w-]{22}"$/);
    expect(compressed).toBe(plain.replace(/"$/, '-gzip"'));
  });

  test.each([
    ["the tag alone", (tag: string) => tag, 304],
    ["a weak one, as proxies make it", (tag: string) => `W/${tag}`, 304],
    ["several", (tag: string) => `"other", ${tag}`, 304],
    ["another", () => '"other"', 200],
    ["the other variant's", (tag: string) => tag.replace(/"$/, '-gzip"'), 200],
    ["none", () => "", 200],
  ])("is not sent again, by %s", async (_what, toHeader, status) => {
    const match = toHeader(await tagOf(""));
    const answer = await get("large.css", { "if-none-match": match });
    expect([answer.statusCode, answer.body]).toEqual([status, status === 304 ? "" : LARGE]);
    // What a cache has to know of a file also when it is not sent (RFC 9110 §15.4.5).
    expect(answer.headers).toMatchObject({ "cache-control": "no-cache", etag: await tagOf("") });
  });
});

describe("a file is kept for good", () => {
  test.each([
    ["assets/index-A_b-C3d4.js", "private, max-age=31536000, immutable"],
    ["assets/index-A_b-C3d.js", "no-cache"],
    ["index-A_b-C3d4.js", "no-cache"],
    ["", "no-cache"],
  ])("only where its name changes with it: %j %s", async (file, cacheControl) => {
    expect((await get(file)).headers["cache-control"]).toBe(cacheControl);
  });
});

test("a folder that is filled later is read then, and says until then what it expected", async () => {
  const late = mkdtempSync(join(tmpdir(), "plonk-late-"));
  const other = await SystemWorld.create({ assetsDirectory: late });
  const before = await other.ask("GET /ui/");
  expect([before.statusCode, before.json()]).toMatchObject([
    503,
    { code: "PLONK_ASSETS_MISSING", message: expect.stringContaining(join(late, "ui")) as unknown },
  ]);
  expect((await other.ask("GET /openapi.json")).statusCode).toBe(503);
  mkdirSync(join(late, "ui"));
  writeFileSync(join(late, "ui", "index.html"), "there");
  expect((await other.ask("GET /ui/")).body).toBe("there");
  await other.close();
  rmSync(late, { recursive: true });
});
