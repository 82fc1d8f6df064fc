/** An update from an earlier release makes nothing anew that is there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { Engine, Step } from "../support/pulumi.ts";
import { createProgramEngine, listRecorded, toPath } from "./recorded.ts";

const minute = 60_000;
// A machine with nothing on it: neither the cluster nor k3s and images.
const cache = mkdtempSync(join(tmpdir(), "plonk-empty-"));
let engine: Engine;

beforeAll(async () => {
  engine = await createProgramEngine({ PLONK_CACHE: cache, PLONK_OFFLINE: "1" });
}, 5 * minute);

afterAll(async () => {
  await engine.remove();
  rmSync(cache, { recursive: true });
});

/** What makes something anew, but for what has to be. */
function isReplacement({ op, type }: Step): boolean {
  // Named after its content: other code is another map, and the one of before stays.
  if (type === "kubernetes:core/v1:ConfigMapPatch") {
    return false;
  }
  return !["same", "create", "update", "read"].includes(op);
}

it.each(listRecorded())(
  "replaces and deletes nothing of what %s has made",
  async (version) => {
    const imported = await engine.pulumi(["stack", "import", "--file", toPath(version)]);
    expect(imported.code === 0 ? "" : imported.output).toBe("");
    const preview = await engine.preview();
    expect(preview.code === 0 ? "" : preview.output).toBe("");
    expect(preview.steps.length).toBeGreaterThan(60);
    expect(preview.steps.filter(isReplacement)).toEqual([]);
    // Artifacts that are not available locally are assumed to stay unchanged.
    expect(preview.output).toContain("not available locally: k3s, gateway, ");
  },
  5 * minute,
);
