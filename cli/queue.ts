/** `plonk queue`: sees queued calls and dead letters, and acts on them, through the gateway. */
import type { AsyncCall, DeadLetterSummary } from "../contract/index.ts";
import { WRONG_USAGE } from "./commands.ts";
import { findLogin } from "./openfaas-login.ts";
import { CommandError, readArguments } from "./process.ts";
import { QueueClient, type QueueFilter } from "./queue-client.ts";

/** Where the command reads its settings and writes its answer. */
interface QueueCommandOptions {
  env: Readonly<Record<string, string | undefined>>;
  print: (text: string) => void;
  /** What is no text, or not the command's own. */
  write: (bytes: Uint8Array) => void;
}

const HERE: QueueCommandOptions = {
  env: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
  write: (bytes) => void process.stdout.write(bytes),
};

const OPTIONS = {
  gateway: { type: "string", short: "g" },
  function: { type: "string", short: "f" },
  namespace: { type: "string", short: "n" },
  state: { type: "string" },
  dead: { type: "boolean", default: false },
  all: { type: "boolean", default: false },
  limit: { type: "string", default: "100" },
  output: { type: "string", short: "o", default: "text" },
} as const;

/** The command line for `plonk help queue`. */
export const QUEUE_USAGE = "ls | show | result | redrive | cancel | purge [arguments]";

export const QUEUE_OPTIONS: Readonly<Record<string, string>> = {
  ls: "lists calls, the oldest first; with --dead dead letters, the newest first",
  "show <id | number>": "shows a call, or a dead letter by its number",
  "result <id>": "writes a call's kept answer; 1 where the function failed, or it is cut",
  "redrive <number>... | --all": "queues dead letters again",
  "cancel <id>...": "cancels calls that wait or run",
  "purge <number>... | --all": "deletes dead letters",
  "-f, --function name": "those of one function, `name` or `name.namespace`",
  "-n, --namespace name": "those of a namespace; the platform's own when none is named",
  "--state name": "queued, running, retrying, done, dead, cancelled or expired",
  "--limit number": "most lines; 100 when none is named",
  "-o, --output json": "JSON for programs",
  "-g, --gateway url": "the gateway; else OPENFAAS_URL, or where `faas-cli login` was done",
};

interface Asked {
  client: QueueClient;
  names: string[];
  filter: QueueFilter;
  isDead: boolean;
  isAll: boolean;
  limit: number;
}

/** What is printed: an answer, and how it reads as text, or the bytes that it is. */
type Answer = { value: unknown; exitCode?: number } & ({ text: string } | { bytes: Buffer });

const ACTIONS: Readonly<Record<string, (asked: Asked) => Promise<Answer>>> = {
  ls: list,
  show,
  result,
  redrive,
  cancel,
  purge,
};

/** Runs one of the actions; resolves to the exit code. */
export async function queue(
  args: readonly string[],
  { env, print, write }: QueueCommandOptions = HERE,
): Promise<number> {
  const [name = "", ...rest] = args;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    throw wrongUsage(`expected ${Object.keys(ACTIONS).join(", ")}, got "${name}"`);
  }
  const { values, positionals } = readArguments(
    { args: rest, options: OPTIONS, allowPositionals: true },
    (reason) => `queue ${name}: ${reason}`,
  );
  const { output, limit } = values;
  if (output !== "text" && output !== "json") {
    throw wrongUsage(`--output: expected text or json, got "${output}"`);
  }
  if (!/^[1-9]\d{0,6}$/.test(limit)) {
    throw wrongUsage(`--limit: expected a number of lines, got "${limit}"`);
  }
  const answer = await action({
    client: new QueueClient(await findLogin(values.gateway, env)),
    names: positionals,
    filter: { function: values.function, namespace: values.namespace, state: values.state },
    isDead: values.dead,
    isAll: values.all,
    limit: Number(limit),
  });
  give(answer, output, { print, write });
  return answer.exitCode ?? 0;
}

function give(
  answer: Answer,
  output: "text" | "json",
  to: Pick<QueueCommandOptions, "print" | "write">,
): void {
  if (output === "json") {
    to.print(JSON.stringify(answer.value, undefined, 2));
  } else if ("bytes" in answer) {
    to.write(answer.bytes);
  } else {
    to.print(answer.text);
  }
}

function wrongUsage(message: string): CommandError {
  return new CommandError(`queue: ${message}`, WRONG_USAGE);
}

