/** `npm run audit:queue`: numbered calls while everything breaks, and what became of each. */
import { randomInt } from "node:crypto";
import { CommandError, interruptible, readArguments } from "../cli/process.ts";
import { describeResult, runAudit } from "../test/audit/audit.ts";

const USAGE = "[--seed N] [--calls N] [--faults N]";

const MAX = { seed: 2 ** 31 - 1, calls: 10_000_000, faults: 100_000 } as const;

/** What the promise is measured by. */
const USUAL = { calls: 100_000, faults: 60 } as const;

export interface AuditQueueOptions {
  seed: number;
  calls: number;
  faults: number;
}

/** @throws CommandError that names the option, the expected and the given value */
export function readAuditOptions(args: readonly string[]): AuditQueueOptions {
  const text = { type: "string" } as const;
  const { values } = readArguments(
    { args: [...args], options: { seed: text, calls: text, faults: text } },
    (reason) => `audit:queue: ${reason}; expected ${USAGE}`,
  );
  return {
    seed: toNumber("seed", values.seed ?? String(randomInt(1, MAX.seed))),
    calls: toNumber("calls", values.calls ?? String(USUAL.calls)),
    faults: toNumber("faults", values.faults ?? String(USUAL.faults)),
  };
}

function toNumber(name: keyof typeof MAX, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX[name]) {
    return value;
  }
  throw new CommandError(
    `--${name}: expected a whole number from 1 to ${MAX[name]}, got "${text}"`,
  );
}

/** Exit code 1 when a promise was broken; the first line says how to run it again. */
export async function auditQueue(args: readonly string[]): Promise<number> {
  const { seed, calls, faults } = readAuditOptions(args);
  console.log(`npm run audit:queue -- --seed ${seed} --calls ${calls} --faults ${faults}`);
  const result = await interruptible((signal) =>
    runAudit({ seed, calls, faults, signal, report: (line) => console.log(line) }),
  );
  console.log(describeResult(result).join("\n"));
  return result.breaches.length === 0 ? 0 : 1;
}
