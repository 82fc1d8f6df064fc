/** `npm run check`: types, lint, format, dead code and the Go sources; each is one result. */
import { dirname } from "node:path";
import { CommandError, isStopped } from "../cli/process.ts";
import { stoppable } from "../cli/stoppable.ts";
import { capture } from "../toolchain/run-command.ts";

const root = dirname(import.meta.dirname);

const CHECKS: { name: string; command: string; args: string[]; mustBeSilent?: boolean }[] = [
  { name: "types", command: "tsc", args: ["--noEmit"] },
  { name: "types of the page", command: "tsc", args: ["--noEmit", "-p", "services/gateway/ui"] },
  { name: "lint", command: "eslint", args: ["."] },
  { name: "format", command: "prettier", args: ["--check", "."] },
  { name: "dead code", command: "knip", args: ["--no-progress"] },
];

export interface CheckResult {
  name: string;
  passed: boolean;
  output: string;
}

/**
 * Runs all checks one after the other, and prints each result.
 * @throws CommandError when a check was stopped by a signal
 */
export async function runChecks(signal: AbortSignal): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { name, command, args } of CHECKS) {
    const begin = Date.now();
    const { code, stdout, stderr } = await capture(command, args, { cwd: root, env: process.env });
    signal.throwIfAborted();
    if (isStopped(code)) {
      throw new CommandError(`${name}: stopped by a signal; the rest is skipped`, code);
    }
    const result = { name, passed: code === 0, output: `${stdout}${stderr}`.trim() };
    results.push(result);
    const seconds = ((Date.now() - begin) / 1000).toFixed(1);
    console.log(`${result.passed ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
    if (!result.passed) {
      console.log(result.output);
    }
  }
  return results;
}

export async function check(): Promise<number> {
  const results = await stoppable(runChecks);
  return results.every((result) => result.passed) ? 0 : 1;
}
