/**
 * `npm run bench -- async`: the queue of asynchronous calls beside what it is made of, in
 * interleaved rounds: acceptance, draining, a busy function, memory.
 */
import { cpus, release, totalmem } from "node:os";
import { CommandError } from "../../cli/process.ts";
import { prepareTools } from "../gateway/tools.ts";
import { benchAccept } from "./accept.ts";
import { benchAdaptive } from "./adaptive.ts";
import type { Bench } from "./bench.ts";
import { benchDrain } from "./drain.ts";
import { benchMemory } from "./memory.ts";
import { type AsyncOptions, type Part, readAsyncOptions } from "./settings.ts";

const RUN: Record<Part, (bench: Bench) => Promise<void>> = {
  accept: benchAccept,
  drain: benchDrain,
  adaptive: benchAdaptive,
  memory: benchMemory,
};

function describeMachine({ rounds }: AsyncOptions): string {
  const [first] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return (
    `${new Date().toISOString()}, ${cpus().length} cores (${first?.model ?? "?"}), ${memory} GiB, ` +
    `Linux ${release()}, Node ${process.versions.node}; ${rounds} rounds`
  );
}

/** Runs the benchmark; see `readAsyncOptions` for its command line. */
export async function benchAsync(args: readonly string[]): Promise<void> {
  const options = readAsyncOptions(args);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // A terminal sends it to all of a group, and the command passes it on: it comes twice.
    process.on(signal, () => stop.abort());
  }
  const begin = performance.now();
  const say = (text: string): void => {
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.error(`${seconds.padStart(4)} s  ${text}`);
  };
  const tools = await prepareTools((message) => console.error(message));
  console.log(describeMachine(options));
  for (const part of options.parts) {
    await RUN[part]({ ...options, tools, signal: stop.signal, say }).catch((error: unknown) => {
      // What was stopped fails in some way or other.
      throw stop.signal.aborted ? new CommandError("stopped") : error;
    });
  }
  say("done");
}
