/** `npm run up`: from an empty machine to a URL that answers. */
import { setTimeout as sleep } from "node:timers/promises";
import { resolveArtifacts } from "../artifacts.ts";
import {
  clearPendingOperations,
  ensureStack,
  openLocalStack,
  pulumi,
  pulumiText,
  endKilledRuns,
  restartClusters,
  restoreState,
  STACK,
  type LocalStack,
} from "./local-stack.ts";
import { CommandError, interruptible, say } from "./process.ts";

interface Outputs {
  gatewayUrl?: string;
  adminUser?: string;
}

/** `-c key=value` and `--config key=value`, as the Pulumi CLI has them. */
export function parseSettings(args: readonly string[]): string[] {
  const settings: string[] = [];
  for (let index = 0; index < args.length; index += 2) {
    const [flag, value] = [args[index], args[index + 1]];
    if ((flag !== "-c" && flag !== "--config") || value === undefined) {
      throw new CommandError(`up: expected --config key=value, got ${flag ?? ""}`);
    }
    settings.push(value);
  }
  return settings;
}

export async function up(args: readonly string[]): Promise<number> {
  const settings = parseSettings(args);
  const begin = Date.now();
  const stack = await openLocalStack();
  await interruptible((signal) => resolveArtifacts({ signal }));
  await endKilledRuns(stack, say);
  await restoreState(stack, say);
  await ensureStack(stack, settings);
  await clearPendingOperations(stack, say);
  await restartClusters(stack, say);
  const code = await pulumi(stack, ["up", "--stack", STACK, "--yes", "--skip-preview"]);
  if (code !== 0) {
    say("not finished; `npm run up` goes on from here, `npm run down` removes everything");
    return code;
  }
  const outputs = JSON.parse(
    await pulumiText(stack, ["stack", "output", "--stack", STACK, "--json"]),
  ) as Outputs;
  await waitForAnswer(`${outputs.gatewayUrl ?? ""}/healthz`);
  printSummary(stack, outputs, begin);
  return 0;
}

/** The last word of `up` is a URL, so it must answer: 30 s at most, then a clear failure. */
async function waitForAnswer(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) }).catch(String);
    if (typeof answer !== "string" && answer.ok) return;
    if (Date.now() > deadline) {
      const what = typeof answer === "string" ? answer : `status ${answer.status}`;
      throw new CommandError(`gateway: expected an answer from ${url} within 30 s, got ${what}`);
    }
    await sleep(200);
  }
}

function printSummary(stack: LocalStack, outputs: Outputs, begin: number): void {
  const url = outputs.gatewayUrl ?? "";
  const exports = Object.entries(stack.exports)
    .filter(([name]) => name !== "PATH")
    .map(([name, value]) => `  export ${name}='${String(value)}'`);
  const lines = [
    "",
    `Plonk is up (${Math.round((Date.now() - begin) / 1000)} s).`,
    "",
    `  Gateway   ${url}`,
    `  User      ${outputs.adminUser ?? "admin"}`,
    "  Password  npm run --silent pulumi -- stack output adminPassword --show-secrets",
    `  Try       curl -d world ${url}/function/hello`,
    "",
    "A plain `pulumi up -s local` in this folder works with these:",
    ...exports,
    `  export PATH='${stack.exports.PATH.split(":").slice(0, 2).join(":")}':$PATH`,
    "",
    "`npm run down` removes all of it.",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
