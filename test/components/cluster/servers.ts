/** Several servers of one cluster on this machine, each in a network namespace, with real k3s. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { createHostScript } from "../../../components/cluster/host-script.ts";
import { makeClusterFolder } from "../../support/cluster-folder.ts";
import { toNodeConfig } from "../../support/k3s.ts";
import { addBridge, addNamespace, findTraces, ip } from "./node.ts";

/** What a command prints on both streams, and how it ended. */
export interface Run {
  code: number | null;
  output: string;
}

/** A bridge, and servers whose namespaces it joins. It has no address: they reach only another. */
export class ServerNetwork {
  readonly bridge: string;
  readonly #subnet: number;
  readonly #folder = makeClusterFolder("servers");
  readonly #servers: Server[] = [];

  /** @param subnet third byte of 198.19.x.0/24, which no other cluster on this machine may have */
  constructor(subnet: number) {
    this.#subnet = subnet;
    this.bridge = `plonk${subnet}`;
    addBridge(this.bridge);
    ip("link", "set", this.bridge, "up");
  }

  /** Puts a server in place, which does not run yet. */
  add(k3s: string, config: Record<string, unknown>): Server {
    const number = this.#servers.length + 1;
    const server = new Server({
      name: `${this.bridge}-${number}`,
      directory: join(this.#folder, String(number)),
      address: `198.19.${this.#subnet}.${10 + number}`,
    });
    this.#servers.push(server);
    server.join(this.bridge);
    server.install(k3s, config);
    return server;
  }

  /** What there is of it on this machine: processes, links, namespaces, cgroups, mounts. */
  traces(): string[] {
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
    return [
      ...findTraces([this.bridge], this.#folder),
      ...mounts.filter((line) => line.includes(this.#folder) || line.includes(this.bridge)),
    ];
  }

  /** Leaves nothing, whatever there is of it. */
  remove(): void {
    for (const server of this.#servers) {
      server.remove();
    }
    spawnSync("ip", ["link", "del", this.bridge], { stdio: "ignore" });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One server; its name is also that of its node, its namespace and its cgroup. */
export class Server {
  readonly name: string;
  readonly directory: string;
  readonly address: string;

  constructor({ name, directory, address }: Pick<Server, "name" | "directory" | "address">) {
    this.name = name;
    this.directory = directory;
    this.address = address;
  }

  /** Gives it its network. */
  join(bridge: string): void {
    addNamespace(this.name);
    // The kernel takes its time with the links of a namespace that is no more.
    spawnSync("ip", ["link", "del", this.#veth], { stdio: "ignore" });
    ip("link", "add", this.#veth, "type", "veth", "peer", "name", "eth0", "netns", this.name);
    ip("link", "set", this.#veth, "master", bridge, "up");
    ip("-n", this.name, "link", "set", "lo", "up");
    ip("-n", this.name, "addr", "add", `${this.address}/24`, "dev", "eth0");
    ip("-n", this.name, "link", "set", "eth0", "up");
    // Kubernetes takes a node without a default route for one without network.
    ip("-n", this.name, "route", "add", "default", "dev", "eth0");
  }

  /** Puts the script, k3s and its configuration in place. */
  install(k3s: string, config: Record<string, unknown>): void {
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(this.#path("cluster.sh"), this.#toScript());
    this.#expect(this.#run(["prepare"]));
    const input = stringify({ ...this.#toConfig(), ...config });
    this.#expect(this.#run(["install", k3s, ""], input));
  }

  /** Starts it and waits until its node is Ready. @throws Error with what it printed */
  async start(): Promise<void> {
    const [program, ...args] = this.#words(["start"]);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    this.#expect({ code, output });
  }

  /** Ends it as a loss of power would: nothing is told to anybody. */
  kill(): void {
    for (const name of ["supervisor", "k3s"]) {
      const [pid] = readFileSync(this.#path(`${name}.pid`), "utf8").split(" ");
      process.kill(Number(pid), "SIGKILL");
    }
  }

  /** Asks its own API server. */
  kubectl(args: readonly string[], input = ""): Run {
    return this.#run(["kubectl", ...args], input);
  }

  remove(): void {
    this.#run(["remove"]);
    // The kernel takes its time with a namespace, and with the links that go with it.
    spawnSync("ip", ["link", "del", this.#veth], { stdio: "ignore" });
    spawnSync("ip", ["netns", "del", this.name], { stdio: "ignore" });
  }

  get #veth(): string {
    return `${this.name}v`;
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #words(args: readonly string[]): [string, ...string[]] {
    const namespace = `--net=/run/netns/${this.name}`;
    return ["nsenter", namespace, "--", "sh", this.#path("cluster.sh"), ...args];
  }

  #run(args: readonly string[], input = ""): Run {
    const [program, ...words] = this.#words(args);
    const { status, stdout, stderr } = spawnSync(program, words, { input, encoding: "utf8" });
    return { code: status, output: stdout + stderr };
  }

  #expect({ code, output }: Run): void {
    if (code !== 0) {
      throw new Error(`${this.name}: expected success, got ${code ?? ""} ${output}`);
    }
  }

  #toScript(): string {
    return createHostScript({
      cluster: this.name,
      owner: "",
      directory: this.directory,
      nodeName: this.name,
      nodeAddress: this.address,
      serviceCidr: "10.43.0.0/16",
      cgroup: this.name,
      readySeconds: 600,
      supervised: true,
      isolation: undefined,
    });
  }

  /** No pod is to run on it. */
  #toConfig(): object {
    const { directory, address, name } = this;
    return {
      ...toNodeConfig({ directory, address, name, cgroup: name }),
      disable: ["coredns", "local-storage", "metrics-server", "servicelb", "traefik"],
      "disable-cloud-controller": true,
      "disable-helm-controller": true,
      "disable-kube-proxy": true,
      "disable-network-policy": true,
    };
  }
}
