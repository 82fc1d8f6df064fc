/** All seeds: by CVE class, by the gateway's entries, and those that a campaign has found. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminSeeds, entrySeeds } from "./entries.ts";
import { framing } from "./framing.ts";
import { heads } from "./heads.ts";
import { hops } from "./hops.ts";
import type { Seed } from "./request.ts";
import { targetSeeds } from "./targets.ts";

export type { Seed } from "./request.ts";

/** Cases that failed once, base64; a campaign run with `--store` adds to them. */
export const FOUND = join(import.meta.dirname, "found.json");

function readFound(): Seed[] {
  const entries = JSON.parse(readFileSync(FOUND, "utf8")) as { name: string; base64: string }[];
  return entries.map(({ name, base64 }) => ({
    name: `found: ${name}`,
    raw: Buffer.from(base64, "base64").toString("latin1"),
  }));
}

export const corpus: readonly Seed[] = [
  ...framing,
  ...heads,
  ...targetSeeds,
  ...hops,
  ...readFound(),
];

/** Those of the gateway's own entries, too, of which other proxies know nothing. */
export const allSeeds: readonly Seed[] = [...corpus, ...entrySeeds, ...adminSeeds];

export { adminSeeds, entrySeeds };
