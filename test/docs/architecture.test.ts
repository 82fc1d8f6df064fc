/** What the documentation promises of itself. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../..");

async function readLines(path: string): Promise<string[]> {
  return (await readFile(join(root, path), "utf8")).split("\n");
}

describe("the walk of one call", () => {
  test("goes through eight files in order, and all that it names are there", async () => {
    const steps = (await readLines("docs/architecture.md")).filter((line) => /^\d\. /.test(line));
    expect(steps.map((step) => step.slice(0, 1)).join("")).toBe("12345678");
    const named = steps.flatMap((step) => step.match(/(?<=`)[-\w/]+\.ts(?=`)/g) ?? []);
    const missing = named.filter((path) => !existsSync(join(root, "services/gateway", path)));
    expect([named.length >= steps.length, missing]).toEqual([true, []]);
  });
});

test("the glossary has at most 40 words, each once and in the order of the alphabet", async () => {
  const lines = await readLines("CONTRIBUTING.md");
  const [begin, end] = ["## Words", "## Components"].map((title) => lines.indexOf(title));
  const words = lines
    .slice(begin, end)
    .flatMap((line) => /^\| ([^|]+) \|/.exec(line)?.[1] ?? [])
    .slice(2);
  expect(words.length).toBeLessThanOrEqual(40);
  const sorted = [...new Set(words)].sort((one, other) => one.localeCompare(other, "en"));
  expect(words.map((word) => word.toLowerCase())).toEqual(sorted.map((word) => word.toLowerCase()));
});

test("what the gateway refuses takes no more lines than the architecture", async () => {
  const [robustness, architecture] = await Promise.all(
    ["docs/robustness.md", "docs/architecture.md"].map(readLines),
  );
  expect(robustness?.length).toBeLessThanOrEqual(architecture?.length ?? 0);
});