async function list({ client, filter, isDead, limit }: Asked): Promise<Answer> {
  if (isDead) {
    if (filter.state !== undefined) {
      throw wrongUsage("ls: expected --state or --dead, got both");
    }
    const letters = await client.letters(filter, limit);
    return { value: letters, text: toTable(LETTER_COLUMNS, letters.map(toLetterRow)) };
  }
  const calls = await client.calls(filter, limit);
  return { value: calls, text: toTable(CALL_COLUMNS, calls.map(toCallRow)) };
}

async function show({ client, names }: Asked): Promise<Answer> {
  const [name = "", ...others] = names;
  if (name === "" || others.length > 0) {
    throw wrongUsage("show: expected one call's id, or a dead letter's number");
  }
  const value = await (isNumber(name) ? client.letter(name) : client.call(name));
  const text = toTable(
    [],
    Object.entries(value).map(([field, each]) => [field, String(each)]),
  );
  return { value, text };
}

/** Fails where the function did, and where not all of its answer is there. */
async function result({ client, names }: Asked): Promise<Answer> {
  const [id = "", ...others] = names;
  if (id === "" || others.length > 0) {
    throw wrongUsage("result: expected one call's id");
  }
  const { status, body: bytes, isTruncated } = await client.result(id);
  const value = { status, isTruncated, body: bytes.toString("base64") };
  return { value, bytes, exitCode: status >= 400 || isTruncated ? 1 : 0 };
}

async function cancel({ client, names }: Asked): Promise<Answer> {
  if (names.length === 0) {
    throw wrongUsage("cancel: expected ids of calls");
  }
  const calls: AsyncCall[] = [];
  for (const id of names) {
    calls.push(await client.cancel(id));
  }
  const lines = calls.map(({ id, state }) => `${id} cancelled, was ${state}`);
  return { value: calls, text: lines.join("\n") };
}

async function redrive(asked: Asked): Promise<Answer> {
  const { client, filter } = asked;
  if (isOfAll("redrive", asked)) {
    const value = await client.redriveAll(filter);
    const kept = value.refused === 0 ? "" : `, ${value.refused} cannot be`;
    return { value, text: `${value.redriven} queued again${kept}` };
  }
  const value = [];
  for (const name of asked.names) {
    value.push({ sequence: Number(name), ...(await client.redrive(name)) });
  }
  const lines = value.map(({ sequence, id }) => `${sequence} queued again as ${id ?? "a call"}`);
  return { value, text: lines.join("\n") };
}

async function purge(asked: Asked): Promise<Answer> {
  const { client, filter, names } = asked;
  if (isOfAll("purge", asked)) {
    const { deleted } = await client.purge(filter);
    return { value: { deleted }, text: `${deleted} deleted` };
  }
  for (const name of names) {
    await client.remove(name);
  }
  return { value: { deleted: names.length }, text: `${names.length} deleted` };
}

/** Whether all letters are meant that the filter has; otherwise some are named. */
function isOfAll(name: string, { names, isAll, filter }: Asked): boolean {
  const isFiltered = filter.function !== undefined || filter.namespace !== undefined;
  if (isAll ? names.length > 0 : names.length === 0 || isFiltered || !names.every(isNumber)) {
    throw wrongUsage(
      `${name}: expected numbers of dead letters, or --all with or without a filter`,
    );
  }
  return isAll;
}

function isNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

const CALL_COLUMNS = ["ID", "FUNCTION", "STATE", "ATTEMPTS", "ACCEPTED", "NEXT", "REASON"];
const LETTER_COLUMNS = ["NUMBER", "KIND", "FUNCTION", "DIED", "ATTEMPTS", "STATUS", "REASON"];

function toCallRow(call: AsyncCall): string[] {
  const { id, state, attempts, acceptedAt = "", nextAt = "", reason = "" } = call;
  return [id, toName(call), state, String(attempts), acceptedAt, nextAt, reason];
}

function toLetterRow(letter: DeadLetterSummary): string[] {
  const { sequence, kind, diedAt, attempts, status = "", reason } = letter;
  return [String(sequence), kind, toName(letter), diedAt, String(attempts), `${status}`, reason];
}

function toName({ functionName, namespace }: { functionName?: string; namespace: string }): string {
  return functionName === undefined ? "" : `${functionName}.${namespace}`;
}

/** Columns that are as wide as they have to be. What a message says cannot speak to a terminal. */
function toTable(head: string[], rows: string[][]): string {
  const lines = (head.length === 0 ? rows : [head, ...rows]).map((row) => row.map(toPlain));
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

function toPlain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (letter) => JSON.stringify(letter).slice(1, -1));
}
