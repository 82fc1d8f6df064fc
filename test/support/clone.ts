/** A fresh clone of this repository in a folder of its own, driven by the README's commands. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeClusterFolder } from "./cluster-folder.ts";

const root = dirname(dirname(import.meta.dirname));

function readdirIfAny(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

export interface Finished {
  code: number | null;
  /** Standard output and standard error, as they came. */
  output: string;
  /** Standard output alone: what a program would read. */
  stdout: string;
}

/** A running command: its process, what it has printed so far and its end. */
export interface Running {
  child: ChildProcess;
  printed(): string;
  finished: Promise<Finished>;
}

/** Fails with what a command has printed last, unless it went well. */
export function requireSuccess(finished: Finished): Finished {
  if (finished.code === 0) {
    return finished;
  }
  const { code, output } = finished;
  throw new Error(`expected success, got code ${String(code)} and\n${output.slice(-4000)}`);
}

export class FreshClone {
  readonly folder: string;
  readonly home: string;
  /** Of every `up`. */
  readonly settings: string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #exports: Record<string, string> = {};

  /**
   * Clones what is committed. The cache is the machine's own, so that what is tested is a warm
   * start, unless the environment of all commands says otherwise.
   */
  constructor(name: string, subnet: string, env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
    const parent = makeClusterFolder("e2e");
    this.folder = join(parent, "plonk");
    this.home = join(parent, "home");
    this.settings = [
      ...["--config", `plonk:clusterName=${name}`],
      ...["--config", `plonk:subnet=${subnet}`],
    ];
    execFileSync("git", ["clone", "--quiet", root, this.folder]);
  }

  /** Takes this repository's dependencies: their install is what `stack.test.ts` sees to. */
  linkDependencies(): void {
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
  }

  start(args: readonly string[]): Running {
    return this.#spawn("npm", ["run", "--silent", ...args], {
      ...process.env,
      PLONK_HOME: this.home,
    });
  }

  #spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Running {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...env, ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let stdout = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", collect);
    const finished = new Promise<Finished>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, output, stdout }));
    });
    return { child, printed: () => output, finished };
  }

  run(...args: string[]): Promise<Finished> {
    return this.start(args).finished;
  }

  async up(): Promise<Finished> {
    const finished = await this.run("up", "--", ...this.settings);
    const lines = finished.output.matchAll(/^ {2}export (\w+)='([^']*)'(?::\$PATH)?$/gm);
    for (const [, name = "", value = ""] of lines) {
      this.#exports[name] = name === "PATH" ? `${value}:${process.env["PATH"] ?? ""}` : value;
    }
    return finished;
  }

  /** The `pulumi` that the exports printed by `up` lead to, without any of our commands. */
  plainPulumi(...args: string[]): Promise<Finished> {
    return this.#spawn("sh", ["-c", 'exec pulumi "$@"', "sh", ...args], {
      ...process.env,
      ...this.#exports,
    }).finished;
  }

  pulumi(...args: string[]): Promise<Finished> {
    return this.run("pulumi", "--", ...args);
  }

  /** The output of kubectl on a cluster of the clone's. */
  kubectl(cluster: string, args: readonly string[], input = ""): string {
    const script = join(this.home, "clusters", cluster, "kubectl.sh");
    return execFileSync("sh", [script, ...args], { input, encoding: "utf8" });
  }

  /** Changes a file of the clone; fails when there is nothing to change. */
  edit(file: string, from: string, to: string): void {
    const path = join(this.folder, file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) {
      throw new Error(`${file}: expected to contain ${from}`);
    }
    writeFileSync(path, text.replace(from, to));
  }

  /**
   * Removes the stack and all files. A `down` that fails is an error, but nothing of the stack
   * stays: what it runs would outlive the tests.
   */
  async remove(): Promise<void> {
    const { code, output } = await this.run("down");
    for (const file of readdirIfAny(join(this.home, "clusters"))) {
      const script = join(this.home, "clusters", file, "remove.sh");
      if (existsSync(script)) {
        execFileSync("sh", [script], { stdio: "ignore" });
      }
    }
    rmSync(dirname(this.folder), { recursive: true, force: true });
    if (code !== 0) {
      throw new Error(`down: expected success, got ${output.slice(-2000)}`);
    }
  }
}
