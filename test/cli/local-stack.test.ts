/** What `up` mends before Pulumi runs, on state as the real engine writes it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  endKilledRuns,
  ensurePassphrase,
  hasStack,
  localClusters,
  type LocalStack,
  restartClusters,
  restoreState,
} from "../../cli/local-stack.ts";

let home: string;
let said: string[];
const say = (line: string): void => {
  said.push(line);
};

function stack(): LocalStack {
  return {
    name: "local",
    project: home,
    home,
    pulumi: "pulumi",
    env: process.env,
    exports: {
      PLONK_HOME: home,
      PLONK_CACHE: join(home, "cache"),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${home}/state`,
      PULUMI_CONFIG_PASSPHRASE_FILE: join(home, "passphrase"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      NODE_COMPILE_CACHE: join(home, "compiled"),
      PATH: "",
    },
  };
}

function lock(pid: number): string {
  const folder = join(home, "state", ".pulumi", "locks", "organization", "plonk", "local");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "1.json"), JSON.stringify({ pid, username: "root" }));
  return folder;
}

function cluster(name: string, script: string, owner = "plonk/local"): void {
  const folder = join(home, "clusters", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "owner"), `${owner}\n`);
  writeFileSync(join(folder, "start.sh"), script);
}

/** A process that goes by the name of the Pulumi CLI. */
async function startPulumi(): Promise<ChildProcess> {
  const path = join(home, "pulumi");
  writeFileSync(path, "#!/bin/sh\necho ready\nread -r line\n", { mode: 0o755 });
  const child = spawn(path, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "plonk-local-stack-"));
  said = [];
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("ensurePassphrase", () => {
  it("gives commands side by side the same one, whole for each", async () => {
    const path = join(home, "passphrase");
    const read = await Promise.all(
      Array.from({ length: 8 }, async () => {
        await ensurePassphrase(path);
        return readFileSync(path, "utf8");
      }),
    );
    expect(read[0]).toMatch(/^[-\w]{43}\n$/);
    expect(new Set(read).size).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(["passphrase"]);
  });
});

describe("endKilledRuns", () => {
  it("removes the lock of a process that is gone, and says so", async () => {
    const folder = lock(2 ** 22 + 1); // above Linux' largest process id
    await endKilledRuns(stack(), say);
    expect(readdirSync(folder)).toEqual([]);
    expect(said).toEqual([
      `found the lock of an interrupted run (process ${2 ** 22 + 1}); removed it`,
    ]);
  });

  it("refuses to go on while the process that locked the stack runs", async () => {
    const running = await startPulumi();
    const folder = lock(running.pid ?? 0);
    await expect(endKilledRuns(stack(), say)).rejects.toThrow(
      `the stack local is in use by process ${running.pid}; wait for it or stop it, then run this again`,
    );
    expect(readdirSync(folder)).toEqual(["1.json"]);
    running.kill("SIGKILL");
  });

  it.each([
    ["another program", async () => Promise.resolve(process.pid), 0],
    ["a younger pulumi", async () => (await startPulumi()).pid ?? 0, 60],
  ])("removes a lock whose process id belongs to %s by now", async (_, start, age) => {
    const pid = await start();
    const folder = lock(pid);
    const written = Date.now() / 1000 - age;
    utimesSync(join(folder, "1.json"), written, written);
    await endKilledRuns(stack(), say);
    expect(readdirSync(folder)).toEqual([]);
    expect(said).toEqual([`found the lock of an interrupted run (process ${pid}); removed it`]);
    if (pid !== process.pid) {
      process.kill(pid, "SIGKILL");
    }
  });

  it("removes a lock that was cut short", async () => {
    const folder = lock(process.pid);
    writeFileSync(join(folder, "1.json"), "");
    await endKilledRuns(stack(), say);
    expect(readdirSync(folder)).toEqual([]);
    expect(said).toEqual(["found the lock of an interrupted run (process unknown); removed it"]);
  });

  it("has nothing to do without locks", async () => {
    await endKilledRuns(stack(), say);
    expect(said).toEqual([]);
  });
});

describe("restoreState", () => {
  function write(name: string, content: string): string {
    const folder = join(home, "state", ".pulumi", "stacks", "plonk");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  }

  it("goes back to the copy of a state that was cut short, and says so", async () => {
    const state = write("local.json", '{"version": 3, "che');
    write("local.json.bak", '{"version":3}');
    await restoreState(stack(), say);
    expect(readFileSync(state, "utf8")).toBe('{"version":3}');
    expect(said).toEqual([
      "the state was incomplete; restored Pulumi's backup from before the last write",
    ]);
  });

  it("leaves a whole state as it is", async () => {
    const state = write("local.json", '{"version":3,"checkpoint":{}}');
    write("local.json.bak", '{"version":3}');
    await restoreState(stack(), say);
    expect(readFileSync(state, "utf8")).toBe('{"version":3,"checkpoint":{}}');
    expect(said).toEqual([]);
  });

  it("does not bring a removed stack back", async () => {
    write("local.json.bak", '{"version":3}');
    await restoreState(stack(), say);
    expect(hasStack(stack())).toBe(false);
  });

  it.each([
    ["no copy", undefined],
    ["an empty copy", ""],
  ])("refuses to go on with %s, and leaves both", async (_, copy) => {
    const state = write("local.json", "");
    if (copy !== undefined) {
      write("local.json.bak", copy);
    }
    await expect(restoreState(stack(), say)).rejects.toThrow(
      `${state}: expected Pulumi's state, got no JSON, neither in its copy; ` +
        "move both away and run `npm run down`",
    );
    expect(readFileSync(state, "utf8")).toBe("");
  });
});

describe("restartClusters", () => {
  it("runs every cluster's start script and passes on what it says", async () => {
    cluster("one", "echo cluster one: started after a reboot");
    cluster("two", "");
    cluster("others", "echo not ours", "plonk/dev");
    mkdirSync(join(home, "clusters", "half-made"));
    expect((await localClusters(stack())).sort()).toEqual(["one", "two"]);
    await restartClusters(stack(), say);
    expect(said).toEqual(["cluster one: started after a reboot"]);
  });

  it("names the cluster that does not start, with its reason", async () => {
    cluster("one", "echo no space left >&2; exit 1");
    await expect(restartClusters(stack(), say)).rejects.toThrow(
      "cluster one: could not be started\nno space left",
    );
  });
});
