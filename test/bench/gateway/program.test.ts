/** Programs that a benchmark starts: they listen, or say why not, and they end. */
import { describe, expect, test } from "@jest/globals";
import { pin, startProgram } from "../../../bench/gateway/program.ts";
import { findFreePort } from "../../support/network.ts";

const SERVER = "require('http').createServer((_, r) => r.end('up')).listen(+process.argv[1])";

describe("startProgram", () => {
  test("waits until the program listens, and ends it", async () => {
    const port = await findFreePort();
    const args = ["-e", SERVER, String(port)];
    const program = await startProgram({ name: "test", command: process.execPath, args, port });
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      signal: AbortSignal.timeout(60_000),
    });
    expect(await answer.text()).toBe("up");
    await program.stop();
    await program.stop();
    expect(() => process.kill(program.pid, 0)).toThrow("ESRCH");
  });

  test("says what a program wrote that ended instead", async () => {
    const port = await findFreePort();
    const args = ["-e", "console.error('no such option'); process.exit(2)"];
    await expect(
      startProgram({ name: "test", command: process.execPath, args, port }),
    ).rejects.toThrow(`test: expected to listen on port ${port}, got: no such option`);
  });

  test("says when there is no such program", async () => {
    const port = await findFreePort();
    await expect(
      startProgram({ name: "test", command: "plonk-no-such-program", args: [], port }),
    ).rejects.toThrow("ENOENT");
  });
});

test("a program with a core of its own is started by taskset", () => {
  expect(pin(1, "node", ["a"])).toEqual(["taskset", ["--cpu-list", "1", "node", "a"]]);
  expect(pin(undefined, "node", ["a"])).toEqual(["node", ["a"]]);
});
