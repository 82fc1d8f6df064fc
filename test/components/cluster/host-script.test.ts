/** The script on a host, run for real; k3s itself is a stand-in. Needs root, as a node does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type HostSettings, quote } from "../../../components/cluster/host-script.ts";
import { until } from "../../support/until.ts";
import { addBridge, CLOCK_BY_QUESTIONS, FakeNode, HOST_NETWORK, ip, isAlive, OK } from "./node.ts";

const SUBNET = 201;
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

describe("installing", () => {
  it("puts everything in place, for root only, and says what is installed", () => {
    node.prepare();
    writeFileSync(join(node.folder, "images.tar"), "images");
    const first = node.install("a: 1\n", join(node.folder, "images.tar"));
    expect(first.stdout).toMatch(/^\d+-\d+\n$/);
    expect(node.read("c/data/agent/images/images.tar")).toBe("images");
    expect(node.read("c/config.yaml")).toMatch(/^a: 1\ntoken: "[0-9a-f]{64}"\n$/);
    const modes = ["", "config.yaml", "token", "bin/k3s"].map((name) =>
      (statSync(join(node.directory, name)).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(["700", "600", "600", "755"]);
    expect(node.install("a: 1\n").stdout).toBe(first.stdout);
    expect(node.install("a: 2\n").stdout).not.toBe(first.stdout);
    writeFileSync(join(node.folder, "k3s"), "#!/bin/sh\n");
    expect(node.install("a: 1\n").stdout).not.toBe(first.stdout);
  });

  it("keeps what it is told about registries in a file of its own, as long as it is told", () => {
    node.prepare();
    const without = node.install("a: 1\n").stdout;
    expect(node.install("a: 1\n---\n---\nmirrors: {}\n").stdout).not.toBe(without);
    expect(node.read("c/registries.yaml")).toBe("---\nmirrors: {}\n");
    expect(statSync(join(node.directory, "registries.yaml")).mode & 0o777).toBe(0o600);
    expect(node.install("a: 1\n").stdout).toBe(without);
    expect(node.has("c/registries.yaml")).toBe(false);
  });

  it("keeps the token that it made, and takes one that it is given", () => {
    node.prepare();
    node.install("a: 1\n");
    const made = node.read("c/config.yaml").split("\n")[1];
    node.install("a: 2\n");
    expect(node.read("c/config.yaml")).toBe(`a: 2\n${made ?? ""}\n`);
    node.install('a: 2\ntoken: "given"\n');
    expect(node.read("c/config.yaml")).toBe('a: 2\ntoken: "given"\n');
  });
});

describe("starting", () => {
  it("runs k3s in a network of its own without the caller's environment", () => {
    node.up();
    const config = join(node.directory, "config.yaml");
    expect(node.read("c/k3s.log")).toBe(`started with --config ${config} secret=\n`);
    const namespace = node.execute([
      "ip",
      "netns",
      "exec",
      `plonk-test${SUBNET}`,
      "readlink",
      "/proc/self/ns/net",
    ]);
    expect(node.read("netns")).toBe(namespace.stdout);
    expect(node.stored("kubeconfig").stdout).toBe(`server: https://198.19.${SUBNET}.11:6443\n`);
    expect((statSync(join(node.directory, "kubeconfig")).mode & 0o777).toString(8)).toBe("600");
    const pid = node.pid("k3s");
    expect(node.start()).toEqual(OK);
    expect(node.pid("k3s")).toBe(pid);
  });

  it("keeps what lies at fixed places to itself: mounts and a cgroup of its own", async () => {
    node.up();
    const own = node.read("mntns").trim();
    expect(own).not.toBe(node.execute(["readlink", "/proc/self/ns/mnt"]).stdout.trim());
    // As the shim of a pod does, this goes on when k3s is started again.
    const shim = join(node.directory, "data/shim");
    copyFileSync("/bin/sleep", shim);
    const mounts = `--mount=/proc/${node.pid("k3s")}/ns/mnt`;
    const pod = spawn("nsenter", [mounts, shim, "600"], { stdio: "ignore" });
    const inside = (...words: string[]): string =>
      node.execute(["nsenter", `--mount=/proc/${pod.pid ?? 0}/ns/mnt`, ...words]).stdout;
    await until("a pod", () => readlinkSync(`/proc/${pod.pid ?? 0}/exe`) === shim);
    inside("sh", "-c", "echo mine > /etc/rancher/x; echo mine > /run/k3s/x");
    expect(node.read("c/host/etc/rancher/x")).toBe("mine\n");
    expect(existsSync("/etc/rancher/x") || existsSync("/run/k3s/x")).toBe(false);
    // k3s that is started again finds the sockets of the pods that went on without it.
    node.install("a: 2\n");
    expect(node.start().code).toBe(0);
    expect(node.read("mntns").trim()).toBe(own);
    expect(inside("cat", "/run/k3s/x")).toBe("mine\n");
    expect(node.traces()).toEqual(
      expect.arrayContaining(
        [`plonk-test${SUBNET}`, `plonk19-${SUBNET}`].map((name) => expect.stringContaining(name)),
      ),
    );
  });

  it("leaves the places of a neighbour mounted, and takes what it made along when it goes last", () => {
    const made = ["/run/k3s", "/var/lib/kubelet", "/etc/rancher"].filter((p) => !existsSync(p));
    node.up();
    const neighbour = new FakeNode(SUBNET + 30);
    try {
      neighbour.up();
      expect(node.piped("remove")).toEqual(OK);
      const mounts = `--mount=/proc/${neighbour.pid("k3s")}/ns/mnt`;
      const found = neighbour.execute(["nsenter", mounts, "mountpoint", "-q", "/var/lib/kubelet"]);
      expect(found).toEqual(OK);
      expect(neighbour.piped("remove")).toEqual(OK);
      expect(made.filter((place) => existsSync(place))).toEqual([]);
    } finally {
      neighbour.dispose();
    }
  });

  it("reaches the host and nothing behind it, and says so at once", () => {
    node.up();
    const from = ["ip", "netns", "exec", `plonk-test${SUBNET}`];
    const ping = (address: string): number | null =>
      node.execute([...from, "sh", "-c", `ip route get ${address}`]).code;
    expect(ping(`198.19.${SUBNET}.1`)).toBe(0);
    expect(ping("10.43.0.1")).toBe(0);
    expect(ping("192.0.2.1")).toBe(2);
    expect(ip("-n", `plonk-test${SUBNET}`, "route")).toContain(
      `default via 198.19.${SUBNET}.1 dev eth0`,
    );
    expect(readFileSync(`/proc/sys/net/ipv4/conf/plonk19-${SUBNET}/forwarding`, "utf8")).toBe(
      "0\n",
    );
    expect(ip("rule")).toContain(`iif plonk19-${SUBNET} prohibit`);
  });

  it("runs k3s again when it dies", async () => {
    node.up();
    const pid = node.pid("k3s");
    process.kill(pid, "SIGKILL");
    await until("another k3s", () => node.has("c/k3s.pid") && node.pid("k3s") !== pid);
    expect(node.read("c/k3s.log")).toMatch(
      /supervisor: k3s ended with 137 after \d+ s, again in 1 s/,
    );
    expect(node.start()).toEqual(OK);
  });

  it("finds a node whose processes were all killed, and starts it", () => {
    node.up();
    const [supervisor, k3s] = [node.pid("supervisor"), node.pid("k3s")];
    node.kill("supervisor", "k3s");
    const again = node.start();
    expect(again).toEqual({
      ...OK,
      stdout: `cluster test${SUBNET}: was not running, starting it\n`,
    });
    expect(node.pid("supervisor")).not.toBe(supervisor);
    expect(node.pid("k3s")).not.toBe(k3s);
  });

  it("ends containers that were left when k3s and their shims were killed, cgroups and all", async () => {
    node.up();
    const cgroup = /CGROUP='(.+)'/.exec(node.read("c/cluster.sh"))?.[1] ?? "";
    const pids = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "" : "pids";
    const container = join("/sys/fs/cgroup", pids, cgroup, "kubepods/pod1/container1");
    mkdirSync(container, { recursive: true });
    const orphan = spawn("sleep", ["600"], { stdio: "ignore" });
    const ended = once(orphan, "exit");
    writeFileSync(join(container, "cgroup.procs"), String(orphan.pid));
    node.kill("supervisor", "k3s");
    expect(node.start().code).toBe(0);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(isAlive(node.pid("k3s"))).toBe(true);
    expect(existsSync(dirname(container))).toBe(false);
  });

  it("takes over from a supervisor that was killed alone: one k3s runs, not two", () => {
    node.up();
    const k3s = node.pid("k3s");
    node.kill("supervisor");
    expect(node.start().code).toBe(0);
    expect(isAlive(k3s)).toBe(false);
    expect(isAlive(node.pid("k3s"))).toBe(true);
  });

  it("finds a machine that was rebooted: no process, no network, stale process ids", () => {
    node.up();
    node.stored("stop");
    ip("netns", "del", `plonk-test${SUBNET}`);
    ip("link", "del", `plonk19-${SUBNET}`);
    // The numbers belong to somebody else now.
    writeFileSync(join(node.directory, "supervisor.pid"), `${process.pid} 1 another-boot\n`);
    writeFileSync(join(node.directory, "k3s.pid"), `${process.pid} 1 another-boot\n`);
    expect(node.start().stdout).toBe(`cluster test${SUBNET}: was not running, starting it\n`);
    expect(isAlive(node.pid("k3s"))).toBe(true);
  });

  it("makes the network again when only that is gone, and restarts the node in it", () => {
    node.up();
    const pid = node.pid("k3s");
    ip("netns", "del", `plonk-test${SUBNET}`);
    expect(node.start().stdout).toBe(
      `cluster test${SUBNET}: its network was gone, restarting it\n`,
    );
    expect(isAlive(pid)).toBe(false);
  });

  it("restarts k3s when its configuration has changed", () => {
    node.up();
    const pid = node.pid("k3s");
    node.install("a: 2\n");
    expect(node.start().stdout).toBe(
      `cluster test${SUBNET}: its configuration has changed, restarting k3s\n`,
    );
    expect(isAlive(pid)).toBe(false);
    expect(node.read("c/k3s.log")).toContain("asked to stop");
  });

  it("starts nothing where an installation was never finished", () => {
    node.prepare();
    expect(node.start()).toEqual({
      ...OK,
      stdout: `cluster test${SUBNET}: found an installation that was never finished, nothing to start\n`,
    });
  });

  it("uses the host's own network where it is told to", () => {
    use(HOST_NETWORK);
    node.up();
    expect(node.read("netns")).toBe(node.execute(["readlink", "/proc/self/ns/net"]).stdout);
    expect(ip("netns", "list")).not.toContain(`plonk-test${SUBNET}`);
  });
});

describe("failing", () => {
  it("ends with 4, the reason and the last of the log when the node is not ready in time", () => {
    use({ readySeconds: 1, nodeName: "n2" });
    node.functions = [CLOCK_BY_QUESTIONS];
    node.prepare();
    node.install();
    const result = node.start();
    expect(result.code).toBe(4);
    expect(result.stderr).toContain("started with --config");
    expect(result.stderr).toContain(
      `cluster test${SUBNET}: not ready after 1 s (node n2 is not Ready), see ${node.directory}/k3s.log`,
    );
  });

  it("ends with 3 when somebody else has the network, and touches nothing of theirs", () => {
    addBridge("plonktest0");
    try {
      ip("addr", "add", `198.19.${SUBNET}.5/24`, "dev", "plonktest0");
      node.prepare();
      node.install();
      const result = node.start();
      expect(result).toEqual({
        code: 3,
        stdout: "",
        stderr: `cluster test${SUBNET}: address: 198.19.${SUBNET}.0/24 is in use by plonktest0, choose another network\n`,
      });
      node.piped("remove");
      expect(ip("-o", "link")).toContain("plonktest0");
    } finally {
      ip("link", "del", "plonktest0");
    }
  });

  it("ends with 5 for anybody but root", () => {
    node.prepare();
    chmodSync(node.folder, 0o755);
    chmodSync(node.directory, 0o755);
    node.prefix = ["setpriv", "--reuid=65534", "--clear-groups"];
    const result = node.start();
    expect(result).toEqual({
      code: 5,
      stdout: "",
      stderr: `cluster test${SUBNET}: a node can only be run by root, got user nobody\n`,
    });
    node.prefix = [];
  });

  it("explains itself to who asks for something else", () => {
    node.prepare();
    expect(node.stored("dance")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("images", () => {
  const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

  it("are put where k3s takes them in, and waited for by digest", () => {
    node.up();
    const archive = join(node.folder, "x.tar");
    const images = join(node.directory, "data/agent/images");
    // The k3s of this test has the images whose digests are the archives' content.
    writeFileSync(archive, `${digest("a")}\n`);
    expect(node.stored("import-image", ["gateway", archive, digest("a")])).toEqual(OK);
    expect(readdirSync(images)).toEqual([".cache.json", "gateway-aaaaaaaaaaaa.tar"]);
    expect(node.read("ctr")).toBe(
      `${node.directory}/data ctr --namespace k8s.io images list --quiet\n`,
    );
    writeFileSync(archive, `${digest("b")}\n`);
    expect(node.stored("import-image", ["gateway", archive, digest("b")])).toEqual(OK);
    expect(readdirSync(images)).toEqual([".cache.json", "gateway-bbbbbbbbbbbb.tar"]);
    expect(node.stored("forget-image", ["gateway"])).toEqual(OK);
    expect(readdirSync(images)).toEqual([".cache.json"]);
    expect(node.stored("import-image", ["gateway", "/none", digest("c")]).code).toBe(1);
  });
});

describe("the log", () => {
  it("is begun again when it has grown too large, and kept once", () => {
    const functions = join(import.meta.dirname, "../../../components/cluster/host/service.sh");
    const log = join(node.folder, "log");
    writeFileSync(log, "x".repeat(200));
    // The real check comes every 30 s.
    const program = [
      "sleep() { :; }",
      `. ${quote(functions)}`,
      `LOG=${quote(log)} LOG_MAX=100`,
      "bound_log & bounder=$!",
      `while [ -s ${quote(log)} ]; do command sleep 0.05; done`,
      "kill $bounder; wait $bounder",
    ].join("\n");
    expect(node.execute(["sh", "-c", program]).code).toBe(0);
    expect(node.read("log.1")).toBe("x".repeat(200));
    expect(node.read("log")).toBe("");
  });
});
