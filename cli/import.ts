/** `plonk import`: writes a program for the functions of a stack file of OpenFaaS. */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { toText } from "../contract/index.ts";
import { readStackFile } from "../contract/stack-file/index.ts";
import { WRONG_USAGE } from "./commands.ts";
import { CommandError, readArguments } from "./process.ts";
import { findInexact } from "./stack-program/exactness.ts";
import { writeProgram } from "./stack-program/program.ts";

/** The command line for `plonk help import`. */
export const IMPORT_USAGE = "<stack.yml> [--out file.ts] [--force]";

export const IMPORT_OPTIONS: Readonly<Record<string, string>> = {
  "-o, --out file.ts": "writes the program to a file; to standard output when none is named",
  "--force": "writes over a file that is there",
};

const OPTIONS = {
  out: { type: "string", short: "o" },
  force: { type: "boolean", default: false },
} as const;

/** Runs the command; resolves to the exit code. */
export async function importStack(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(
    { args: [...args], options: OPTIONS, allowPositionals: true },
    (reason) => `import: ${reason}`,
  );
  const [path, ...others] = positionals;
  if (path === undefined || others.length > 0) {
    const got = path === undefined ? "none" : `${positionals.length}`;
    throw new CommandError(`import: expected one stack file, got ${got}`, WRONG_USAGE);
  }
  const text = await readStack(path);
  const file = readStackFile(text);
  if (file.functions.length === 0) {
    const reasons = [...file.mistakes, ...file.problems].map(toText);
    throw new CommandError(reasons.map((reason) => `${path}: ${reason}`).join("\n"));
  }
  const folder = values.out === undefined ? process.cwd() : dirname(resolve(values.out));
  const program = writeProgram({ file, path: relative(folder, resolve(path)) });
  await write(program.text, values);
  const notes = [
    ...program.notes.map((note) => `not carried over: ${note}`),
    ...findInexact(text).map(
      (name) => `functions.${name}: a default is YAML of its own in the file; compare it`,
    ),
  ];
  for (const note of notes) {
    process.stderr.write(`plonk: ${note}\n`);
  }
  return 0;
}

async function readStack(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new CommandError(`import: expected a stack file, got ${code} at ${path}`);
  }
}

async function write(
  text: string,
  { out, force }: { out?: string | undefined; force: boolean },
): Promise<void> {
  if (out === undefined) {
    if (force) {
      throw new CommandError("import: --force: expected --out beside it, got none", WRONG_USAGE);
    }
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(out, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new CommandError(
      code === "EEXIST"
        ? `import: --out: expected a new file, or --force to write over it, got ${out}`
        : `import: --out: expected a file that can be written, got ${code} at ${out}`,
    );
  }
}
