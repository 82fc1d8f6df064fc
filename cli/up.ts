/** `plonk up`: brings the stack up and waits until the gateway answers. */
import { setTimeout as sleep } from "node:timers/promises";
import { CLUSTER_NAME, CLUSTER_NAME_WORDS, isMatch } from "../contract/grammar.ts";
import { removeCompilerCache } from "../standins/from-source/recipes/go.ts";
import { resolveArtifacts } from "../toolchain/artifacts.ts";
import {
  clearPendingOperations,
  endKilledRuns,
  type LocalStack,
  openLocalStack,
  pulumi,
  pulumiText,
  readState,
  restartClusters,
  restoreState,
} from "./local-stack.ts";
import { checkMachine, isOnThisMachine } from "./preflight.ts";
import { CommandError, interruptible, readArguments, say } from "./process.ts";
import { STACK, stackFile, toCommand, toCommandLine } from "./project.ts";
import { ensureStack } from "./stack-settings.ts";
import { forgetVanishedClusters } from "./vanished.ts";

interface Outputs {
  gatewayUrl?: string;
  adminUser?: string;
}

/** The parsed command line. */
interface Request {
  /** Name of the stack. */
  name: string;
  /** `key=value` each. */
  settings: string[];
}

const OPTIONS = {
  stack: { type: "string", short: "s", default: STACK },
  config: { type: "string", short: "c", multiple: true, default: [] as string[] },
} as const;

/** `--stack name` and `--config key=value`, and -s and -c, as the Pulumi CLI has them. */
export function parseRequest(command: string, args: readonly string[]): Request {
  const expected = `${command}: expected --stack name or --config key=value`;
  const { values } = readArguments(
    { args: [...args], options: OPTIONS },
    (reason) => `${expected}, got ${args.join(" ")} (${reason})`,
  );
  return { name: checkName(values.stack), settings: values.config };
}

/** The stack's name becomes the cluster's name and part of paths. */
function checkName(name: string): string {
  if (isMatch(CLUSTER_NAME, name)) {
    return name;
  }
  throw new CommandError(`--stack: expected ${CLUSTER_NAME_WORDS}, got "${name}"`);
}

export async function up(args: readonly string[]): Promise<number> {
  const { name, settings } = parseRequest("up", args);
  const begin = Date.now();
  // Checked before the first download.
  const isLocal = isOnThisMachine(settings, stackFile(name));
  if (isLocal) {
    checkMachine();
  }
  const stack = await openLocalStack(name);
  // For an existing cluster the program resolves the artifacts, after it has checked the settings.
  if (isLocal) {
    await interruptible((signal) => resolveArtifacts({ signal }));
  }
  await endKilledRuns(stack, say);
  await restoreState(stack, say);
  await ensureStack(stack, settings);
  const state = await readState(stack);
  await clearPendingOperations(stack, state, say);
  await forgetVanishedClusters(stack, state, say);
  await restartClusters(stack, say);
  const code = await pulumi(stack, ["up", "--stack", name, "--yes", "--skip-preview"]);
  if (code !== 0) {
    say(
      `not finished; \`${toCommand("up", name)}\` continues, \`${toCommand("down", name)}\` removes everything`,
    );
    return code;
  }
  await removeCompilerCache();
  const outputs = JSON.parse(
    await pulumiText(stack, ["stack", "output", "--stack", name, "--json"]),
  ) as Outputs;
  // The DNS name of a cloud's load balancer takes minutes to propagate; after a reboot all pods of
  // this machine start at once.
  await waitForAnswer(`${outputs.gatewayUrl ?? ""}/healthz`, isLocal ? 120 : 300);
  printSummary(stack, outputs, begin);
  return 0;
}

/** `up` prints the URL at its end, so it waits until that answers, or fails with the reason. */
async function waitForAnswer(url: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) }).catch(String);
    if (typeof answer !== "string" && answer.ok) {
      return;
    }
    if (Date.now() > deadline) {
      const what = typeof answer === "string" ? answer : `status ${answer.status}`;
      throw new CommandError(
        `gateway: expected an answer from ${url} within ${seconds} s, got ${what}`,
      );
    }
    await sleep(200);
  }
}

/** The arguments of `pulumi` that print the password of the stack whose name follows. */
const PASSWORD = ["stack", "output", "adminPassword", "--show-secrets", "-s"];

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
    `  Password  ${toCommandLine(["pulumi", ...PASSWORD, stack.name])}`,
    `  Try       curl -d world ${url}/function/hello`,
    "",
    `A plain \`pulumi up -s ${stack.name}\` in ${stack.project} works with these:`,
    ...exports,
    `  export PATH='${stack.exports.PATH.split(":").slice(0, 2).join(":")}':$PATH`,
    "",
    `\`${toCommand("down", stack.name)}\` removes all of it.`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
