/** Runs schemathesis against a gateway: requests made up from the API's document. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheLayout } from "../../toolchain/directories.ts";
import { toMessage } from "../../toolchain/errors.ts";
import { withLock } from "../../toolchain/lock.ts";
import { runCommand } from "../../toolchain/run-command.ts";

const FOLDER = join(import.meta.dirname, "schemathesis");
const REQUIREMENTS = join(FOLDER, "requirements.txt");

/** Oldest Python that the pinned packages run on. */
const WANTED = "python3: expected Python 3.11 or newer with venv, to run schemathesis";

export interface SchemathesisOptions {
  /** Address of the gateway, without a trailing slash. */
  url: string;
  /** `user:password`. */
  login: string;
  /** Path of the API's document. */
  document: string;
  /** The namespace that whatever is written is written to. */
  namespace: string;
  /** A function there that can be called. */
  functionName: string;
  /** Generated requests for each operation. */
  examples: number;
}

export interface SchemathesisReport {
  /** What is wrong: the kind of failure and the operations. */
  failures: string[];
  /** Operations of the document that requests were sent to. */
  operations: number;
  /** Requests that were made up. */
  requests: number;
  /** All that schemathesis printed. */
  output: string;
}

interface ReportFile {
  operations: { selected: number; tested: number };
  test_cases: { generated: number; errored: number };
  failures: { code: string; title: string; operations: string[] }[];
  complete: boolean;
}

/**
 * Runs all checks. Requests go on with names that answers tell of, and delete whatever there is:
 * the gateway must be the test's own.
 * @throws Error when schemathesis cannot be installed or does not get through
 */
export async function runSchemathesis(options: SchemathesisOptions): Promise<SchemathesisReport> {
  const python = await prepare();
  const folder = await mkdtemp(join(tmpdir(), "plonk-schemathesis-"));
  const file = join(folder, "report.json");
  try {
    const output = await run(python, { args: toArguments(options, file), cwd: folder, options });
    const report = JSON.parse(await readFile(file, "utf8")) as ReportFile;
    const { operations, test_cases: cases } = report;
    if (!report.complete || cases.errored > 0 || operations.tested < operations.selected) {
      throw new Error(`schemathesis: expected to get through, got:\n${output}`);
    }
    const failures = report.failures.map(
      ({ code, title, operations: where }) => `${code} ${title}: ${where.join(", ")}`,
    );
    return { failures, operations: operations.tested, requests: cases.generated, output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function toArguments(options: SchemathesisOptions, report: string): string[] {
  return [
    ...["--config-file", join(FOLDER, "schemathesis.toml"), "run", options.document],
    ...["--url", options.url, "--auth", options.login],
    // hooks.py has checks in place of those that are left out.
    ...["--checks", "all", "--exclude-checks", "ignored_auth,use_after_free"],
    ...["--max-examples", String(options.examples)],
    // The metrics port is another server, and Alertmanager's alerts would scale what is there.
    ...["--exclude-tag", "internal"],
    ...["--report", "json", "--report-json-path", report],
  ];
}

interface Run {
  args: readonly string[];
  /** Working directory: schemathesis keeps notes there. */
  cwd: string;
  options: SchemathesisOptions;
}

/** What it printed; findings make it fail with 1, and are in the report. */
async function run(python: string, { args, cwd, options }: Run): Promise<string> {
  const env = {
    ...process.env,
    PYTHONPATH: FOLDER,
    PYTHONDONTWRITEBYTECODE: "1",
    SCHEMATHESIS_HOOKS: "hooks",
    PLONK_TEST_NAMESPACE: options.namespace,
    PLONK_TEST_FUNCTION: options.functionName,
  };
  const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 10 * 60_000 };
  const program = join(dirname(python), "schemathesis");
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, ...limits }, (error, stdout, stderr) => {
      if (error === null || error.code === 1) {
        resolve(stdout);
      } else {
        reject(new Error(`schemathesis: ${toMessage(error)}\n${stdout.slice(-4000)}${stderr}`));
      }
    });
  });
}

/** Path of a Python that has the pinned packages, installed on the first use. */
async function prepare(): Promise<string> {
  const cache = cacheLayout();
  const version = await runCommand("python3", ["--version"]).catch((error: unknown) => {
    throw new Error(`${WANTED}: ${toMessage(error)}`);
  });
  const requirements = await readFile(REQUIREMENTS);
  const key = createHash("sha256").update(version).update(requirements).digest("hex").slice(0, 12);
  const folder = join(cache.tools, "schemathesis", key);
  const complete = join(folder, ".complete");
  const python = join(folder, "bin", "python");
  await withLock(join(cache.locks, "schemathesis.lock"), async () => {
    if (existsSync(complete)) {
      return;
    }
    await rm(folder, { recursive: true, force: true });
    await runCommand("python3", ["-m", "venv", folder]).catch((error: unknown) => {
      throw new Error(`${WANTED}: ${toMessage(error)}`);
    });
    const pins = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", REQUIREMENTS];
    await runCommand(python, ["-m", "pip", "install", "--quiet", ...pins]);
    await writeFile(complete, "");
  });
  return python;
}
