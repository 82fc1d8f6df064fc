/**
 * The way out of a node, in namespaces that stand for a host and for the internet behind it:
 * nothing here leaves the machine, or changes how the machine itself forwards.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { quote } from "../../../components/cluster/host-script.ts";
import { provideIptables, provideNft } from "../../support/firewalls.ts";
import { addNamespace, FakeNode, ip, type Result } from "./node.ts";

const SUBNET = 205;
const [HOST, OUTSIDE, BESIDE] = ["plonktest-host", "plonktest-out", "plonktest-in"];
const inside = (namespace: string): string[] => ["nsenter", `--net=/run/netns/${namespace}`];

let node: FakeNode;
let server: ChildProcess | undefined;

beforeAll(async () => {
  await provideNft();
  await provideIptables();
}, 240_000);

beforeEach(() => {
  for (const name of [HOST, OUTSIDE]) {
    addNamespace(name);
  }
  ip("-n", HOST, "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", OUTSIDE);
  for (const [name, address] of [
    [HOST, "203.0.113.1/24"],
    [OUTSIDE, "203.0.113.2/24"],
  ] as const) {
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "addr", "add", address, "dev", "up0");
    ip("-n", name, "link", "set", "up0", "up");
  }
  ip("-n", HOST, "route", "add", "default", "via", "203.0.113.2");
  ip("-n", OUTSIDE, "route", "add", `198.19.${SUBNET}.0/24`, "via", "203.0.113.1");
  node = new FakeNode(SUBNET);
  node.prefix = inside(HOST);
});

afterEach(() => {
  server?.kill("SIGKILL");
  server = undefined;
  node.dispose();
  for (const name of [HOST, OUTSIDE]) {
    ip("netns", "del", name);
  }
  if (existsSync(`/run/netns/${BESIDE}`)) {
    ip("netns", "del", BESIDE);
  }
});

function up(egress: string, of = node): void {
  if (of.settings.isolation) {
    of.settings.isolation.egress = egress;
  }
  of.up();
}

/** A server in a namespace that answers with the address that a call comes from. */
async function serve(namespace: string): Promise<void> {
  const program =
    "require('http').createServer((q, a) => a.end(q.socket.remoteAddress))" +
    ".listen(8080, '0.0.0.0', () => console.log('ready'))";
  const args = [`--net=/run/netns/${namespace}`, process.execPath, "-e", program];
  server = spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"] });
  if (server.stdout) {
    await once(server.stdout, "data");
  }
}

/** What a call from a namespace is answered; a wait for none ends before long. */
function call(namespace: string, address: string, timeoutMs = 60_000): Result {
  const program =
    `fetch('http://${address}:8080', { signal: AbortSignal.timeout(${timeoutMs}) })` +
    ".then((a) => a.text()).then((t) => process.stdout.write(t))" +
    ".catch((e) => { process.stdout.write(e.cause?.code ?? e.name); process.exitCode = 1; })";
  const prefix = node.prefix;
  node.prefix = inside(namespace);
  const result = node.execute([process.execPath, "-e", program]);
  node.prefix = prefix;
  return result;
}

const NODE = `plonk-test${SUBNET}`;

function forwarding(): string {
  const interfaces = "/proc/sys/net/ipv4/conf/up0/forwarding";
  return node.execute(["cat", interfaces]).stdout.trim();
}

/** Everybody's rules of the host, without counters. */
function rules(): string {
  const { stdout } = node.execute(["nft", "--stateless", "list", "ruleset"]);
  return stdout.replaceAll(/counter packets \d+ bytes \d+ /g, "");
}

/** Rules of somebody else, named much like the node's. */
function addOthers(): string {
  const comment = ["-m", "comment", "--comment", `${NODE}-of-others`];
  for (const rule of [
    ["-A", "FORWARD", "-s", "192.0.2.0/24", "-j", "DROP"],
    ["-t", "nat", "-A", "POSTROUTING", "-s", "192.0.2.0/24", "-j", "MASQUERADE"],
  ]) {
    expect(node.execute(["iptables", "-w", ...rule, ...comment])).toMatchObject({ code: 0 });
  }
  return rules();
}

