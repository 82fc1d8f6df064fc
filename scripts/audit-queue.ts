/** `npm run audit:queue`: numbered calls while everything breaks, and what became of each. */
import { interruptible } from "../cli/process.ts";
import { describeResult, runAudit } from "../test/audit/audit.ts";
import { readNumbers } from "./audit-options.ts";

/** The usual numbers, which the promise is measured by, and the largest ones. */
const NUMBERS = { calls: [100_000, 10_000_000], faults: [60, 100_000] } as const;

/** @throws CommandError that names the option, the expected and the given value */
export function readAuditOptions(
  args: readonly string[],
): Record<"seed" | keyof typeof NUMBERS, number> {
  return readNumbers("audit:queue", args, NUMBERS);
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
