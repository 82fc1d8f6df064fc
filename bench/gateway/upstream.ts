/** The functions behind the proxies. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../test/support/network.ts";
import { type Program, startProgram } from "./program.ts";
import { toNginxUpstreamConfig } from "./reference-configs.ts";
import type { Tools } from "./tools.ts";

/** Length of the large answer, and of a large upload. */
export const LARGE_BYTES = 100 * 1024;

/** A function that costs next to nothing: nginx with two fixed answers. */
export async function startFixedUpstream(tools: Tools, core: number): Promise<Program> {
  const port = await findFreePort();
  const directory = await mkdtemp(join(tmpdir(), "plonk-upstream-"));
  const file = join(directory, "config");
  await writeFile(join(directory, "large"), "x".repeat(LARGE_BYTES));
  await writeFile(file, toNginxUpstreamConfig({ port, directory }));
  const program = await startProgram({
    name: "upstream",
    command: tools.path("nginx"),
    args: ["-e", "stderr", "-p", directory, "-c", file],
    env: tools.env,
    core,
    port,
  });
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  return { ...program, stop: () => program.stop().then(remove) };
}

/**
 * A function that reads whole bodies, which nginx does not, and answers after a delay.
 *
 * @param core undefined: any
 */
export async function startReadingUpstream(
  tools: Tools,
  core: number | undefined,
  delay: string,
): Promise<Program> {
  const port = await findFreePort();
  return startProgram({
    name: "upstream",
    command: tools.path("function"),
    args: [`127.0.0.1:${port}`, delay],
    core,
    port,
  });
}
