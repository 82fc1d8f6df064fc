/** Debian's nft and iptables, for machines without them. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quote } from "../../components/cluster/host-script.ts";
import { toLibraryPath, unpackDebianTree } from "./debian-tree.ts";

/** Puts nft in front of the PATH of this process and all that it starts; installs nothing. */
export async function provideNft(): Promise<void> {
  const tree = await unpack("nftables");
  provide("nft", tree, [join(tree, "usr/sbin/nft")]);
}

/** The same for iptables; as in Debian it is the one that keeps its rules in nftables. */
export async function provideIptables(): Promise<void> {
  const tree = await unpack("iptables");
  provide("iptables", tree, [join(tree, "usr/sbin/xtables-nft-multi"), "iptables"]);
}

/** A package with its libraries, but for those of every machine. */
function unpack(name: string): Promise<string> {
  const needed = new RegExp(`^(lib|${name})`);
  return unpackDebianTree({ name, packages: [name], needed, needless: /^libc6/ });
}

function provide(name: string, tree: string, command: string[]): void {
  const bin = mkdtempSync(join(tmpdir(), `plonk-${name}-`));
  const variables = [
    `LD_LIBRARY_PATH=${quote(toLibraryPath(tree))}`,
    `XTABLES_LIBDIR=${quote(toLibraryPath(tree, "xtables").split(":").at(-1) ?? "")}`,
  ];
  const words = [...variables, "exec", ...command.map(quote)].join(" ");
  writeFileSync(join(bin, name), `#!/bin/sh\n${words} "$@"\n`, { mode: 0o755 });
  process.env["PATH"] = `${bin}:${process.env["PATH"] ?? ""}`;
}