describe.each([
  ["nft", []],
  ["iptables", ["nft"]],
])("egress nat by %s", (_, hidden) => {
  beforeEach(() => {
    node.hidden = hidden;
  });

  it("lets the node out under the host's address, and nobody in", async () => {
    up("nat");
    await serve(OUTSIDE);
    expect(call(NODE, "203.0.113.2")).toMatchObject({ code: 0, stdout: "203.0.113.1" });
    server?.kill("SIGKILL");
    await serve(NODE);
    expect(call(HOST, `198.19.${SUBNET}.11`)).toMatchObject({ code: 0 });
    expect(call(OUTSIDE, `198.19.${SUBNET}.11`, 1500)).toMatchObject({
      code: 1,
      stdout: "TimeoutError",
    });
  });

  it("makes the host no router for others, unless they publish a port", async () => {
    addNamespace(BESIDE);
    ip("-n", HOST, "link", "add", "in0", "type", "veth", "peer", "name", "in0", "netns", BESIDE);
    ip("-n", HOST, "addr", "add", "192.0.2.1/24", "dev", "in0");
    ip("-n", BESIDE, "addr", "add", "192.0.2.2/24", "dev", "in0");
    for (const name of [HOST, BESIDE]) {
      ip("-n", name, "link", "set", "in0", "up");
    }
    ip("-n", BESIDE, "route", "add", "default", "via", "192.0.2.1");
    ip("-n", OUTSIDE, "route", "add", "192.0.2.0/24", "via", "203.0.113.1");
    up("nat");
    node.execute(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/in0/forwarding"]);
    await serve(BESIDE);
    expect(call(OUTSIDE, "192.0.2.2", 1500)).toMatchObject({ code: 1, stdout: "TimeoutError" });
    const published = "-A PREROUTING -i up0 -p tcp --dport 8080 -j DNAT --to-destination 192.0.2.2";
    node.execute(["iptables", "-w", "-t", "nat", ...published.split(" ")]);
    expect(call(OUTSIDE, "203.0.113.1")).toMatchObject({ code: 0, stdout: "203.0.113.2" });
  });

  it("is there again after a reboot and once, and gone when the node is removed", () => {
    const others = addOthers();
    up("nat");
    expect(forwarding()).toBe("1");
    const ours = rules();
    expect(ours).not.toBe(others);
    node.start();
    expect(rules()).toBe(ours);
    for (const table of ["filter", "nat"]) {
      node.execute(["iptables", "-t", table, "-F"]);
    }
    node.execute(["nft", "delete", "table", "ip", NODE]);
    addOthers();
    node.start();
    expect(rules().split("\n").sort()).toEqual(ours.split("\n").sort());
    node.piped("remove");
    expect(rules()).toBe(others);
    expect(forwarding()).toBe("0");
    expect(node.traces()).toEqual([]);
  });

  it("gives each of two clusters a way out that the other's end does not touch", async () => {
    up("nat");
    const ofFirst = rules();
    const second = new FakeNode(SUBNET + 1);
    second.prefix = node.prefix;
    second.hidden = hidden;
    try {
      up("nat", second);
      await serve(OUTSIDE);
      const callBoth = (): Result[] =>
        [NODE, `plonk-test${SUBNET + 1}`].map((namespace) => call(namespace, "203.0.113.2"));
      const answered = { code: 0, stdout: "203.0.113.1", stderr: "" };
      expect(callBoth()).toEqual([answered, answered]);
      second.piped("remove");
      expect(rules()).toBe(ofFirst);
      expect(forwarding()).toBe("1");
      expect(call(NODE, "203.0.113.2")).toEqual(answered);
    } finally {
      second.dispose();
    }
  });
});

describe("egress nat", () => {
  it("gets past the rules of who lets nobody through, whoever starts it how often", async () => {
    node.execute(["iptables", "-P", "FORWARD", "DROP"]);
    const others = rules();
    up("nat");
    const ours = rules();
    node.start();
    expect(rules()).toBe(ours);
    await serve(OUTSIDE);
    expect(call(NODE, "203.0.113.2")).toMatchObject({ code: 0, stdout: "203.0.113.1" });
    node.piped("remove");
    expect(rules()).toBe(others);
  });

  it("says in one line what it needs where that is missing", () => {
    if (node.settings.isolation) {
      node.settings.isolation.egress = "nat";
    }
    node.hidden = ["nft", "iptables"];
    node.prepare();
    node.install();
    expect(node.start()).toEqual({
      code: 3,
      stdout: "",
      stderr: `cluster test${SUBNET}: egress: nat needs nft, which is in the package nftables, or iptables; got neither\n`,
    });
  });
});

describe("egress none", () => {
  it("refuses at once, also after it was nat", async () => {
    up("nat");
    up("none");
    await serve(OUTSIDE);
    expect(call(NODE, "203.0.113.2")).toMatchObject({ code: 1, stdout: "ENETUNREACH" });
    expect(node.execute(["nft", "list", "tables"]).stdout).toBe("");
    expect(node.has("c/resolv.conf")).toBe(false);
  });
});

describe("resolvers of the node", () => {
  /** What is written where the host has files of these contents. */
  function resolve(...contents: string[]): { said: string; written: string } {
    const files = contents.map((content, index) => {
      const file = join(node.folder, `resolv-${index}`);
      writeFileSync(file, content);
      return file;
    });
    const egress = join(import.meta.dirname, "../../../components/cluster/host/egress.sh");
    const program = [
      `DIR=${quote(node.folder)} CLUSTER=c`,
      "say() { echo $*; }",
      `. ${quote(egress)}`,
      `RESOLVER_FILES=${quote(files.join(" "))}`,
      "write_resolv_conf",
    ].join("\n");
    const { stdout } = node.execute(["sh", "-c", program]);
    return { said: stdout, written: node.read("resolv.conf") };
  }

  it("are the host's, but for those on its loopback", () => {
    const content = "# x\nnameserver 127.0.0.1\nnameserver 192.0.2.53\nsearch example.com\n";
    expect(resolve(content)).toEqual({
      said: "",
      written: "nameserver 192.0.2.53\nsearch example.com\n",
    });
  });

  it("are those that systemd-resolved asks where the host asks that", () => {
    const stub = "nameserver 127.0.0.53\noptions edns0\n";
    expect(resolve(stub, "nameserver 192.0.2.54\n").written).toBe("nameserver 192.0.2.54\n");
  });

  it("are none, and that is said, where only the loopback answers", () => {
    expect(resolve("nameserver 127.0.0.1\n")).toEqual({
      said: "this host's resolver answers on its loopback only, so names outside the cluster are not found\n",
      written: "",
    });
  });
});
