/** OpenFaaS' own clients, built from their modules and kept in the cache: the real ones. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { createImageContext } from "../../toolchain/images/context.ts";
import { buildGoPrograms } from "./go-programs.ts";

const FOLDER = join(import.meta.dirname, "../clients");

/** Their modules below `test/clients/`, and what is built of each. */
const PACKAGES = {
  "faas-cli": "github.com/openfaas/faas-cli",
  "go-sdk": ".",
  connector: ".",
} as const;

export type ClientName = keyof typeof PACKAGES;

/** Path of a client's program, which is built where the cache lacks it: a minute for faas-cli. */
export async function buildClient(name: ClientName): Promise<string> {
  const context = createImageContext({ report: () => undefined });
  const folder = await buildGoPrograms(context, {
    ...{ root: join(context.cache, "clients"), name, module: join(FOLDER, name) },
    packages: { [name]: PACKAGES[name] },
  });
  return join(folder, name);
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** How a command of faas-cli is run. */
export interface CommandOptions {
  /** Its address. @default none */
  gateway?: string;
  /** What it reads from standard input. @default nothing */
  input?: string;
  /** Where it is run. @default the home */
  folder?: string;
  /** Variables beside its own. @default none */
  variables?: object;
}

/** Someone at a shell with faas-cli, in a home of their own. */
export class FaasCli {
  readonly #program: string;
  readonly #home: string;

  private constructor(program: string, home: string) {
    this.#program = program;
    this.#home = home;
  }

  static async create(): Promise<FaasCli> {
    const program = await buildClient("faas-cli");
    return new FaasCli(program, await mkdtemp(join(tmpdir(), "plonk-faas-cli-")));
  }

  /** Path of a file beside which commands run. */
  file(name: string): string {
    return join(this.#home, name);
  }

  /** Runs one command; resolves when it has ended, however. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    const child = this.#start(args, options);
    child.stdin.end(options.input);
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      ended,
    ]);
    return { code, stdout, stderr };
  }

  /** Lines of a command that goes on until somebody has read enough of them. */
  async *follow(args: readonly string[], options: CommandOptions = {}): AsyncGenerator<string> {
    const child = this.#start(args, options);
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.stdin.end();
    child.stderr.resume();
    try {
      yield* createInterface({ input: child.stdout });
    } finally {
      child.kill();
      await ended;
    }
  }

  #start(args: readonly string[], options: CommandOptions): ChildProcessWithoutNullStreams {
    const { gateway = "", folder = this.#home, variables = {} } = options;
    const own = { HOME: this.#home, PATH: process.env["PATH"], OPENFAAS_URL: gateway };
    const env = { ...variables, ...own };
    const child = spawn(this.#program, args, { env, cwd: folder, stdio: "pipe" });
    // Most commands do not read it, and some have ended before it is written.
    child.stdin.on("error", () => undefined);
    return child;
  }

  async remove(): Promise<void> {
    await rm(this.#home, { recursive: true, force: true });
  }
}

/** Where a client goes, and as whom. */
export interface GatewayLogin {
  url: string;
  user: string;
  password: string;
}

/** What a step of the program on OpenFaaS' Go SDK gave. */
export interface SdkResult {
  value: unknown;
  error?: string;
}

/** Runs steps, each `{ do: "deploy", ... }` as `test/clients/go-sdk/main.go` has them. */
export async function runGoSdk(
  { url, user, password }: GatewayLogin,
  steps: readonly object[],
): Promise<SdkResult[]> {
  const child = spawn(await buildClient("go-sdk"), [url, user, password], { stdio: "pipe" });
  child.stdin.end(steps.map((step) => `${JSON.stringify(step)}\n`).join(""));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  if (lines.length !== steps.length) {
    throw new Error(`go-sdk: expected ${steps.length} answers, got ${lines.length}: ${stderr}`);
  }
  return lines.map((line) => JSON.parse(line) as SdkResult);
}

/** What a function of a topic has answered to a connector. */
export interface Heard {
  function: string;
  topic: string;
  status: number;
  body: string;
  callId: string;
}

export interface ConnectorOptions extends GatewayLogin {
  topic: string;
  isAsync: boolean;
}

/** Sends one message to the functions of a topic, and resolves to the first so many answers. */
export async function connect(
  { url, user, password, topic, isAsync }: ConnectorOptions,
  message: string,
  answers: number,
): Promise<Heard[]> {
  const args = [url, user, password, topic, isAsync ? "async" : "sync"];
  const child = spawn(await buildClient("connector"), args, { stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    child.stdin.write(`${message}\n`);
    const heard: Heard[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      heard.push(JSON.parse(line) as Heard);
      if (heard.length === answers) {
        break;
      }
    }
    return heard;
  } finally {
    child.kill();
    await ended;
  }
}
