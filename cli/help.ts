/** What `plonk help` and `--help` print. */
import { PACKAGE_VERSION } from "../toolchain/images/package.ts";
import { readRevision } from "../toolchain/images/revision.ts";
import { type Command, WRONG_USAGE } from "./commands.ts";
import { CommandError } from "./process.ts";

/** A command for users, with its documentation. */
export interface DocumentedCommand {
  run: Command;
  /** Its arguments, e.g. `[--stack name]`. */
  usage: string;
  /** What it does, in one line. */
  summary: string;
  /** A line for each option. Undefined for a command that has a `--help` of its own. */
  options?: Readonly<Record<string, string>>;
}

type Documented = Readonly<Record<string, DocumentedCommand>>;

/** The commands, with `help` and `--version`; each command with options gets a `--help`. */
export function withHelp(commands: Documented): Record<string, Command> {
  const help: Command = (args) => print(describe(commands, args));
  const version: Command = () => print(PACKAGE_VERSION);
  const build: Command = async () =>
    print(`version: ${PACKAGE_VERSION}\nrevision: ${await readRevision()}`);
  const runs = Object.entries(commands).map(([name, command]): [string, Command] => {
    return [name, (args) => (isHelp(command, args) ? help([name]) : command.run(args))];
  });
  return {
    ...Object.fromEntries(runs),
    help,
    version: build,
    ...{ "": help, "--help": help, "-h": help },
    ...{ "--version": version, "-v": version },
  };
}

function isHelp({ options }: DocumentedCommand, args: readonly string[]): boolean {
  return options !== undefined && args.some((arg) => arg === "--help" || arg === "-h");
}

function print(text: string): Promise<number> {
  process.stdout.write(`${text}\n`);
  return Promise.resolve(0);
}

/** The help of one command, or of all when none is named. */
function describe(commands: Documented, [name]: readonly string[]): string {
  if (name === undefined) {
    return describeAll(commands);
  }
  const command = commands[name];
  if (command === undefined) {
    const names = Object.keys(commands).join(", ");
    throw new CommandError(`help: expected one of ${names}, got "${name}"`, WRONG_USAGE);
  }
  const { usage, summary, options = {} } = command;
  const rows = toRows(options);
  return [`plonk ${name} ${usage}`, "", summary, ...(rows.length > 0 ? ["", ...rows] : [])].join(
    "\n",
  );
}

function describeAll(commands: Documented): string {
  const summaries = Object.entries(commands).map(([name, { summary }]) => [name, summary]);
  return [
    "plonk <command>",
    "",
    ...toRows({
      ...(Object.fromEntries(summaries) as Record<string, string>),
      "help <command>": "the options of a command",
      version: "the version of Plonk, and the commit that its images are made from",
      "--version": "the version alone",
    }),
  ].join("\n");
}

/** Two columns. */
function toRows(texts: Readonly<Record<string, string>>): string[] {
  const width = Math.max(0, ...Object.keys(texts).map((left) => left.length));
  return Object.entries(texts).map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
