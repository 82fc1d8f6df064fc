/** Plonk's commands, by name. */
import { check } from "./check.ts";
import { down } from "./down.ts";
import { fuzz } from "./fuzz.ts";
import { openLocalStack, pulumi } from "./local-stack.ts";
import { CommandError, runOnTerminal } from "./process.ts";
import { test } from "./test.ts";
import { up } from "./up.ts";

type Command = (args: readonly string[]) => Promise<number>;

const root = new URL("../../", import.meta.url).pathname;

const commands: Record<string, Command> = {
  up,
  down,
  check,
  test,
  fuzz,
  pulumi: async (args) => pulumi(await openLocalStack(), args),
  toolchain: (args) => runScript("toolchain/toolchain.ts", args),
  openapi: (args) => runScript("services/gateway/openapi/main.ts", args),
  bench: (args) => runScript("bench/main.ts", args),
  exec: ([program = "", ...args]) => runOnTerminal(program, args, { cwd: root }),
};

function runScript(script: string, args: readonly string[]): Promise<number> {
  return runOnTerminal(process.execPath, [`${root}${script}`, ...args], { cwd: root });
}

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const command = commands[name];
  if (command === undefined) {
    throw new CommandError(`expected one of ${Object.keys(commands).join(", ")}, got "${name}"`);
  }
  return command(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Whatever has a name of its own is for the person; anything else is a fault of ours, with its
  // stack.
  const isExpected = error instanceof Error && error.constructor !== Error;
  console.error(isExpected ? `plonk: ${error.message}` : error);
  process.exitCode = error instanceof CommandError ? error.exitCode : 1;
}
