/** Runs a benchmark by name: `npm run bench -- up`. */
import { CommandError } from "../cli/process.ts";
import { benchAsync } from "./async/main.ts";
import { benchDifferential } from "./differential.ts";
import { benchFunctions } from "./functions.ts";
import { benchFuzz } from "./fuzz.ts";
import { benchGateway } from "./gateway/main.ts";
import { benchOperator } from "./operator.ts";
import { benchOverload } from "./overload.ts";
import { benchRolling } from "./rolling.ts";
import { benchUp } from "./up.ts";

const benchmarks: Record<string, (args: readonly string[]) => Promise<void>> = {
  async: benchAsync,
  functions: benchFunctions,
  differential: benchDifferential,
  fuzz: benchFuzz,
  gateway: benchGateway,
  operator: benchOperator,
  overload: benchOverload,
  rolling: benchRolling,
  up: benchUp,
};

const [name = "", ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  const names = Object.keys(benchmarks).join(", ");
  console.error(`bench: expected one of ${names}, got "${name}"`);
  process.exitCode = 1;
} else {
  try {
    await benchmark(args);
  } catch (error) {
    if (!(error instanceof CommandError)) {
      throw error;
    }
    console.error(`bench ${name}: ${error.message}`);
    process.exitCode = 1;
  }
}
