/** Options of the audits: numbers, and a seed that is another one each time. */
import { randomInt } from "node:crypto";
import { CommandError, readArguments } from "../cli/process.ts";

const MAX_SEED = 2 ** 31 - 1;

/** By name: the usual number, and the largest one. */
type Numbers<N extends string> = Record<N, readonly [usual: number, largest: number]>;

/** @throws CommandError that names the option, the expected and the given value */
export function readNumbers<N extends string>(
  command: string,
  args: readonly string[],
  numbers: Numbers<N>,
): Record<N | "seed", number> {
  const all: Numbers<N | "seed"> = { seed: [randomInt(1, MAX_SEED), MAX_SEED], ...numbers };
  const names = Object.keys(all) as (N | "seed")[];
  const usage = names.map((name) => `[--${name} N]`).join(" ");
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  const { values } = readArguments(
    { args: [...args], options },
    (reason) => `${command}: ${reason}; expected ${usage}`,
  );
  const read = names.map((name) => {
    const [usual, largest] = all[name];
    return [name, toNumber(name, values[name] ?? String(usual), largest)];
  });
  return Object.fromEntries(read) as Record<N | "seed", number>;
}

function toNumber(name: string, text: string, largest: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= largest) {
    return value;
  }
  throw new CommandError(`--${name}: expected a whole number from 1 to ${largest}, got "${text}"`);
}
