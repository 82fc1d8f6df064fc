/** Several tools side by side, and the programs that are run for them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { acquireAll } from "../../../toolchain/acquire.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { until } from "../../support/until.ts";
import { Folders, recordProgress } from "./support/fixtures.ts";
import { Mirror } from "./support/mirror.ts";
import { publish } from "./support/vendors.ts";

const folders = new Folders();
let mirror: Mirror;
let options: NonNullable<Parameters<typeof acquireAll>[1]>;

beforeEach(async () => {
  mirror = await Mirror.start();
  const cacheDir = await folders.create();
  const home = join(cacheDir, "pulumi-home");
  const env = { PLONK_MIRROR: mirror.url, PATH: "", PULUMI_HOME: home };
  options = { env, cacheDir, progress: recordProgress(), architecture: "amd64" };
});
afterEach(() => mirror.stop());
afterAll(() => folders.remove());

describe("all tools", () => {
  test("are given by name, in the order they were asked for", async () => {
    const names = ["nats-server", "crane", "pulumi-resource-command"];
    for (const name of names) {
      await publish(mirror, name);
    }
    const tools = await acquireAll(names, options);
    expect([...tools.keys()]).toEqual(names);
    expect([...tools.values()].map(({ source }) => source)).toEqual(["mirror", "mirror", "mirror"]);
  });

  test("are stopped when one fails, and its error is the one that is told", async () => {
    const [hanging] = await publish(mirror, "crane");
    mirror.serve(hanging?.file.url ?? "", () => undefined);
    const [published] = await publish(mirror, "coredns");
    mirror.serve(published?.file.url ?? "", Buffer.from("evil"));
    // Longer than the test lives: what hangs is not waited for.
    const network = { timeouts: { headers: 600_000, body: 600_000 } };
    const acquiring = acquireAll(["crane", "coredns"], { ...options, network });
    await expect(acquiring).rejects.toMatchObject({ code: "checksum" });
  });

  test("may be told line by line", async () => {
    await publish(mirror, "crane");
    const lines: string[] = [];
    await acquireAll(["crane"], { ...options, progress: (line) => lines.push(line) });
    expect(lines).toEqual([
      "crane: downloading go-containerregistry_Linux_x86_64.tar.gz from github.com",
      "crane: unpacking go-containerregistry_Linux_x86_64.tar.gz",
    ]);
  });
});

describe("a program", () => {
  test("gives its standard output, and its error lines as they come", async () => {
    const lines: string[] = [];
    const script = "echo out; echo one >&2; printf two >&2";
    const output = await runCommand("sh", ["-c", script], {
      onErrorLine: (line) => lines.push(line),
    });
    expect(output).toBe("out\n");
    expect(lines).toEqual(["one"]);
  });

  test("that fails is quoted with its last lines only", async () => {
    const script = "for i in $(seq 40); do echo line $i; done; exit 4";
    const failure = runCommand("sh", ["-c", script]);
    await expect(failure).rejects.toMatchObject({ exitCode: 4, isMissing: false });
    const { message } = (await failure.catch((error: unknown) => error)) as Error;
    expect(message.split("\n")).toHaveLength(16);
    expect(message).toMatch(/^sh -c .*: failed with exit code 4\n {2}line 26\n.*\n {2}line 40$/s);
  });

  test("that is missing, or killed, is told apart", async () => {
    await expect(runCommand("plonk-no-such-program", [])).rejects.toMatchObject({
      message: "plonk-no-such-program: not found on PATH",
      isMissing: true,
    });
    await expect(runCommand("sh", ["-c", "kill -9 $$"])).rejects.toThrow("was ended by SIGKILL");
  });

  test("is stopped together with what it has started", async () => {
    const stop = new AbortController();
    const script = "sleep 601 & echo $! >&2; wait";
    let pid = 0;
    const running = runCommand("sh", ["-c", script], {
      signal: stop.signal,
      onErrorLine: (line) => {
        pid = Number(line);
        stop.abort(new Error("stopped"));
      },
    });
    await expect(running).rejects.toThrow("stopped");
    expect(pid).toBeGreaterThan(0);
    // One that has ended may stay as a zombie where nobody collects the children of others.
    await until("its child to end", async () => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone) Z");
      return stat.includes(") Z");
    });
  });

  test("does not start when it is stopped before", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(async () => await runCommand("true", [], { signal })).rejects.toThrow("too late");
  });
});
