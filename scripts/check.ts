/** `npm run check`: types, lint, format, dead code and circles of imports; each is one result. */
import { dirname } from "node:path";
import { CommandError, isStopped } from "../cli/process.ts";
import { stoppable } from "../cli/stoppable.ts";
import { capture } from "../toolchain/run-command.ts";

const root = dirname(import.meta.dirname);

const CHECKS: { name: string; command: string; args: string[] }[] = [
  { name: "lint", command: "eslint", args: ["."] },
  { name: "types", command: "tsc", args: ["--noEmit"] },
  { name: "types of the page", command: "tsc", args: ["--noEmit", "-p", "services/gateway/ui"] },
  { name: "format", command: "prettier", args: ["--check", "."] },
  { name: "dead code", command: "knip", args: ["--no-progress"] },
  { name: "circles of imports", command: "knip", args: ["--no-progress", "--cycles"] },
];

export interface CheckResult {
  name: string;
  passed: boolean;
  output: string;
}

/** The longest one begins first, and the rest runs beside it. */
const AT_ONCE = 2;

/**
 * Runs all checks, two at a time, and prints each result when it is there.
 * @throws CommandError when a check was stopped by a signal
 */
export async function runChecks(signal: AbortSignal): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const left = [...CHECKS];
  const runSome = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      results.push(await runCheck(next, signal));
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, runSome));
  // Only when the other one has ended, too.
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) {
    throw failure.reason;
  }
  return results;
}

async function runCheck(
  { name, command, args }: (typeof CHECKS)[number],
  signal: AbortSignal,
): Promise<CheckResult> {
  signal.throwIfAborted();
  const begin = Date.now();
  const { code, stdout, stderr } = await capture(command, args, { cwd: root, env: process.env });
  signal.throwIfAborted();
  if (isStopped(code)) {
    throw new CommandError(`${name}: stopped by a signal; the rest is skipped`, code);
  }
  const result = { name, passed: code === 0, output: `${stdout}${stderr}`.trim() };
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  console.log(`${result.passed ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (!result.passed) {
    console.log(result.output);
  }
  return result;
}

export async function check(): Promise<number> {
  const results = await stoppable(runChecks);
  return results.every((result) => result.passed) ? 0 : 1;
}
