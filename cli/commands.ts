/** Runs one of several commands by its name, and says in one line what went wrong. */
import { NotAtHandError, ToolchainError } from "../toolchain/errors.ts";
import { ProgramError } from "../toolchain/run-command.ts";
import { CommandError } from "./process.ts";

/** Errors whose message says all that the person needs. */
const EXPECTED = [CommandError, ToolchainError, NotAtHandError, ProgramError];

/** Takes what comes after its name; resolves with the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

/** Runs the command that the process' arguments name, and sets its exit code. */
export async function runCommand(commands: Readonly<Record<string, Command>>): Promise<void> {
  const [name = "", ...args] = process.argv.slice(2);
  try {
    const command = commands[name];
    if (command === undefined) {
      throw new CommandError(`expected one of ${Object.keys(commands).join(", ")}, got "${name}"`);
    }
    process.exitCode = await command(args);
  } catch (error) {
    // Anything else is a fault of ours, with its stack.
    const isExpected = EXPECTED.some((type) => error instanceof type);
    console.error(isExpected ? `plonk: ${(error as Error).message}` : error);
    process.exitCode = error instanceof CommandError ? error.exitCode : 1;
  }
}
