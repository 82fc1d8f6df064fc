/** The whole stack on a cluster of its own, brought up and removed by the README's commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Finished, FreshClone } from "./clone.ts";

/** A running stack, with the examples `hello`, `markdown` and `sha256` on it. */
export interface Stack {
  /** Address of the gateway, without a trailing slash. */
  url: string;
  /** Password of the user `admin`. */
  password: string;
  /** Folders with all that the stack is made of: state, configuration, logs. */
  folders: { home: string; clone: string };
  /** All that `up` and `pulumi` have printed. */
  printed(): string;
  /** Runs `pulumi`; its failure is an error with what it printed. */
  pulumi(...args: string[]): Promise<string>;
  /** Brings changed settings to the cluster. */
  update(): Promise<void>;
  /** Runs `kubectl` and returns what it prints. Its failure is an error with its message. */
  kubectl(...args: string[]): Promise<string>;
  /** Removes the cluster and all files. */
  stop(): Promise<void>;
}

/**
 * Brings a stack up from what is committed.
 *
 * @param name name of the cluster: no other one on this machine may have it
 * @param subnet a /24 of 198.18.0.0/15 that no other cluster on this machine has
 * @throws Error with the end of what `up` printed
 */
export async function startStack(name: string, subnet: string): Promise<Stack> {
  const clone = new FreshClone(name, subnet);
  clone.linkDependencies();
  const { code, output } = await clone.up();
  const url = /Gateway\s+(http:\S+)/.exec(output)?.[1];
  if (code !== 0 || url === undefined) {
    await clone.remove();
    throw new Error(`up: expected a gateway, got ${output.slice(-2000)}`);
  }
  const shown = await clone.pulumi("stack", "output", "adminPassword", "--show-secrets");
  const directory = join(clone.home, "clusters", name);
  let printed = output;
  const keep = (what: string, finished: Finished): string => {
    printed += finished.output;
    if (finished.code === 0) {
      return finished.output;
    }
    throw new Error(`${what}: expected success, got ${finished.output.slice(-2000)}`);
  };
  return {
    url,
    password: shown.stdout.trim(),
    folders: { home: clone.home, clone: clone.folder },
    printed: () => printed,
    pulumi: async (...args) => keep(`pulumi ${args[0] ?? ""}`, await clone.pulumi(...args)),
    update: async () => void keep("up", await clone.up()),
    kubectl: toKubectl(directory),
    stop: () => clone.remove(),
  };
}

function toKubectl(directory: string): Stack["kubectl"] {
  const script = join(directory, "kubectl.sh");
  return async (...args) => {
    const child = spawn("sh", [script, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) {
      throw new Error(`kubectl ${args.join(" ")}: ${errors}`);
    }
    return output;
  };
}
