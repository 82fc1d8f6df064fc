/**
 * k3s itself, from its Go module, in the two stages of its releases: the server with the programs
 * of a node, packed into one archive, and a small program that carries this archive and unpacks it.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { hashFile, listFiles } from "../../../toolchain/hash.ts";
import { entriesBelow, type LayerEntry, packLayer } from "../../../toolchain/images/layer.ts";
import type { Recipe, RecipeContext } from "../recipe.ts";
import { buildGo, goEnvironment } from "./go.ts";
import { copyNodePrograms } from "./k3s-programs.ts";
import { copyModule } from "./module-copy.ts";

const FROM_SOURCE = fileURLToPath(new URL("..", import.meta.url));
const MODULE = "github.com/k3s-io/k3s";

/** Tags of k3s' own build for Linux. cri-dockerd is left out: there is no Docker to speak to. */
const TAGS = [
  "ctrd",
  "netcgo",
  "osusergo",
  "providerless",
  "urfave_cli_no_docs",
  "sqlite_omit_load_extension",
  "no_cri_dockerd",
  "apparmor",
  "seccomp",
];

/** Needs a chart that k3s' site alone serves, and images that nobody else builds. */
const LEFT_OUT = ["traefik.yaml"];

/** Names under which the server starts itself again, beside its own. */
const SERVER_LINKS = [
  "containerd",
  "crictl",
  "ctr",
  "kubectl",
  "k3s-agent",
  "k3s-certificate",
  "k3s-completion",
  "k3s-etcd-snapshot",
  "k3s-secrets-encrypt",
  "k3s-server",
  "k3s-token",
];

export interface K3sVersion {
  /** Of k3s, as its releases are named, e.g. `1.35.0+k3s3`. */
  k3s: string;
  /** First eight digits of the module's commit. */
  commit: string;
  /** Of the containerd that is in it. */
  containerd: string;
}

/** Builds `bin/k3s`, which is used as the release is. Needs a C compiler, for SQLite. */
export function buildK3s(version: K3sVersion): Recipe {
  return async (context) => {
    await requireCompiler(context);
    const module = await copyModule(context, MODULE, "go/k3s");
    const sources = join(FROM_SOURCE, module);
    const variables = await toVariables(context, version);
    const node = join(context.scratch, "node");
    await embedManifests(sources);
    const server = { ...context, destination: node };
    await buildGo(server, {
      module,
      package: "./cmd/server",
      output: "bin/k3s",
      tags: TAGS,
      variables,
      cgo: true,
    });
    const shim = "containerd-shim-runc-v2";
    await buildGo(server, {
      module,
      package: `github.com/containerd/containerd/v2/cmd/${shim}`,
      output: `bin/${shim}`,
      tags: TAGS,
      variables,
    });
    await copyNodePrograms(context, join(node, "bin"));
    context.report("packing the programs of a node");
    await embedNode(node, join(sources, "pkg/data/embed"));
    await buildGo(context, {
      module,
      package: "./cmd/k3s",
      output: "bin/k3s",
      tags: ["urfave_cli_no_docs"],
      variables,
    });
  };
}

async function requireCompiler(context: RecipeContext): Promise<void> {
  try {
    await context.run("gcc", ["--version"]);
  } catch (error) {
    context.signal.throwIfAborted();
    throw new Error("gcc: must be on PATH to build k3s from source (SQLite is C), got none", {
      cause: error,
    });
  }
}

async function toVariables(
  context: RecipeContext,
  version: K3sVersion,
): Promise<Record<string, string>> {
  const go = await context.run("go", ["env", "GOVERSION"], { env: goEnvironment(context) });
  const [major = "", minor = ""] = version.k3s.split(".");
  const kubernetes = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
  return {
    [`${MODULE}/pkg/version.Version`]: `v${version.k3s}`,
    [`${MODULE}/pkg/version.GitCommit`]: version.commit,
    // k3s refuses to start when it was built with another Go than this says.
    [`${MODULE}/pkg/version.UpstreamGolang`]: go.trim(),
    "github.com/containerd/containerd/v2/version.Version": version.containerd,
    ...Object.fromEntries(
      kubernetes.flatMap((path) => [
        [`${path}.gitVersion`, `v${version.k3s}`],
        [`${path}.gitMajor`, major],
        [`${path}.gitMinor`, minor],
        [`${path}.gitCommit`, version.commit],
        [`${path}.gitTreeState`, "clean"],
      ]),
    ),
  };
}

async function embedManifests(sources: string): Promise<void> {
  const embedded = join(sources, "pkg/deploy/embed");
  await cp(join(sources, "manifests"), embedded, { recursive: true });
  for (const name of LEFT_OUT) {
    await rm(join(embedded, name));
  }
}

/** Packs a node's programs as `<digest>.tar.zst`, with the two lists that k3s verifies them by. */
async function embedNode(node: string, embedded: string): Promise<void> {
  const bin = join(node, "bin");
  const programs = await entriesBelow(node, (path) => path);
  const links: LayerEntry[] = SERVER_LINKS.map((name) => ({
    kind: "link",
    path: `/bin/${name}`,
    target: "k3s",
  }));
  const entries = [...programs, ...links];
  await mkdir(embedded, { recursive: true });
  const file = join(embedded, "node.tar.zst");
  const layer = await packLayer(
    [
      ...entries,
      { kind: "file", path: "/bin/.links", content: toLinkList(entries) },
      { kind: "file", path: "/bin/.sha256sums", content: await toSums(bin, programs) },
      { kind: "directory", path: "/etc" },
    ],
    file,
  );
  await cp(file, join(embedded, `${layer.digest.replace("sha256:", "")}.tar.zst`));
  await rm(file);
  // A placeholder of the module: what is embedded first is taken for the archive.
  await rm(join(embedded, ".empty"), { force: true });
}

function toLinkList(entries: readonly LayerEntry[]): string {
  return entries
    .flatMap((entry) =>
      entry.kind === "link" ? [`${relative("/bin", entry.path)} ${entry.target}\n`] : [],
    )
    .sort()
    .join("");
}

async function toSums(bin: string, entries: readonly LayerEntry[]): Promise<string> {
  const links = new Set(entries.filter(({ kind }) => kind === "link").map(({ path }) => path));
  const files = (await listFiles(bin)).filter((file) => !links.has(`/bin/${file}`));
  const lines = files.map(async (file) => `${await hashFile(join(bin, file))}  ${file}\n`);
  return (await Promise.all(lines)).join("");
}
