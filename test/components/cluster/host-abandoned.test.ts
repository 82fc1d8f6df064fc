/** What a killed run has left on the machine is gone before the next one needs the place. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { findAbandoned, makeClusterFolder, removeAbandoned } from "../../support/cluster-folder.ts";
import { addNamespace, FakeNode, ip, OK } from "./node.ts";

describe("findAbandoned", () => {
  const at = (path: string): string =>
    `7: b7: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP \\    link/ether 9e:3a brd ff:ff\\    alias ${path}`;

  it("finds clusters of temporary folders whose run is over", () => {
    const lines = [
      "1: lo: <LOOPBACK> mtu 65536 qdisc noqueue \\    link/loopback 00:00 brd 00:00",
      at(join(tmpdir(), "plonk-k3s-41-Ab1/c")),
      at(join(tmpdir(), "plonk-k3s-42-Ab1/c")),
      at(join(tmpdir(), "plonk-Ab1/c")),
      at(join(homedir(), ".local/share/plonk/clusters/local")),
      "",
    ];
    expect(findAbandoned(lines.join("\n"), (pid) => pid === 42)).toEqual([
      {
        link: "b7",
        directory: join(tmpdir(), "plonk-k3s-41-Ab1/c"),
        folder: join(tmpdir(), "plonk-k3s-41-Ab1"),
      },
    ]);
  });
});

describe("removeAbandoned", () => {
  const SUBNET = 210;
  const nodes: FakeNode[] = [];

  afterEach(() => {
    for (const node of nodes.splice(0)) {
      node.dispose();
    }
  });

  function start(folder: string, prefix: string[] = []): FakeNode {
    const node = new FakeNode(SUBNET, {}, folder);
    node.prefix = prefix;
    nodes.push(node);
    node.prepare();
    node.install();
    expect(node.start()).toEqual(OK);
    return node;
  }

  /** The id of a process that is no more. */
  async function endedPid(): Promise<number> {
    const child = spawn("true");
    await once(child, "exit");
    return child.pid ?? 0;
  }

  it("ends the cluster of a run that was killed, with its network and folder", async () => {
    const folder = join(tmpdir(), `plonk-node-${await endedPid()}-gone`);
    const dead = start(folder);
    removeAbandoned();
    expect(existsSync(folder)).toBe(false);
    expect(dead.traces()).toEqual([]);
  });

  it("frees the network of one whose folder somebody has deleted", async () => {
    const folder = join(tmpdir(), `plonk-node-${await endedPid()}-gone`);
    const dead = start(folder);
    dead.execute(["sh", join(dead.directory, "stop.sh")]);
    rmSync(folder, { recursive: true });
    removeAbandoned();
    expect(ip("-o", "link")).not.toContain(`plonk19-${SUBNET}:`);
    start(makeClusterFolder("node"));
  });

  it("ends one whose host was a namespace, which has gone", async () => {
    const host = "plonktest-gone";
    addNamespace(host);
    const folder = join(tmpdir(), `plonk-node-${await endedPid()}-gone`);
    const dead = start(folder, ["nsenter", `--net=/run/netns/${host}`]);
    dead.prefix = [];
    ip("netns", "del", host);
    removeAbandoned();
    expect(existsSync(folder)).toBe(false);
    expect(dead.traces()).toEqual([]);
    expect(ip("netns", "list")).not.toContain(`plonk-test${SUBNET}`);
  });

  it("leaves the cluster of a run that goes on", () => {
    const node = start(makeClusterFolder("node"));
    removeAbandoned();
    expect(spawnSync("ip", ["link", "show", `plonk19-${SUBNET}`]).status).toBe(0);
    expect(node.has("c")).toBe(true);
  });
});
