/** Debian's nft, for machines without one. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quote } from "../../components/cluster/host-script.ts";
import { toLibraryPath, unpackDebianTree } from "./debian-tree.ts";

/** Puts nft in front of the PATH of this process and all that it starts; installs nothing. */
export async function provideNft(): Promise<void> {
  const tree = await unpackDebianTree({
    name: "nftables",
    packages: ["nftables"],
    needed: /^(lib|nftables)/,
    needless: /^libc6/,
  });
  const bin = mkdtempSync(join(tmpdir(), "plonk-nft-"));
  const libraries = `LD_LIBRARY_PATH=${quote(toLibraryPath(tree))}`;
  const text = `#!/bin/sh\n${libraries} exec ${quote(join(tree, "usr/sbin/nft"))} "$@"\n`;
  writeFileSync(join(bin, "nft"), text, { mode: 0o755 });
  process.env["PATH"] = `${bin}:${process.env["PATH"] ?? ""}`;
}
