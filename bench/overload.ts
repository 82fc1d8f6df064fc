/**
 * `npm run bench -- overload`: ten times the capacity of a function with a limit, and of a whole
 * gateway, with 2,000 idle connections: the responses, and the time until recovery.
 */
import { LABEL } from "../contract/index.ts";
import { measureOverload, type OverloadOptions } from "../test/support/overload.ts";
import { readOptions } from "./options.ts";

const SCENARIOS: Readonly<Record<string, OverloadOptions>> = {
  "limit of the function (label)": {
    labels: { [LABEL.maxInflight]: "20" },
    ...{ limit: 20, callMs: 100, seconds: 10, idleConnections: 2000 },
  },
  "limit of the gateway (max_inflight)": {
    env: { max_inflight: "40" },
    ...{ limit: 40, callMs: 100, seconds: 10, idleConnections: 2000 },
  },
};

function toMilliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(0)} ms`;
}

/** Prints both scenarios; sets the exit code when a call got anything but 200, 429 or 503. */
export async function benchOverload(args: readonly string[]): Promise<void> {
  readOptions(args, {});
  for (const [name, options] of Object.entries(SCENARIOS)) {
    const { capacity, during, after, p95, memoryMiB, lostIdle } = await measureOverload(options);
    console.log(`${name}: capacity ${capacity} calls/s, asked for ${capacity * 10}`);
    console.log(`  outcomes: ${JSON.stringify(during.outcomes)}, ${during.calls} calls`);
    console.log(`  unexpected: ${during.failed}; without Retry-After: ${during.withoutRetryAfter}`);
    console.log(
      `  p95 of the answered: before ${toMilliseconds(p95.before)}, ` +
        `during ${toMilliseconds(p95.during)}, after ${toMilliseconds(p95.after)}`,
    );
    console.log(`  after: ${JSON.stringify(after.outcomes)}; idle connections lost: ${lostIdle}`);
    console.log(`  memory: at most ${memoryMiB.toFixed(0)} MiB`);
    if (during.failed + during.withoutRetryAfter + lostIdle > 0) {
      process.exitCode = 1;
    }
  }
}
