/**
 * The programs that a node of k3s starts and that are not k3s: runc, the CNI plugins, iptables and
 * ipset of Debian, and flannel's CNI plugin.
 */
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  realpath,
  symlink,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import type { Architecture } from "../../../contract/index.ts";
import type { RecipeContext } from "../recipe.ts";
import { extractDebianPackages } from "./debian.ts";
import { buildGo } from "./go.ts";

const PACKAGES = [
  "runc",
  "containernetworking-plugins",
  "ipset",
  "iptables",
  "libip4tc2",
  "libip6tc2",
  "libipset13",
  "libmnl0",
  "libnftnl11",
  "libseccomp2",
  "libxtables12",
];

/** By path in the packages, relative to `bin`. `aux` comes last on k3s' PATH, after the host's. */
const PROGRAMS: Record<string, string> = {
  "usr/sbin/runc": "runc",
  "usr/lib/cni/bandwidth": "bandwidth",
  "usr/lib/cni/bridge": "bridge",
  "usr/lib/cni/firewall": "firewall",
  "usr/lib/cni/host-local": "host-local",
  "usr/lib/cni/loopback": "loopback",
  "usr/lib/cni/portmap": "portmap",
  "usr/sbin/ipset": "aux/ipset",
  "usr/sbin/xtables-legacy-multi": "aux/xtables-legacy-multi",
  "usr/sbin/xtables-nft-multi": "aux/xtables-nft-multi",
};

/** Where those programs that need a library which a host may lack look for it. */
const LIBRARY_PATHS: Record<string, string> = {
  runc: "$ORIGIN/lib",
  "aux/ipset": "$ORIGIN/../lib",
  "aux/xtables-legacy-multi": "$ORIGIN/../lib",
  "aux/xtables-nft-multi": "$ORIGIN/../lib",
};

const IPTABLES = ["iptables", "ip6tables"].flatMap((name) =>
  ["", "-restore", "-save"].map((suffix) => `${name}${suffix}`),
);

/**
 * iptables under each of its names, by the backend that works on this kernel: nf_tables before
 * legacy. Found out once, as kube-proxy calls it all the time.
 */
const XTABLES = `#!/bin/sh
dir=\${0%/*}
export XTABLES_LIBDIR="$dir/../lib/xtables"
if ! read -r backend <"$dir/backend" 2>/dev/null; then
  backend=legacy
  ! "$dir/xtables-nft-multi" iptables -S >/dev/null 2>&1 || backend=nft
  echo "$backend" >"$dir/backend.$$" && mv "$dir/backend.$$" "$dir/backend"
fi
exec "$dir/xtables-$backend-multi" "\${0##*/}" "$@"
`;

const LIBRARY_FOLDERS: Record<Architecture, string> = {
  amd64: "usr/lib/x86_64-linux-gnu",
  arm64: "usr/lib/aarch64-linux-gnu",
};

/** Fills the folder `bin` of a node. */
export async function copyNodePrograms(context: RecipeContext, bin: string): Promise<void> {
  const root = join(context.scratch, "debian");
  const { architecture } = context;
  await extractDebianPackages(context, { packages: PACKAGES, architecture, destination: root });
  await mkdir(join(bin, "aux"), { recursive: true });
  for (const [from, to] of Object.entries(PROGRAMS)) {
    await copyFile(join(root, from), join(bin, to));
    await chmod(join(bin, to), 0o755);
  }
  await copyLibraries(join(root, LIBRARY_FOLDERS[architecture]), join(bin, "lib"));
  await copyLicenses(root, join(bin, "licenses"));
  await setLibraryPaths(context, bin);
  await writeFile(join(bin, "aux/xtables"), XTABLES, { mode: 0o755 });
  for (const name of IPTABLES) {
    await symlink("xtables", join(bin, "aux", name));
  }
  // The plugin that flannel's own project publishes cannot be had as a module; this is the last
  // version of it from before it moved there, with a library that speaks today's CNI.
  await buildGo(
    { ...context, destination: bin },
    {
      module: "go/flannel-cni",
      package: "github.com/containernetworking/plugins/plugins/meta/flannel",
      output: "flannel",
    },
  );
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

async function copyLicenses(root: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of PACKAGES) {
    await copyFile(join(root, "usr/share/doc", name, "copyright"), join(to, name));
  }
}

/**
 * Writes the library path into the programs themselves. An environment variable does not do: runc
 * starts itself again with an empty environment.
 */
async function setLibraryPaths(context: RecipeContext, bin: string): Promise<void> {
  const architecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const destination = join(context.scratch, "patchelf");
  const packages = ["patchelf", "libstdc++6", "libgcc-s1"];
  await extractDebianPackages(context, { packages, architecture, destination });
  const libraries = [
    LIBRARY_FOLDERS[architecture],
    `lib/${basename(LIBRARY_FOLDERS[architecture])}`,
  ];
  const env = { LD_LIBRARY_PATH: libraries.map((path) => join(destination, path)).join(":") };
  const patchelf = join(destination, "usr/bin/patchelf");
  for (const [program, path] of Object.entries(LIBRARY_PATHS)) {
    await context.run(patchelf, ["--set-rpath", path, join(bin, program)], { env });
  }
}
