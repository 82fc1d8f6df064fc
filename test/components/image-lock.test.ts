/** The image lock that takes the place of a platform's `images`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { readImageLock } from "../../components/platform/image-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-lock-"));
const file = join(folder, "images.lock.json");
const NAMES = [
  ...["gateway", "queueWorker", "operator", "runtime", "nats", "prometheus", "alertmanager"],
  "nodeExporter",
];
const DIGEST = `sha256:${"a".repeat(64)}`;
const LOCK = Object.fromEntries(
  NAMES.map((name) => [name, `registry.example.com:5000/plonk/${name}:1@${DIGEST}`]),
);

afterAll(() => rmSync(folder, { recursive: true }));

describe("readImageLock", () => {
  it("gives a reference for each image", () => {
    writeFileSync(file, JSON.stringify(LOCK));
    expect(readImageLock(file)).toEqual(LOCK);
  });

  it("says what to give where there is no lock", () => {
    expect(() => readImageLock(join(folder, "none.json"))).toThrow(
      /^images: expected a reference for each image, got none; only a released package has images\.lock\.json/,
    );
  });

  it.each([
    ["{", /^images: expected JSON in \S+, got /],
    ["null", /^images: expected \S+ hexadecimal digits> for gateway in \S+, got undefined$/],
    [JSON.stringify({ ...LOCK, nats: undefined }), / for nats in \S+, got undefined$/],
    [
      JSON.stringify({ ...LOCK, runtime: "registry.example.com/runtime:1" }),
      / for runtime in \S+, got "registry\.example\.com\/runtime:1"$/,
    ],
  ])("refuses %s", (text, message) => {
    writeFileSync(file, text);
    expect(() => readImageLock(file)).toThrow(message);
  });
});
