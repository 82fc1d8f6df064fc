/** The interface through which the rest of Plonk gets its tools. */
import { acquireTool } from "./acquire/acquire-tool.ts";
import { type AcquireOptions, createSession } from "./acquire/session.ts";
import { catalogue } from "./catalogue.ts";
import { ifAtHand } from "./errors.ts";
import type { AcquiredTool } from "./tool.ts";

export type { AcquireOptions } from "./acquire/session.ts";
export type { AcquiredTool } from "./tool.ts";

/**
 * Returns a tool that is ready to run: from PATH (a plugin: from `$PULUMI_HOME`) if it is the right
 * version, from the cache, from the vendor's release or `$PLONK_MIRROR`, or built from source.
 * @throws ToolchainError when none of these works; no partial installation is left.
 */
export function acquire(name: string, options: AcquireOptions = {}): Promise<AcquiredTool> {
  return acquireTool(name, createSession(catalogue, options));
}

/** Like `acquire`, but without downloading or building. @returns undefined for a missing tool */
export async function find(
  name: string,
  options: AcquireOptions = {},
): Promise<AcquiredTool | undefined> {
  return await ifAtHand(acquire(name, { ...options, findOnly: true }));
}

/**
 * Acquires several tools in parallel; when one fails the others are aborted.
 * @param names @default all of the catalogue
 * @returns the tools by name, in the order of `names`.
 */
export async function acquireAll(
  names: readonly string[] = catalogue.map(({ name }) => name),
  options: AcquireOptions = {},
): Promise<Map<string, AcquiredTool>> {
  const stop = new AbortController();
  const signals = [stop.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const session = createSession(catalogue, { ...options, signal: AbortSignal.any(signals) });
  let failure: { error: unknown } | undefined;
  const settled = await Promise.all(
    names.map(async (name) => {
      try {
        return await acquireTool(name, session);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
        return undefined;
      }
    }),
  );
  if (failure !== undefined) {
    throw failure.error;
  }
  return new Map(settled.flatMap((tool) => (tool === undefined ? [] : [[tool.name, tool]])));
}
