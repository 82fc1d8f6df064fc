/**
 * The package of a release: `npm install` in an empty folder, ten lines of program, and the
 * platform is on a cluster that is there. Its images are those of the lock that the package has.
 */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type FreshClone, requireSuccess } from "../../support/clone.ts";
import type { ForeignNode } from "../../support/foreign-node.ts";
import { installPackage, packTree } from "../../support/package-tree.ts";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";

export interface ReleasedStack {
  clone: FreshClone;
  node: () => ForeignNode;
  /** The registry's name. */
  registry: () => string;
  /** References of images that are in the registry, of the vendors' images too. */
  released: readonly string[];
  /** The answer of the function `echo`. */
  call: (body: string) => Promise<string>;
  /** Sees that nothing of the program is on the cluster. */
  expectGone: () => Promise<void>;
}

const minute = 60_000;

/** Vendors' images in the lock, by the names of their repositories. */
const VENDORS = {
  nats: "nats",
  prometheus: "prometheus",
  alertmanager: "alertmanager",
  nodeExporter: "node-exporter",
};

/** The program of the README, and the context of a kubeconfig that has no other one. */
const PROGRAM = `
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { ExistingCluster, Function, Platform } from "plonk";
const kubeconfig = readFileSync("kubeconfig", "utf8");
const cluster = new ExistingCluster("cluster", { kubeconfig });
const adminPassword = new pulumi.Config().requireSecret("adminPassword");
const platform = new Platform("plonk", { cluster, adminPassword });
new Function("echo", { platform, code: "./echo.js" });
export const { gatewayUrl } = platform;
`;

/** Declares the tests; they want an empty cluster, and leave one. */
export function describePackage(stack: ReleasedStack): void {
  describe("a program with the package of a release", () => {
    let engine: Engine;

    beforeAll(async () => {
      const { clone } = stack;
      const target = `${stack.registry()}/released`;
      requireSuccess(await clone.run("release-images", "--", target));
      pullVendorsFromRegistry(clone, stack.released);
      engine = await createEngine({ plugins: ["kubernetes", "command"] });
      unlinkSync(join(engine.directory, "node_modules"));
      const archive = await packTree(clone.folder, dirname(engine.directory));
      await installPackage(archive, engine.directory);
      const echo = "export default (event) => `echo ${event.body}`;";
      writeFileSync(join(engine.directory, "echo.js"), echo);
      const kubeconfig = readFileSync(join(stack.node().directory, "kubeconfig"));
      writeFileSync(join(engine.directory, "kubeconfig"), kubeconfig);
      await engine.program(PROGRAM);
      await engine.pulumi(["config", "set", "--secret", "adminPassword", "admin-password"]);
    }, 10 * minute);

    afterAll(() => engine.remove());

    it(
      "is previewed, and comes up with the images of its lock",
      async () => {
        expect(problem(await engine.preview())).toBe("");
        expect(problem(await engine.up())).toBe("");
        expect(await stack.call("world")).toBe("200 echo world");
        const path = "jsonpath={.items[*].spec.containers[*].image}";
        const running = stack.node().kubectl(["-n", "openfaas", "get", "pods", "-o", path]);
        const lock = Object.values(readLock(stack.clone));
        expect(running.split(" ").filter((image) => !lock.includes(image))).toEqual([]);
      },
      8 * minute,
    );

    it(
      "changes nothing the second time, and goes",
      async () => {
        const args = ["--expect-no-changes"];
        expect(problem(await engine.preview({ args }))).toBe("");
        expect(problem(await engine.destroy())).toBe("");
        await stack.expectGone();
      },
      5 * minute,
    );
  });
}

/** What a run printed, unless it went well. */
function problem({ code, output }: RunResult): string {
  return code === 0 ? "" : output.slice(-4000);
}

function lockOf({ folder }: FreshClone): string {
  return join(folder, "images.lock.json");
}

function readLock(clone: FreshClone): Record<string, string> {
  return JSON.parse(readFileSync(lockOf(clone), "utf8")) as Record<string, string>;
}

/** The vendors' own registries cannot be reached from here. */
function pullVendorsFromRegistry(clone: FreshClone, released: readonly string[]): void {
  const lock = readLock(clone);
  for (const [name, repository] of Object.entries(VENDORS)) {
    const reference = released.find((each) => each.includes(`/${repository}:`));
    expect(reference).toBeDefined();
    lock[name] = reference ?? "";
  }
  writeFileSync(lockOf(clone), JSON.stringify(lock));
}
