/** The process in every function pod of Plonk: answers calls with a module or an executable. */
import { setTimeout as sleep } from "node:timers/promises";
import { REVISION, VERSION } from "../lib/version.ts";
import { Watchdog } from "./app.ts";
import type { CallHandler } from "./call.ts";
import { readConfig, type WatchdogConfig } from "./config.ts";
import { forkProcess } from "./fork-process.ts";
import { loadModule } from "./load-module.ts";

/** The function's own output goes to stdout; stderr is the watchdog's, as with of-watchdog. */
function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function createHandler(config: WatchdogConfig): CallHandler | Promise<CallHandler> {
  const { source } = config;
  return source.kind === "module"
    ? loadModule(source.path, config)
    : forkProcess({ ...source, ...config, log });
}

/** Ends the process; the reason is the last line of the log, where the operator finds it. */
function exitWith(error: unknown): never {
  const { cause } = error as Error;
  if (cause instanceof Error) {
    log(cause.stack ?? String(cause));
  }
  log(`watchdog: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function run(): Promise<void> {
  // While the function loads there are no calls to finish. The first process of a container ignores
  // signals without a handler, and its pod would stay for its whole grace.
  let end = (signal: string): void => {
    log(`watchdog: ${signal}, before it listened`);
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => end(signal));
  }
  const config = readConfig(process.env);
  const handler = await createHandler(config);
  const watchdog = new Watchdog({ limits: config, handler, log });
  const { port } = await watchdog.listen(config.port, config.metricsPort);
  log(`watchdog: listening on port ${port}, version ${VERSION}, revision ${REVISION}`);

  let isStopping = false;
  const stop = async (delayMs: number, onEnd: (isDrained: boolean) => void): Promise<void> => {
    if (!isStopping) {
      isStopping = true;
      onEnd(await watchdog.stop(sleep(delayMs)));
    }
  };
  end = (signal) => {
    log(`watchdog: ${signal}, finishing the calls in flight`);
    void stop(config.shutdownDelayMs, (isDrained) => process.exit(isDrained ? 0 : 1));
  };
  // An error outside of a call leaves the process in an unknown state: calls in flight may still
  // finish, then it exits.
  process.on("uncaughtException", (error) => {
    log(error instanceof Error ? (error.stack ?? String(error)) : String(error));
    void stop(0, () => exitWith(new Error(`uncaught ${String(error).split("\n", 1)[0] ?? ""}`)));
  });
}

run().catch(exitWith);
