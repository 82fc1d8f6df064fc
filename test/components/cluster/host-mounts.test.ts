/** A node's mounts are its own, whatever of it runs in the host's. Needs root, as a node does. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { FakeNode, OK } from "./node.ts";

const SUBNET = 211;
let node: FakeNode;

beforeEach(() => {
  node = new FakeNode(SUBNET);
});

afterEach(() => node.dispose());

describe("a program of k3s' that runs outside", () => {
  it("does not take the node's mounts away", () => {
    node.prepare();
    node.install();
    const program = join(node.directory, "data/bin/kubectl");
    mkdirSync(dirname(program), { recursive: true });
    copyFileSync("/bin/sleep", program);
    const outside = spawn(program, ["60"]);
    try {
      expect(node.start()).toEqual(OK);
      expect(node.read("mntns")).not.toBe(`${readlinkSync("/proc/self/ns/mnt")}\n`);
    } finally {
      outside.kill("SIGKILL");
    }
  });
});
