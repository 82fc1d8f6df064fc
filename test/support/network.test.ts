import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { findFreePort, findFreePortPair } from "./network.ts";

const run = promisify(execFile);

/** Three ports of another process, which has them for as long as it runs. */
async function askProcess(): Promise<number[]> {
  const module = JSON.stringify(join(import.meta.dirname, "network.ts"));
  const script = `
    const { findFreePort } = await import(${module});
    console.log(JSON.stringify([await findFreePort(), await findFreePort(), await findFreePort()]));
  `;
  const args = ["--no-warnings", "--input-type=module", "-e", script];
  return JSON.parse((await run(process.execPath, args)).stdout) as number[];
}

test("free ports are given once, and never to two processes at a time", async () => {
  const own = await Promise.all([findFreePort(), findFreePort(), findFreePortPair()]);
  const others = await askProcess();
  const all = [...own, own[2] + 1, ...others];
  expect(new Set(all).size).toBe(7);
  const blockOf = (port: number): number => Math.floor((port - 11_000) / 500);
  expect(others.map(blockOf)).not.toContain(blockOf(own[0]));
});
