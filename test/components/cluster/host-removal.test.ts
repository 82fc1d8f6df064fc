/** How a node goes, and who runs it: nothing stays behind, whatever state it was in. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type HostSettings, quote } from "../../../components/cluster/host-script.ts";
import { addBridge, addNamespace, FakeNode, HOST_NETWORK, isAlive, OK } from "./node.ts";

const SUBNET = 202;
let node: FakeNode;

beforeEach(() => {
  node = new FakeNode(SUBNET);
});

afterEach(() => node.dispose());

/** Replaces the node of the test by one with other settings. */
function use(settings: Partial<HostSettings>): void {
  node.dispose();
  node = new FakeNode(SUBNET, settings);
}

describe("stopping and removing", () => {
  it("stops all, keeps the data, and starts again", () => {
    node.up();
    const pids = [node.pid("k3s"), node.pid("supervisor")];
    mkdirSync(join(node.directory, "data"), { recursive: true });
    writeFileSync(join(node.directory, "data/kept"), "");
    expect(node.execute(["sh", join(node.directory, "stop.sh")])).toEqual(OK);
    expect(pids.some(isAlive)).toBe(false);
    expect(node.stored("stop")).toEqual(OK);
    expect(node.has("c/data/kept")).toBe(true);
    expect(node.start().code).toBe(0);
  });

  it("leaves nothing, also when asked twice", () => {
    node.up();
    expect(node.traces()).not.toEqual([]);
    expect(node.execute(["sh", join(node.directory, "remove.sh")])).toEqual(OK);
    expect(node.traces()).toEqual([]);
    expect(node.has("c")).toBe(false);
    expect(node.piped("remove")).toEqual(OK);
  });

  it("removes what was half made: a directory, a network, a node that never got ready", () => {
    node.prepare();
    expect(node.piped("remove")).toEqual(OK);
    addNamespace(`plonk-test${SUBNET}`);
    addBridge(`plonk19-${SUBNET}`);
    expect(node.piped("remove")).toEqual(OK);
    expect(node.traces()).toEqual([]);
    writeFileSync(join(node.folder, "broken"), "");
    node.settings.readySeconds = 1;
    node.prepare();
    node.install();
    expect(node.start().code).toBe(4);
    expect(node.piped("remove")).toEqual(OK);
    expect(node.traces()).toEqual([]);
    expect(node.has("c")).toBe(false);
  });

  it("leaves nothing that a process starts while its children are killed", () => {
    const functions = join(import.meta.dirname, "../../../components/cluster/host/stop.sh");
    const mark = `600.${String(process.pid)}`;
    const program = [
      `. ${quote(functions)}`,
      `sh -c 'while :; do sleep ${mark}; done' >/dev/null 2>&1 & parent=$!`,
      `until pgrep -fx "sleep ${mark}" >"$0"; do sleep 0.05; done`,
      "kill_tree $parent; wait $parent",
      // What was killed with it may need a moment; what was not would sleep on.
      `for turn in $(seq 200); do pgrep -fx "sleep ${mark}" >"$0" || break; sleep 0.05; done`,
      `pgrep -fx "sleep ${mark}"`,
    ].join("\n");
    for (let turn = 0; turn < 10; turn += 1) {
      const result = node.execute(["sh", "-c", program, join(node.folder, "found")]);
      for (const pid of result.stdout.split("\n").filter(Boolean)) {
        process.kill(Number(pid));
      }
      expect(result).toMatchObject({ code: 1, stdout: "" });
    }
  });

  it("removes a node whose supervisor was killed, whose directory is gone, or both", () => {
    node.up();
    const k3s = node.pid("k3s");
    node.kill("supervisor");
    execFileSync("rm", ["-r", node.directory]);
    expect(node.piped("remove")).toEqual(OK);
    expect(isAlive(k3s)).toBe(false);
    expect(node.traces()).toEqual([]);
  });

  it("undoes mounts in its directory before it deletes anything", () => {
    node.up();
    const [mount, outside] = [join(node.directory, "data/pods/p1"), join(node.folder, "outside")];
    mkdirSync(mount, { recursive: true });
    mkdirSync(outside);
    writeFileSync(join(outside, "precious"), "");
    execFileSync("mount", ["--bind", outside, mount]);
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", mount]);
    expect(node.piped("remove")).toEqual(OK);
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(node.directory);
    expect(node.has("outside/precious")).toBe(true);
  });
});

/** A mount namespace in which another init system seems to run, with its tools replaced. */
function pretendInit(tool: string, text: string, prepare: string): void {
  use({ ...HOST_NETWORK, supervised: false });
  const bin = join(node.folder, "bin");
  mkdirSync(bin);
  const log = `echo "$(basename "$0") $*" >> ${node.folder}/calls\n`;
  for (const name of ["systemctl", "rc-service", "rc-update"]) {
    const body = name === tool ? text : "";
    writeFileSync(join(bin, name), `#!/bin/sh\n${log}cd ${node.folder}\n${body}\n`, {
      mode: 0o755,
    });
  }
  const setUp = `PLACE=${node.folder}; mount -t tmpfs tmpfs /run && ${prepare} && export PATH=${bin}:$PATH && exec "$@"`;
  node.prefix = ["unshare", "-m", "sh", "-c", setUp, "sh"];
}

describe("service managers", () => {
  const ready = `echo "server: x" > c/k3s.yaml; date -u +%FT%TZ > c/alive; touch on`;
  const unit = `plonk-test${SUBNET}`;

  it("gives k3s to systemd as a unit of its own", () => {
    pretendInit(
      "systemctl",
      `case $1 in is-active) [ -e on ] ;; start) ${ready} ;; stop) rm -f on ;; esac`,
      "mkdir -p /run/systemd/system && mount --bind $PLACE /etc/systemd/system",
    );
    node.up();
    expect(node.read("calls").split("\n")).toEqual([
      `systemctl is-active --quiet ${unit}`,
      `systemctl is-active --quiet ${unit}`,
      "systemctl daemon-reload",
      `systemctl enable --quiet ${unit}`,
      `systemctl start ${unit}`,
      "",
    ]);
    expect(node.read(`${unit}.service`)).toContain(
      `ExecStart=/bin/sh ${node.directory}/cluster.sh run\nKillMode=process\n`,
    );
    expect(node.start()).toEqual(OK);
    expect(node.piped("remove")).toEqual(OK);
    const calls = node.read("calls").split("\n").slice(-4);
    expect(calls).toEqual([
      `systemctl stop ${unit}`,
      `systemctl disable --quiet ${unit}`,
      "systemctl daemon-reload",
      "",
    ]);
    expect(node.has(`${unit}.service`)).toBe(false);
  });

  it("gives k3s to OpenRC as a service of its own", () => {
    pretendInit(
      "rc-service",
      `case $*  in *status) [ -e on ] ;; *start) ${ready} ;; *stop) rm -f on ;; esac`,
      "mkdir /run/openrc && touch /run/openrc/softlevel && mount --bind $PLACE /etc/init.d",
    );
    node.up();
    expect(node.read("calls").split("\n").slice(2)).toEqual([
      `rc-update -q add ${unit} default`,
      `rc-service ${unit} start`,
      "",
    ]);
    expect(node.read(unit)).toContain(`command_args="${node.directory}/cluster.sh run"\n`);
    expect(node.piped("remove")).toEqual(OK);
    expect(node.read("calls").split("\n").slice(-3)).toEqual([
      `rc-service ${unit} stop`,
      `rc-update -q del ${unit}`,
      "",
    ]);
    expect(node.has(unit)).toBe(false);
  });
});
