/** The reference proxies and load generators: built once, kept in the cache. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { extractDebianPackages } from "../../standins/from-source/recipes/debian.ts";
import { buildGoPrograms } from "../../test/support/go-programs.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { createImageContext, type ImageContext } from "../../toolchain/images/context.ts";
import { findOrBuild } from "../../toolchain/images/store.ts";

/** Libraries of the three programs, except for the C library and systemd's. */
const PACKAGES = [
  "nginx",
  "haproxy",
  "wrk",
  "libluajit-5.1-2",
  "liblua5.3-0",
  "libopentracing-c-wrapper0",
  "libopentracing1",
  "libpcre2-8-0",
  "libssl3",
];

const DEBIAN_PATHS = { nginx: "usr/sbin/nginx", haproxy: "usr/sbin/haproxy", wrk: "usr/bin/wrk" };

const GO_FOLDER = join(import.meta.dirname, "go");

/** Main packages below `go/`. */
const GO_PROGRAMS = ["proxy", "openfaas", "load", "messages", "function"] as const;

export type ToolName = keyof typeof DEBIAN_PATHS | (typeof GO_PROGRAMS)[number];

export interface Tools {
  /** Path of a program. */
  path(name: ToolName): string;
  /** Lets Debian's programs find their libraries. */
  env: Record<string, string>;
}

/**
 * Downloads Debian's packages and compiles the Go programs where the cache lacks them.
 * @param report - told in a few words what takes long
 */
export async function prepareTools(report: (message: string) => void): Promise<Tools> {
  const context = createImageContext({ report });
  const root = join(context.cache, "bench");
  await mkdir(root, { recursive: true });
  const debian = await prepareDebian(context, root);
  const packages = Object.fromEntries(GO_PROGRAMS.map((name) => [name, `./${name}`]));
  const go = await buildGoPrograms(context, { root, name: "go", module: GO_FOLDER, packages });
  const libraries = ["usr/lib", "lib"].map((folder) => join(debian, folder, libraryTriplet()));
  return {
    path: (name) =>
      name === "nginx" || name === "haproxy" || name === "wrk"
        ? join(debian, DEBIAN_PATHS[name])
        : join(go, name),
    env: { LD_LIBRARY_PATH: libraries.join(":") },
  };
}

function libraryTriplet(): string {
  return hostArchitecture() === "amd64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
}

async function prepareDebian(context: ImageContext, root: string): Promise<string> {
  const architecture = hostArchitecture();
  const entry = await findOrBuild<null>({
    root,
    name: "debian",
    inputs: { PACKAGES, architecture },
    signal: context.signal,
    build: async (destination) => {
      await extractDebianPackages(context, { packages: PACKAGES, architecture, destination });
      return null;
    },
  });
  return entry.directory;
}
