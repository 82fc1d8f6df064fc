/** Runs the real Pulumi engine on a throw-away project with the plugins of this repository. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { acquire } from "../../toolchain/acquire.ts";
import { plonkCache } from "../../toolchain/directories.ts";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** What runs programs in another language than Node's, beside the CLI. */
export type LanguageHost = "pulumi-language-yaml";

type PluginName = "command" | "kubernetes";

/** One resource in a run: what was done with it, and which properties made it so. */
export interface Step {
  /** `same`, `create`, `update`, `replace`, `delete`, `refresh`, ... */
  op: string;
  urn: string;
  type: string;
  /** Logical name. */
  name: string;
  /** Property path -> `add`, `update`, `update-replace`, ... */
  diff: Record<string, string>;
}

export interface RunResult {
  code: number;
  /** Everything printed, standard output and standard error. */
  output: string;
  /** Operation -> number of resources, as the summary has it; `same` included. */
  changes: Record<string, number>;
  steps: Step[];
  /** Messages of severity error, warning and info, without colours. */
  diagnostics: { severity: string; message: string; urn: string }[];
  seconds: number;
}

interface RunOptions {
  /** Added to the environment. */
  env?: Record<string, string>;
  /** Aborting sends SIGINT (Ctrl-C) to the engine. */
  signal?: AbortSignal;
  /** Further arguments, e.g. `--target`. */
  args?: string[];
}

export interface Engine {
  /** The project's directory. */
  directory: string;
  /** Writes the program: the text of an ES module in TypeScript. */
  program(source: string): Promise<void>;
  preview(options?: RunOptions): Promise<RunResult>;
  up(options?: RunOptions): Promise<RunResult>;
  refresh(options?: RunOptions): Promise<RunResult>;
  destroy(options?: RunOptions): Promise<RunResult>;
  /** Any other command, e.g. `["import", type, name, id]`. */
  pulumi(args: string[], options?: RunOptions): Promise<{ code: number; output: string }>;
  /** Stack outputs; secrets in plain text. */
  outputs(): Promise<Record<string, unknown>>;
  /** The state file as it is on disk. */
  state(): Promise<string>;
  /** Deletes the directory; resources that are still up stay as they are. */
  remove(): Promise<void>;
}

export interface EngineOptions {
  plugins: readonly PluginName[];
  /** Environment of every run. */
  env?: Record<string, string>;
  /** Name of the project. @default "trial" */
  project?: string;
  /** Name of the stack. @default "test" */
  stack?: string;
}

/** Makes an empty project with a stack of its own, and installs the plugins for it. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { project = "trial" } = options;
  const home = await createHome(options.plugins);
  const directory = join(home, "project");
  await mkdir(directory);
  await symlink(join(ROOT, "node_modules"), join(directory, "node_modules"));
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  await writeFile(
    join(directory, "Pulumi.yaml"),
    `name: ${project}\nruntime: {name: nodejs, options: {typescript: false}}\nmain: index.ts\n`,
  );
  return openProject({ ...options, home, directory, project });
}

/** Makes a folder for state and plugins; stacks that share it see each other's outputs. */
export async function createHome(plugins: readonly PluginName[]): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "plonk-engine-"));
  await mkdir(join(home, "state"));
  await Promise.all(plugins.map((name) => installPlugin(home, name)));
  return home;
}

/** A project that is there. */
export interface ProjectOptions extends Pick<EngineOptions, "env" | "stack"> {
  /** What `createHome` made. */
  home: string;
  /** Folder with `Pulumi.yaml`. */
  directory: string;
  /** Its name in there. */
  project: string;
  /** @default none */
  hosts?: readonly LanguageHost[];
}

/** Makes a stack of a project. */
export async function openProject(options: ProjectOptions): Promise<Engine> {
  const { home, directory, project, stack = "test", hosts = [] } = options;
  const environment = { ...(await toEnvironment(home, hosts)), ...options.env };
  const state = join(home, `state/.pulumi/stacks/${project}/${stack}.json`);
  const engine = toEngine({ home, directory, environment, state });
  const made = await engine.pulumi(["stack", "init", stack]);
  if (made.code !== 0) {
    throw new Error(`pulumi stack init: ${made.output}`);
  }
  return engine;
}

interface Place {
  home: string;
  directory: string;
  environment: NodeJS.ProcessEnv;
  /** Path of the state file. */
  state: string;
}

