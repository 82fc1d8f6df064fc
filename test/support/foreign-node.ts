/** A cluster of one k3s node that no stack of ours created. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { createHostScript } from "../../components/cluster/host-script.ts";
import { makeClusterFolder } from "./cluster-folder.ts";
import { acquireK3s, toNodeConfig } from "./k3s.ts";

/** Name of the cluster, of its network and of its cgroup. */
const NAME = "theirs";

/** Kinds of objects that Plonk creates, directly or indirectly. */
const KINDS = [
  ...["namespaces", "customresourcedefinitions", "clusterroles", "clusterrolebindings"],
  ...["roles", "rolebindings", "serviceaccounts", "secrets", "configmaps", "services"],
  ...["persistentvolumeclaims", "deployments", "statefulsets", "daemonsets"],
  ...["poddisruptionbudgets", "networkpolicies"],
];

/** A node that runs. */
export class ForeignNode {
  /** All of the node lies in it, with `cluster.sh`, its owner's tool. */
  readonly directory: string;
  readonly address: string;
  readonly #folder: string;

  private constructor(folder: string, address: string) {
    this.#folder = folder;
    this.directory = join(folder, "c");
    this.address = address;
  }

  /**
   * Starts it.
   *
   * @param prefix first three bytes of its /24, which no other cluster on this machine may have;
   *   this machine is `.1` in it
   * @param registries what its owner has in `registries.yaml`
   */
  static async start(prefix: string, registries: unknown): Promise<ForeignNode> {
    const node = new ForeignNode(makeClusterFolder("foreign"), `${prefix}.11`);
    try {
      node.#write("c/cluster.sh", node.#toScript(prefix));
      node.#write("c/host/etc/rancher/k3s/registries.yaml", stringify(registries));
      node.run("prepare");
      const { path, airgapImages } = await acquireK3s();
      node.#run(["install", path, airgapImages], stringify(node.#toConfig()));
      node.run("start");
      return node;
    } catch (error) {
      node.remove();
      throw error;
    }
  }

  /** Runs the owner's tool. @throws Error with what it printed */
  run(...args: string[]): string {
    return this.#run(args);
  }

  /** Runs `kubectl` as the cluster's owner. @throws Error with what it printed */
  kubectl(args: readonly string[], input = ""): string {
    return this.#run(["kubectl", ...args], input);
  }

  /** Kind, namespace and name of what is on the cluster, in order. */
  listObjects(): string[] {
    const columns = "custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name";
    const text = this.kubectl(["get", KINDS.join(), "-A", "--no-headers", "-o", columns]);
    return text
      .split("\n")
      .map((line) => line.trim().replaceAll(/\s+/g, " ").replace("<none> ", ""))
      .filter((line) => line !== "" && !line.startsWith("Secret kube-system "))
      .sort();
  }

  /** A kubeconfig with the context `theirs`, and with `elsewhere` as its current one. */
  kubeconfigWith(elsewhere: string): string {
    const { clusters, users } = parse(readFileSync(join(this.directory, "kubeconfig"), "utf8")) as {
      clusters: { cluster: unknown }[];
      users: { user: unknown }[];
    };
    return stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "elsewhere",
      clusters: [
        { name: "c1", cluster: { server: elsewhere } },
        { name: "c2", cluster: clusters[0]?.cluster },
      ],
      users: [
        { name: "u1", user: { token: "token-of-elsewhere" } },
        { name: "u2", user: users[0]?.user },
      ],
      contexts: [
        { name: "elsewhere", context: { cluster: "c1", user: "u1" } },
        { name: "theirs", context: { cluster: "c2", user: "u2" } },
      ],
    });
  }

  /** Removes the cluster and all of its files. */
  remove(): void {
    spawnSync("sh", [join(this.directory, "cluster.sh"), "remove"], { stdio: "ignore" });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(args: readonly string[], input = ""): string {
    const words = [join(this.directory, "cluster.sh"), ...args];
    const { status, stdout, stderr } = spawnSync("sh", words, { input, encoding: "utf8" });
    if (status === 0) {
      return stdout;
    }
    throw new Error(`${args.join(" ")}: expected success, got ${stdout}${stderr}`);
  }

  #write(file: string, text: string): void {
    const path = join(this.#folder, file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  }

  #toScript(prefix: string): string {
    return createHostScript({
      cluster: NAME,
      owner: "",
      directory: this.directory,
      nodeName: "node-1",
      nodeAddress: this.address,
      serviceCidr: "10.43.0.0/16",
      cgroup: NAME,
      readySeconds: 180,
      supervised: true,
      isolation: {
        namespace: NAME,
        bridge: NAME,
        veth: `${NAME}v11`,
        subnet: `${prefix}.0/24`,
        hostAddress: `${prefix}.1`,
        egress: "none",
      },
    });
  }

  #toConfig(): object {
    const { directory, address } = this;
    const node = { directory, address, name: "node-1", cgroup: NAME };
    return { ...toNodeConfig(node), disable: ["traefik", "servicelb"] };
  }
}
