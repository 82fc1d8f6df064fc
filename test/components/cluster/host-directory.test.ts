/** The node's directory is taken literally, and none with letters that mean something in sh. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { quote } from "../../../components/cluster/host-script.ts";
import { until } from "../../support/until.ts";
import { FakeNode, isAlive, OK } from "./node.ts";

const SUBNET = 206;
const HOST = join(import.meta.dirname, "../../../components/cluster/host");
let node: FakeNode;

beforeEach(() => {
  node = new FakeNode(SUBNET);
});

afterEach(() => node.dispose());

/** Makes the node's directory a link to another one beside it. */
function linkTo(name: string): string {
  const target = join(node.folder, name);
  mkdirSync(target);
  symlinkSync(target, node.directory);
  return target;
}

describe("a directory that is a link", () => {
  it.each(["a b", "a'b", 'a"b', "a$HOME", "a#b", "a*", "a%h", "a[b]", "a;b"])(
    "to one named %s is refused before anything is written",
    (name) => {
      const target = linkTo(name);
      expect(node.piped("claim")).toEqual({
        code: 1,
        stdout: "",
        stderr:
          `cluster test${SUBNET}: directory: must lead to a path of letters, digits and -._, ` +
          `got ${node.directory} which leads to ${target}\n`,
      });
      expect(readdirSync(target)).toEqual([]);
    },
  );

  it("to any other is followed: the node runs and goes without a trace", () => {
    const target = linkTo("a.b-c_d");
    node.up();
    const pid = node.pid("k3s");
    expect(node.read("a.b-c_d/k3s.log")).toContain(`started with --config ${target}/config.yaml`);
    expect(node.piped("remove")).toEqual(OK);
    expect(isAlive(pid)).toBe(false);
    expect(node.traces()).toEqual([]);
  });
});

it("does not take processes for its own whose directory only looks alike", async () => {
  const sleepers = ["a.b", "axb"].map((name) => {
    const folder = join(node.folder, name);
    const sleeper = join(folder, "sleep");
    mkdirSync(folder);
    copyFileSync("/bin/sleep", sleeper);
    return { sleeper, child: spawn(sleeper, ["600"], { stdio: "ignore" }) };
  });
  const ended = sleepers.map(({ child }) => once(child, "exit"));
  try {
    for (const { sleeper, child } of sleepers) {
      const exe = `/proc/${child.pid ?? 0}/exe`;
      await until(sleeper, () => readlinkSync(exe) === sleeper, 10_000);
    }
    const program = [
      `DIR=${quote(join(node.folder, "a.b"))}`,
      `. ${quote(join(HOST, "common.sh"))}`,
      'processes_below "$DIR"',
    ].join("\n");
    expect(node.execute(["sh", "-c", program])).toEqual({
      ...OK,
      stdout: `${sleepers[0]?.child.pid ?? 0}\n`,
    });
  } finally {
    for (const { child } of sleepers) {
      child.kill("SIGKILL");
    }
    await Promise.all(ended);
  }
});

it("knows the guard of an interface from that of one whose name only looks alike", () => {
  const rules = 'iifname "eth0x100" oifname != "plonk*" ct state new drop';
  const ask = (name: string): number | null =>
    node.execute([
      "sh",
      "-c",
      [
        `DIR=${quote(node.folder)} CLUSTER=c`,
        `. ${quote(join(HOST, "egress.sh"))}`,
        `nft() { echo ${quote(rules)}; }`,
        "iptables() { echo '-A FORWARD -i br-1 ! -o plonk+ -m conntrack -j DROP'; }",
        `is_guarded ${quote(name)}`,
      ].join("\n"),
    ]).code;
  expect(["eth0x100", "br-1", "eth0.100", "br.1", "1"].map(ask)).toEqual([0, 0, 1, 1, 1]);
});

it("is alone at the places of all nodes, also after the last one before has removed their lock", () => {
  const program = [
    `DIR=${quote(node.folder)} CLUSTER=c CGROUP=c`,
    `. ${quote(join(HOST, "isolation.sh"))}`,
    "NODES_LOCK=$DIR/nodes.lock",
    // The one before has it until this one waits for it.
    "lock_places",
    '(exec 8>&-; flock() { touch "$DIR/waits"; command flock "$@"; }; lock_places',
    'command flock -n "$NODES_LOCK" true || echo alone) &',
    'until [ -e "$DIR/waits" ]; do sleep 0.05; done',
    'sleep 0.2; rm "$NODES_LOCK"; exec 8>&-; wait',
  ].join("\n");
  expect(node.execute(["sh", "-c", program])).toEqual({ ...OK, stdout: "alone\n" });
});
