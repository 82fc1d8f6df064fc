/** Runs a command by its name, and prints expected errors in one line. */
import { NotAtHandError, ToolchainError } from "../toolchain/errors.ts";
import { ProgramError } from "../toolchain/run-command.ts";
import { CommandError } from "./process.ts";

/** Errors whose message is all that the user needs. */
const EXPECTED = [CommandError, ToolchainError, NotAtHandError, ProgramError];

/** Exit code of a command line that names no command, as of shells and their built-ins. */
export const WRONG_USAGE = 2;

/** Gets the arguments after its name; resolves to the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

/** Runs the command named in `process.argv`, and sets the exit code. */
export async function runCommand(commands: Readonly<Record<string, Command>>): Promise<void> {
  const [name = "", ...args] = process.argv.slice(2);
  try {
    const command = commands[name];
    if (command === undefined) {
      const names = Object.keys(commands).filter((each) => /^[a-z]/.test(each));
      throw new CommandError(`expected one of ${names.join(", ")}, got "${name}"`, WRONG_USAGE);
    }
    process.exitCode = await command(args);
  } catch (error) {
    // Anything else is a bug: print the stack.
    const isExpected = EXPECTED.some((type) => error instanceof type);
    console.error(isExpected ? `plonk: ${(error as Error).message}` : error);
    process.exitCode = error instanceof CommandError ? error.exitCode : 1;
  }
}
