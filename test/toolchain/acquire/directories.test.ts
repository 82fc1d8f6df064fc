/** Where things are kept. */
import { describe, expect, test } from "@jest/globals";
import { cacheLayout, plonkCache, plonkHome, pulumiHome } from "../../../toolchain/directories.ts";

describe("the directories", () => {
  test("are below the home directory", () => {
    const env = { HOME: "/home/me" };
    expect(plonkCache(env)).toBe("/home/me/.cache/plonk");
    expect(plonkHome(env)).toBe("/home/me/.local/share/plonk");
    expect(pulumiHome(env)).toBe("/home/me/.local/share/plonk/pulumi");
  });

  test("can be set", () => {
    const env = { HOME: "/home/me", PLONK_CACHE: "/big/../disk/", PLONK_HOME: "/data" };
    expect(plonkCache(env)).toBe("/disk");
    expect(plonkHome(env)).toBe("/data");
    expect(pulumiHome(env)).toBe("/data/pulumi");
    expect(pulumiHome({ ...env, PULUMI_HOME: "/theirs" })).toBe("/theirs");
  });

  test.each(["relative/path", "~/cache", "/a:b", "/a\nb"])("cannot be set to %j", (value) => {
    expect(() => plonkCache({ PLONK_CACHE: value })).toThrow(
      `PLONK_CACHE: expected an absolute path without colons, got "${value}"`,
    );
    expect(() => plonkHome({ PLONK_HOME: value })).toThrow("PLONK_HOME: expected an absolute path");
  });

  test("count an empty variable as unset", () => {
    expect(plonkCache({ HOME: "/h", PLONK_CACHE: "" })).toBe("/h/.cache/plonk");
  });

  test("of the cache are apart from each other", () => {
    const { root, ...rest } = cacheLayout("/c");
    expect(root).toBe("/c");
    expect(new Set(Object.values(rest)).size).toBe(Object.keys(rest).length);
  });
});