function toEngine(place: Place): Engine {
  const { home, directory } = place;
  const run = (command: string[]) => (options?: RunOptions) => operate(place, command, options);
  return {
    directory,
    program: (source) => writeFile(join(directory, "index.ts"), source),
    preview: run(["preview"]),
    up: run(["up", "--yes", "--skip-preview"]),
    refresh: run(["refresh", "--yes", "--skip-preview"]),
    destroy: run(["destroy", "--yes", "--skip-preview"]),
    pulumi: (args, options) => execute(place, args, options),
    async outputs() {
      const shown = await execute(place, ["stack", "output", "--json", "--show-secrets"]);
      return JSON.parse(shown.output) as Record<string, unknown>;
    },
    state: () => readFile(place.state, "utf8"),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

/** Under the name of the version that the SDK asks for, which is the one in the catalogue. */
async function installPlugin(home: string, name: PluginName): Promise<void> {
  const { path, version } = await acquire(`pulumi-resource-${name}`);
  const folder = join(home, `pulumi/plugins/resource-${name}-v${version}`);
  await mkdir(folder, { recursive: true });
  await symlink(path, join(folder, `pulumi-resource-${name}`));
}

async function toEnvironment(
  home: string,
  hosts: readonly LanguageHost[],
): Promise<NodeJS.ProcessEnv> {
  const programs = await Promise.all(["pulumi", ...hosts].map((name) => acquire(name)));
  const found = programs.map(({ path: program }) => dirname(program));
  const folders = [dirname(process.execPath), ...found, process.env["PATH"] ?? ""];
  const path = folders.join(delimiter);
  return {
    ...process.env,
    PATH: path,
    // Jest's own flags are not for the programs under test.
    NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
    // As in a user's stack: otherwise half of a run is the compilation of Pulumi's SDK.
    NODE_COMPILE_CACHE: join(plonkCache(), "compiled"),
    PULUMI_HOME: join(home, "pulumi"),
    PULUMI_BACKEND_URL: `file://${join(home, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "x",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // The event log is a flag for developers only.
    PULUMI_DEBUG_COMMANDS: "true",
  };
}

async function execute(
  place: Place,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ code: number; output: string }> {
  const child = spawn("pulumi", ["--non-interactive", "--color=never", ...args], {
    cwd: place.directory,
    env: { ...place.environment, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const interrupt = () => child.kill("SIGINT");
  options.signal?.addEventListener("abort", interrupt, { once: true });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  options.signal?.removeEventListener("abort", interrupt);
  return { code: code ?? -1, output };
}

async function operate(place: Place, command: string[], options?: RunOptions): Promise<RunResult> {
  const log = join(place.home, "events.json");
  await rm(log, { force: true });
  const started = Date.now();
  const args = [...command, `--event-log=${log}`, ...(options?.args ?? [])];
  const { code, output } = await execute(place, args, options);
  const seconds = (Date.now() - started) / 1000;
  return { code, output, seconds, ...summarize(await readEvents(log)) };
}

interface Metadata {
  op: string;
  urn: string;
  type: string;
  detailedDiff?: Record<string, { diffKind: string }>;
}

/** The engine's events, as far as they matter here (apitype `EngineEvent`). */
interface EngineEvent {
  resourcePreEvent?: { metadata: Metadata };
  resOutputsEvent?: { metadata: Metadata };
  diagnosticEvent?: { severity: string; message: string; urn?: string };
  summaryEvent?: { resourceChanges: Record<string, number> };
}

async function readEvents(path: string): Promise<EngineEvent[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as EngineEvent);
}

function summarize(events: EngineEvent[]): Pick<RunResult, "changes" | "steps" | "diagnostics"> {
  const steps = new Map<string, Step>();
  const changes: Record<string, number> = {};
  const diagnostics: RunResult["diagnostics"] = [];
  for (const event of events) {
    // A refresh knows only at its end what it did, so the later event of a step wins.
    const metadata = event.resOutputsEvent?.metadata ?? event.resourcePreEvent?.metadata;
    if (metadata) {
      steps.set(`${metadata.urn} ${metadata.op}`, toStep(metadata));
    }
    if (event.summaryEvent) {
      Object.assign(changes, event.summaryEvent.resourceChanges);
    }
    if (event.diagnosticEvent) {
      const { severity, message, urn = "" } = event.diagnosticEvent;
      if (severity !== "debug") {
        diagnostics.push({ severity, message: plain(message), urn });
      }
    }
  }
  return { changes, steps: [...steps.values()], diagnostics };
}

function toStep(metadata: Metadata): Step {
  const diff = Object.entries(metadata.detailedDiff ?? {});
  return {
    op: metadata.op,
    urn: metadata.urn,
    type: metadata.type,
    name: metadata.urn.split("::").at(-1) ?? "",
    diff: Object.fromEntries(diff.map(([path, { diffKind }]) => [path, diffKind])),
  };
}

/** Without the colour tags of the engine, e.g. `<{%fg 1%}>`. */
function plain(message: string): string {
  return message.replaceAll(/<\{%.*?%\}>/g, "").trim();
}
