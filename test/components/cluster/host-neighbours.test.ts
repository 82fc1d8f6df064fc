/** Two clusters on one machine: neither takes, breaks or removes anything of the other's. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { FakeNode, ip, isAlive, OK } from "./node.ts";

const SUBNET = 203;
let first: FakeNode;
let second: FakeNode;

beforeEach(() => {
  first = new FakeNode(SUBNET);
  second = new FakeNode(SUBNET);
});

afterEach(() => {
  second.dispose();
  first.dispose();
});

/** What the second node finds when the first runs. */
function startSecond(): ReturnType<FakeNode["start"]> {
  first.up();
  second.prepare();
  second.install();
  return second.start();
}

function expectFirstToRun(): void {
  expect(isAlive(first.pid("k3s"))).toBe(true);
  expect(first.start()).toEqual(OK);
  const { namespace = "", hostAddress = "" } = first.settings.isolation ?? {};
  expect(ip("netns", "exec", namespace, "ip", "route", "get", hostAddress)).toContain("dev eth0");
}

describe("a second cluster", () => {
  it("with the same subnet is refused, and its removal leaves the first running", () => {
    const { isolation } = second.settings;
    second.settings.cluster = "other203";
    if (isolation) {
      isolation.namespace = "plonk-other203";
    }
    expect(startSecond()).toEqual({
      code: 3,
      stdout: "",
      stderr: `cluster other203: subnet: 198.19.203.0/24 is in use by the cluster in ${first.directory}, choose another subnet\n`,
    });
    expect(second.piped("remove")).toEqual(OK);
    expectFirstToRun();
  });

  it("with the same name is refused, and its removal leaves the first running", () => {
    second.settings.nodeAddress = "198.19.204.11";
    second.settings.isolation = {
      namespace: "plonk-test203",
      bridge: "plonk19-204",
      veth: "plonk19-204v11",
      subnet: "198.19.204.0/24",
      hostAddress: "198.19.204.1",
      egress: "none",
    };
    expect(startSecond()).toEqual({
      code: 3,
      stdout: "",
      stderr: `cluster test203: clusterName: test203 is in use by the cluster in ${first.directory}, choose another name\n`,
    });
    expect(second.piped("remove")).toEqual(OK);
    expect(ip("-o", "link")).not.toContain("plonk19-204");
    expectFirstToRun();
  });
});

describe("a directory", () => {
  it("of another stack is neither written nor removed", () => {
    first.up();
    const script = readFileSync(join(first.directory, "cluster.sh"), "utf8");
    first.settings.owner = "plonk/other";
    expect(first.piped("claim")).toEqual({
      code: 1,
      stdout: "",
      stderr: `cluster test203: directory: ${first.directory} belongs to stack plonk/test, not to plonk/other, choose another directory or clusterName\n`,
    });
    expect(first.piped("remove")).toEqual({
      ...OK,
      stdout: `cluster test203: ${first.directory} belongs to stack plonk/test, left alone\n`,
    });
    expect(readFileSync(join(first.directory, "cluster.sh"), "utf8")).toBe(script);
    expectFirstToRun();
    first.settings.owner = "plonk/test";
  });

  it("without an owner is of an earlier version and becomes the stack's", () => {
    mkdirSync(first.directory);
    writeFileSync(join(first.directory, "owner"), "");
    expect(first.piped("claim")).toEqual(OK);
    expect(first.read("c/owner")).toBe("plonk/test\n");
  });
});

describe("another script that works on the same node", () => {
  it("is waited for, and not for ever", async () => {
    first.prepare();
    first.install();
    const script = first.read("c/cluster.sh").replace("LOCK_SECONDS=300", "LOCK_SECONDS=0");
    writeFileSync(join(first.directory, "cluster.sh"), script);
    const lock = join(first.directory, "lock");
    const other = spawn("flock", ["--no-fork", lock, "sh", "-c", "echo; exec sleep 600"]);
    await once(other.stdout, "data");
    const result = first.start();
    const ended = once(other, "exit");
    other.kill("SIGKILL");
    await ended;
    expect(result).toEqual({
      code: 1,
      stdout: "",
      stderr: "cluster test203: another script has been working on it for 0 s\n",
    });
    expect(first.start().code).toBe(0);
  });
});
