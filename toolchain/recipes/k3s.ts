/** Kubernetes as one self-contained `k3s`, with containerd, runc, CNI and iptables from Debian. */
import { chmod, copyFile, cp, mkdir, readdir, realpath, rename } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Architecture } from "../../services/contract/index.ts";
import type { Recipe, RecipeContext } from "../recipe.ts";
import { extractDebianPackages } from "./debian.ts";
import { buildGo } from "./go.ts";

const TOOLCHAIN = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = join(TOOLCHAIN, "kubernetes");

/** Where the sources expect the archive of the node's programs; empty in the tree. */
const EMBEDDED = "internal/assets/node.tar.gz";

/** Which of upstream's version, and which of ours on top of it. */
const BUILD = "plonk1";

const PACKAGES = [
  "containerd",
  "runc",
  "containernetworking-plugins",
  "iptables",
  "libip4tc2",
  "libip6tc2",
  "libmnl0",
  "libnftnl11",
  "libseccomp2",
  "libxtables12",
];

const PROGRAMS = [
  "usr/bin/containerd",
  "usr/bin/containerd-shim-runc-v2",
  "usr/bin/ctr",
  "usr/sbin/runc",
  "usr/lib/cni/bridge",
  "usr/lib/cni/host-local",
  "usr/lib/cni/loopback",
  "usr/lib/cni/portmap",
  "usr/sbin/xtables-legacy-multi",
  "usr/sbin/xtables-nft-multi",
];

/** Programs that need a library which a machine may not have: they look for it in `../lib`. */
const WITH_LIBRARIES = ["runc", "xtables-legacy-multi", "xtables-nft-multi"];

const LIBRARY_FOLDERS: Record<Architecture, string> = {
  amd64: "usr/lib/x86_64-linux-gnu",
  arm64: "usr/lib/aarch64-linux-gnu",
};

/** Builds `bin/k3s` of upstream's version, for example `1.34.3`. */
export function buildK3s(kubernetesVersion: string): Recipe {
  return async (context) => {
    const sources = join(context.scratch, "kubernetes");
    await cp(SOURCES, sources, { recursive: true });
    await packNodePrograms(context, join(sources, EMBEDDED));
    const [major = "", minor = ""] = kubernetesVersion.split(".");
    const variable = "k8s.io/component-base/version";
    await buildGo(context, {
      // A copy of the sources, as what is embedded has to lie among them.
      module: relative(TOOLCHAIN, sources),
      package: "plonk/toolchain/kubernetes",
      output: "bin/k3s",
      tags: ["providerless", "netgo", "osusergo"],
      variables: {
        [`${variable}.gitVersion`]: `v${kubernetesVersion}+${BUILD}`,
        [`${variable}.gitMajor`]: major,
        [`${variable}.gitMinor`]: minor,
      },
    });
  };
}

/** The same packages give the same archive: entries are sorted and carry no time and no owner. */
async function packNodePrograms(context: RecipeContext, archive: string): Promise<void> {
  const root = join(context.scratch, "debian");
  const { architecture } = context;
  await extractDebianPackages(context, { packages: PACKAGES, architecture, destination: root });
  context.report("packing containerd, runc, CNI plugins and iptables");
  const tree = join(context.scratch, "node");
  await copyPrograms(root, tree);
  await copyLibraries(join(root, LIBRARY_FOLDERS[architecture]), join(tree, "lib"));
  await copyLicenses(root, tree);
  await setLibraryPath(context, join(tree, "bin"));
  const order = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  const temporary = `${archive}.new`;
  await context.run("tar", ["-c", "-I", "gzip -6n", ...order, "-f", temporary, "-C", tree, "."]);
  await rename(temporary, archive);
}

async function copyPrograms(root: string, tree: string): Promise<void> {
  const bin = join(tree, "bin");
  await mkdir(bin, { recursive: true });
  for (const program of PROGRAMS) {
    const target = join(bin, basename(program));
    await copyFile(join(root, program), target);
    await chmod(target, 0o755);
  }
}

/** Libraries under the names that programs ask for, and the extensions of iptables. */
async function copyLibraries(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (/\.so\.\d+$/.test(name)) {
      await copyFile(await realpath(join(from, name)), join(to, name));
    }
  }
  await cp(join(from, "xtables"), join(to, "xtables"), { recursive: true, verbatimSymlinks: true });
}

async function copyLicenses(root: string, tree: string): Promise<void> {
  for (const name of PACKAGES) {
    const target = join(tree, "licenses", name);
    await mkdir(target, { recursive: true });
    await copyFile(join(root, "usr/share/doc", name, "copyright"), join(target, "copyright"));
  }
}

/**
 * Writes the library path into the programs themselves. An environment variable does not do: runc
 * starts itself again with an empty environment.
 */
async function setLibraryPath(context: RecipeContext, bin: string): Promise<void> {
  const architecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const destination = join(context.scratch, "patchelf");
  const packages = ["patchelf", "libstdc++6", "libgcc-s1"];
  await extractDebianPackages(context, { packages, architecture, destination });
  const libraries = [
    LIBRARY_FOLDERS[architecture],
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
  ];
  const env = { LD_LIBRARY_PATH: libraries.map((path) => join(destination, path)).join(":") };
  const patchelf = join(destination, "usr/bin/patchelf");
  for (const program of WITH_LIBRARIES) {
    await context.run(patchelf, ["--set-rpath", "$ORIGIN/../lib", join(bin, program)], { env });
  }
}
