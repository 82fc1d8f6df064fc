/** Defaults that `up` writes into a stack's configuration once, so that later previews agree. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { isNetworkOpen } from "../toolchain/artifacts.ts";
import { capture } from "../toolchain/run-command.ts";
import { hasStack, type LocalStack, pulumiText } from "./local-stack.ts";
import { claimSubnet, ownClusters, subnetOf, takeSubnet, usedNetworks } from "./neighbours.ts";
import { hasProgram } from "./preflight.ts";
import { CommandError, say } from "./process.ts";
import { STACK, stackFile } from "./project.ts";

/** Settings by key; secrets are objects. */
type Known = Readonly<Record<string, unknown>>;

/** Creates the stack and its configuration; the admin password is generated once, as a secret. */
export async function ensureStack(stack: LocalStack, settings: readonly string[]): Promise<void> {
  if (!hasStack(stack)) {
    await pulumiText(stack, ["stack", "init", stack.name, "--non-interactive"]);
  }
  for (const setting of settings) {
    const at = setting.indexOf("=");
    if (at < 1) {
      throw new CommandError(`--config: expected key=value, got ${setting}`);
    }
    await set(stack, setting.slice(0, at), setting.slice(at + 1));
  }
  const known = await readKnown(stackFile(stack.name));
  if (!("plonk:target" in known)) {
    await set(stack, "plonk:target", "local");
  }
  if (!("plonk:adminPassword" in known)) {
    const password = randomBytes(24).toString("base64url");
    const secret = ["config", "set", "--stack", stack.name, "--non-interactive", "--secret"];
    await pulumiText(stack, [...secret, "plonk:adminPassword"], password);
  }
  if ((textOf(known, "target") ?? "local") === "local") {
    await ensurePlace(stack, known);
  }
}

/**
 * Reads a stack's own file. `pulumi config` does not tell its values from the defaults of
 * Pulumi.yaml.
 */
export async function readKnown(file: string): Promise<Known> {
  if (!existsSync(file)) {
    return {};
  }
  const content = parse(await readFile(file, "utf8")) as { config?: Known | null } | null;
  return content?.config ?? {};
}

function textOf(known: Known, key: string): string | undefined {
  const value = known[`plonk:${key}`];
  return typeof value === "string" ? value : undefined;
}

async function set(stack: LocalStack, key: string, value: string): Promise<void> {
  const command = ["config", "set", "--stack", stack.name, "--non-interactive", key, value];
  await pulumiText(stack, command);
}

/** Sets name, network and egress of a cluster on this machine. */
async function ensurePlace(stack: LocalStack, known: Known): Promise<void> {
  const cluster = textOf(known, "clusterName") ?? stack.name;
  if (!("plonk:clusterName" in known) && stack.name !== STACK) {
    await set(stack, "plonk:clusterName", cluster);
  }
  const chosen = textOf(known, "subnet");
  if (chosen === undefined) {
    await set(stack, "plonk:subnet", await chooseSubnet(stack, cluster));
  } else {
    await claimSubnet(stack, chosen);
  }
  if (!("plonk:egress" in known)) {
    await set(stack, "plonk:egress", await chooseEgress());
  }
}

/** The subnet of an existing cluster of a killed run or an earlier version, else a free one. */
async function chooseSubnet(stack: LocalStack, cluster: string): Promise<string> {
  const isOwn = (await ownClusters(stack, cluster)).includes(cluster);
  const before = isOwn ? await subnetOf(stack.home, cluster) : undefined;
  if (before === undefined) {
    return takeSubnet(stack, await usedNetworks());
  }
  await claimSubnet(stack, before);
  return before;
}

/** `nat` on an open network with a default route, else `none`. */
async function chooseEgress(): Promise<string> {
  const route = await capture("ip", ["-4", "route", "show", "default"]);
  if (route.stdout.trim() === "" || !(await isNetworkOpen())) {
    return "none";
  }
  if (["nft", "iptables"].some((name) => hasProgram(name))) {
    return "nat";
  }
  say("plonk:egress: none, as nat needs nft, which is in the package nftables, or iptables");
  return "none";
}
