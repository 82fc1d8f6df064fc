/** k3s as the toolchain has it, for clusters that tests make themselves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quote } from "../../components/cluster/host-script.ts";
import type { K3sBinary } from "../../components/index.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { assembleClusterImages } from "../../toolchain/images/cluster-images.ts";
import { createImageContext } from "../../toolchain/images/context.ts";

/** A node that a test makes without any component of ours. */
export interface TestNode {
  /** All of it lies in it. */
  directory: string;
  name: string;
  address: string;
  /** Name of the cgroup of its own. */
  cgroup: string;
}

/** What k3s' `config.yaml` says in each of them: where it lives on a shared machine. */
export function toNodeConfig({ directory, name, address, cgroup }: TestNode): object {
  return {
    "data-dir": `${directory}/data`,
    "write-kubeconfig": `${directory}/k3s.yaml`,
    "node-name": name,
    "node-ip": address,
    "flannel-backend": "host-gw",
    "kubelet-arg": [
      `cgroup-root=/${cgroup}`,
      `kubelet-cgroups=/${cgroup}/k3s`,
      `runtime-cgroups=/${cgroup}/k3s`,
      "fail-cgroupv1=false",
    ],
  };
}

/** The words of a command that runs a node's k3s where it has its files. */
function toK3s(directory: string): string[] {
  const [pid = ""] = readFileSync(join(directory, "k3s.pid"), "utf8").split(" ");
  const enter = ["nsenter", `--mount=/proc/${pid}/ns/mnt`, "--"];
  return [...enter, "env", `K3S_DATA_DIR=${join(directory, "data")}`, join(directory, "bin/k3s")];
}

/** What `kind load image-archive` runs on each of its nodes, as a command for sh. */
export function toImportCommand(directory: string): string {
  const options = ["--all-platforms", "--digests", "--snapshotter=overlayfs"];
  const words = ["ctr", "--namespace=k8s.io", "images", "import", ...options, "-"];
  return `${[...toK3s(directory), ...words].map(quote).join(" ")} < "$ARCHIVE"`;
}

/** The binary for this machine, with the cluster's own images. */
export async function acquireK3s(): Promise<Required<K3sBinary>> {
  const [{ path, version }, airgapImages] = await Promise.all([
    acquire("k3s"),
    assembleClusterImages(createImageContext({ report: () => undefined }), {
      architecture: hostArchitecture(),
      getTool: (name, architecture) => acquire(name, { architecture }),
    }),
  ]);
  return { path, version, airgapImages };
}
