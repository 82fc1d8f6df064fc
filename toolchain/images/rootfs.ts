/** The root file system of assembled images: C library, users, certificates; no shell. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Architecture } from "../../contract/index.ts";
import { extractDebianPackages } from "../../standins/from-source/recipes/debian.ts";
import type { ImageContext } from "./context.ts";
import { entriesBelow, type LayerEntry } from "./layer.ts";

/** The user of all images; 65532 is `nonroot`, as in distroless images. */
export const NONROOT = "65532:65532";

export const ROOTFS_PACKAGES = [
  "libc6",
  "libgcc-s1",
  "libstdc++6",
  "ca-certificates",
  "netbase",
  "tzdata",
] as const;

/** Libraries of libc6 that programs link to or load by name. */
const LIBRARIES = [
  /^(\/usr)?\/lib(64)?\/([^/]+\/)?ld-linux[^/]*$/,
  /^(\/usr)?\/lib\/[^/]+\/lib(anl|c|dl|m|mvec|pthread|resolv|rt|util|nss_dns|nss_files)\.so\.\d+$/,
  /^(\/usr)?\/lib\/[^/]+\/lib(gcc_s|stdc\+\+)\.so\.[\d.]+$/,
];
const DATA = [
  /^\/etc\/(protocols|services)$/,
  /^\/usr\/share\/doc\/[^/]+\/copyright$/,
  /^\/usr\/share\/zoneinfo\/(UTC|Etc\/UTC)$/,
];

const FILES: readonly LayerEntry[] = [
  {
    kind: "file",
    path: "/etc/passwd",
    content:
      "root:x:0:0:root:/root:/sbin/nologin\n" +
      "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
      "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
  },
  {
    kind: "file",
    path: "/etc/group",
    content: "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n",
  },
  { kind: "file", path: "/etc/nsswitch.conf", content: "hosts: files dns\n" },
  { kind: "link", path: "/etc/localtime", target: "/usr/share/zoneinfo/UTC" },
  { kind: "directory", path: "/home/nonroot" },
  { kind: "directory", path: "/tmp", mode: 0o1777 },
];

/** Extracts Debian's packages below `scratch` and selects the files that an image needs. */
export async function collectRootfs(
  context: ImageContext,
  architecture: Architecture,
  scratch: string,
): Promise<LayerEntry[]> {
  await extractDebianPackages(context, {
    packages: ROOTFS_PACKAGES,
    architecture,
    destination: scratch,
  });
  const patterns = [...LIBRARIES, ...DATA];
  const picked = await entriesBelow(scratch, (path) =>
    patterns.some((pattern) => pattern.test(path)) ? path : undefined,
  );
  const certificates: LayerEntry = {
    kind: "file",
    path: "/etc/ssl/certs/ca-certificates.crt",
    content: await joinCertificates(join(scratch, "usr/share/ca-certificates/mozilla")),
  };
  return [...FILES, certificates, ...picked];
}

/** The bundle that Debian's `update-ca-certificates` creates at install time. */
async function joinCertificates(directory: string): Promise<string> {
  const files = (await readdir(directory)).sort();
  const certificates = await Promise.all(
    files.map((file) => readFile(join(directory, file), "utf8")),
  );
  return certificates.join("");
}
