/** Two stacks of one person, side by side on a machine. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type FreshClone, requireSuccess } from "../../support/clone.ts";

function callHello(gateway: string): string {
  const args = ["--silent", "--fail", "-d", "you", `${gateway}/function/hello`];
  return execFileSync("curl", args, { encoding: "utf8" });
}

/** Beside the stack of the clone, which answers at `firstGateway`. */
export function describeSecondStack(clone: FreshClone, firstGateway: () => string): void {
  describe("a second stack on the machine", () => {
    it("has a network of its own, and takes nothing of the first along when it goes", async () => {
      const first = firstGateway();
      const greeting = callHello(first);
      const clusters = join(clone.home, "clusters");
      const before = readdirSync(clusters);
      const up = requireSuccess(await clone.run("up", "--", "--stack", "second"));
      const [, second = ""] = /^ {2}Gateway {3}(.+)$/m.exec(up.output) ?? [];
      expect(second).not.toBe(first);
      expect([first, second].map(callHello)).toEqual([greeting, greeting]);
      requireSuccess(await clone.run("down", "--", "--stack", "second"));
      expect(readdirSync(clusters)).toEqual(before);
      expect(callHello(first)).toBe(greeting);
    }, 300_000);
  });
}
