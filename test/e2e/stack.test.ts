/**
 * The whole stack on a real cluster, from a fresh clone, in the order in which a person meets it:
 * up (interrupted, then finished), calls, no-change runs, an edit under load, a reboot, down.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { plonkCache } from "../../toolchain/directories.ts";
import { CallbackReceiver } from "../support/callback-receiver.ts";
import { FreshClone, requireSuccess } from "../support/clone.ts";
import { readFilesBelow } from "../support/files.ts";
import { type Load, startLoad } from "../support/load.ts";
import {
  commandLine,
  findLeftovers,
  isOf,
  listPids,
  type MachineState,
  readMachineState,
} from "../support/machine.ts";
import { until } from "../support/until.ts";
import { describeScaling, type SystemRequest } from "./stack/scaling.ts";
import { describeSecondStack } from "./stack/second-stack.ts";

const CLUSTER = "e2e";
const HOST = "198.18.77.1";
const minute = 60_000;

const clone = new FreshClone(CLUSTER, "198.18.77.0/24");
const repository = dirname(dirname(import.meta.dirname));
// The person's own stack may be running beside this one.
const ownHome = join(homedir(), ".local", "share", "plonk");
const excluded = [plonkCache(), clone.home, clone.folder, repository, ownHome];
const owners = [clone.home, clone.folder];
let before: MachineState;
let pidsBefore: Set<number>;
let gateway = "";
let password = "";
let load: Load | undefined;
let receiver: CallbackReceiver | undefined;

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${gateway}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
}

function authorized(user = "admin", secret = password): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}` };
}

function system(path: string, { method = "GET", body }: SystemRequest = {}): Promise<Response> {
  const headers = { "content-type": "application/json", ...authorized() };
  return call(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

beforeAll(() => {
  before = readMachineState(excluded, owners);
  pidsBefore = new Set(listPids());
});

afterEach(async () => {
  await load?.stop();
  await receiver?.close();
  receiver = undefined;
});

afterAll(async () => {
  await clone.remove();
}, 5 * minute);

describe("npm run up", () => {
  it(
    "goes on after a first run that was killed while it created the platform",
    async () => {
      const run = clone.start(["up", "--", ...clone.settings]);
      const hasBegun = (): boolean => /Deployment|StatefulSet/.test(run.printed());
      await until(
        "platform resources",
        () => hasBegun() || run.child.exitCode !== null,
        10 * minute,
      );
      expect(run.child.exitCode).toBeNull();
      const pulumi = listPids().filter(
        (pid) => !pidsBefore.has(pid) && /(^|\/)pulumi( |$)/.test(commandLine(pid)),
      );
      expect(pulumi.length).toBeGreaterThan(0);
      for (const pid of pulumi) {
        process.kill(pid, "SIGKILL");
      }
      expect((await run.finished).code).not.toBe(0);
      // Pulumi puts the state in place whole; a sidecar would be written where it is.
      const state = readdirSync(join(clone.home, "state"), { recursive: true, encoding: "utf8" });
      expect(state.filter((name) => name.endsWith(".attrs"))).toEqual([]);

      const again = await clone.up();
      expect(again.output).toContain("found the lock of an interrupted run");
      requireSuccess(again);
      const url = /Gateway\s+(http:\S+)/.exec(again.output)?.[1];
      expect(url).toBe("http://198.18.77.11:31112");
      gateway = url ?? "";
    },
    15 * minute,
  );

  it(
    "prints a curl line that answers when pasted",
    async () => {
      const { output, code } = await clone.up();
      expect(code).toBe(0);
      const line = /Try\s+(curl .*)$/m.exec(output)?.[1] ?? "";
      expect(execFileSync("sh", ["-c", `${line} --silent --fail`], { encoding: "utf8" })).toBe(
        "hello world",
      );
    },
    5 * minute,
  );

  it(
    "tells how to read the password, and the gateway takes it",
    async () => {
      const read = await clone.pulumi("stack", "output", "adminPassword", "--show-secrets");
      password = read.stdout.trim();
      expect(password).toMatch(/^[-_A-Za-z0-9]{32}$/);
      expect((await call("/system/functions")).status).toBe(401);
      expect(
        (await call("/system/functions", { headers: authorized("admin", "wrong") })).status,
      ).toBe(401);
      const list = await call("/system/functions", { headers: authorized() });
      expect(list.status).toBe(200);
      const functions = (await list.json()) as { name: string }[];
      expect(functions.map((item) => item.name).sort()).toEqual(["hello", "markdown", "sha256"]);
    },
    minute,
  );
});

describe("the admin password", () => {
  it("is in no log, and not readable in the state and the stack's configuration", () => {
    const cluster = join(clone.home, "clusters", CLUSTER);
    const files = readFilesBelow([join(clone.home, "state"), join(cluster, "host", "var", "log")]);
    const logs = ["k3s.log", "data/agent/containerd/containerd.log"];
    const others = logs.map((name) => join(cluster, name));
    others.push(join(clone.folder, "stacks", "Pulumi.local.yaml"));
    others.forEach((file) => files.set(file, readFileSync(file)));
    expect(files.size).toBeGreaterThan(10);
    const holders = [...files].filter(([, content]) => content.includes(password));
    expect(holders.map(([file]) => file)).toEqual([]);
  });
});

describe("the example functions", () => {
  it("answers from a closure", async () => {
    const answer = await call("/function/hello", { method: "POST", body: "there" });
    expect(await answer.text()).toBe("hello there");
    expect(answer.headers.get("x-call-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("turns this repository's README into HTML", async () => {
    const readme = readFileSync(join(clone.folder, "README.md"), "utf8");
    const answer = await call("/function/markdown", { method: "POST", body: readme });
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(await answer.text()).toContain("<h1>Plonk</h1>");
  });

  it("hashes what it gets with an executable", async () => {
    const body = "x".repeat(100_000);
    const answer = await call("/function/sha256", { method: "POST", body });
    expect((await answer.text()).trim().split(/\s/)[0]).toBe(
      createHash("sha256").update(body).digest("hex"),
    );
  });

  it(
    "calls back with the result of an asynchronous call",
    async () => {
      receiver = await CallbackReceiver.start(HOST);
      const { url, received } = receiver;
      const accepted = await call("/async-function/markdown", {
        method: "POST",
        body: "# later",
        headers: { "x-callback-url": url },
      });
      expect(accepted.status).toBe(202);
      expect(await accepted.text()).toBe("");
      await until("a callback", () => received.length > 0);
      expect(received[0]?.body).toContain("<h1>later</h1>");
      expect(received[0]?.headers).toMatchObject({
        "x-function-name": "markdown",
        "x-function-status": "200",
        "x-call-id": accepted.headers.get("x-call-id"),
      });
      expect(received).toHaveLength(1);
    },
    2 * minute,
  );
});

describe("a run without changes", () => {
  it(
    "previews no change",
    async () => {
      const preview = await clone.pulumi("preview", "-s", "local", "--expect-no-changes");
      requireSuccess(preview);
    },
    2 * minute,
  );

  it(
    "refreshes no change",
    async () => {
      const refresh = await clone.pulumi("refresh", "-s", "local", "--yes", "--expect-no-changes");
      requireSuccess(refresh);
    },
    2 * minute,
  );
});

describe("a plain pulumi with the exports that up prints", () => {
  it(
    "sees the same stack, without a change",
    async () => {
      const update = await clone.plainPulumi("up", "-s", "local", "--yes", "--expect-no-changes");
      requireSuccess(update);
      expect(update.output).toContain("unchanged");
    },
    2 * minute,
  );
});

describe("an edited handler", () => {
  it(
    "goes live with no failed call under a constant load",
    async () => {
      load = startLoad(`${gateway}/function/hello`, "world");
      await load.waitForBody("hello world", minute);
      clone.edit("examples/hello.ts", "hello ", "good day ");
      const { code } = await clone.up();
      await load.waitForBody("good day world", minute);
      await sleep(5_000); // the old pod's whole end, under load too
      const result = await load.stop();
      expect(code).toBe(0);
      expect(result.failures).toEqual([]);
      expect(result.bodies).toEqual(["hello world", "good day world"]);
      expect(result.calls).toBeGreaterThan(200);
    },
    5 * minute,
  );
});

describeScaling({
  kubectl: (args, input = "") => clone.kubectl(CLUSTER, args, input),
  gateway: () => gateway,
  system,
  readFunction: async (name) => {
    const answer = await system(`/system/function/${name}`);
    return (await answer.json()) as { replicas?: number };
  },
});

describe("an unknown target", () => {
  it(
    "fails in preview with one clear line",
    async () => {
      const preview = await clone.pulumi("preview", "-s", "local", "-c", "plonk:target=nowhere");
      expect(preview.code).not.toBe(0);
      expect(preview.output).toMatch(/plonk:target: .*nowhere/);
      expect(preview.output).not.toMatch(/^\s+at /m);
      await clone.pulumi("config", "set", "plonk:target", "local", "-s", "local");
    },
    2 * minute,
  );
});

describe("an interrupted run", () => {
  it(
    "ends in order on Ctrl-C, and the next run finishes",
    async () => {
      // Back to code that was there before: what it needs may still be on the cluster.
      clone.edit("examples/hello.ts", "good day ", "hello ");
      const run = clone.start(["up"]);
      await until("the update", () => /hello.*updating/.test(run.printed()), 2 * minute);
      run.child.kill("SIGINT");
      await run.finished;
      const again = await clone.up();
      requireSuccess(again);
      const answer = await call("/function/hello", { method: "POST", body: "you" });
      expect(await answer.text()).toBe("hello you");
    },
    5 * minute,
  );
});

describeSecondStack(clone, () => gateway);

describe("a machine that rebooted", () => {
  it(
    "is brought back by the next up, with the state it had",
    async () => {
      // All at once, as a machine does it: what one of them started meanwhile goes as well.
      const ours = (): number[] =>
        listPids().filter((pid) => !pidsBefore.has(pid) && isOf(owners, pid));
      await until("the end of all that ran", () => {
        const pids = ours();
        // Some end by themselves as soon as their parent is gone, which `kill` complains about.
        spawnSync("kill", ["-KILL", ...pids.map(String)]);
        return pids.length === 0;
      });
      execFileSync("ip", ["netns", "delete", `plonk-${CLUSTER}`]);
      const again = requireSuccess(await clone.up());
      expect(again.output).toMatch(/cluster e2e.*start/);
      // A caller of its own: this process' connections ended with the old gateway.
      const url = `${gateway}/function/hello`;
      const answer = execFileSync("curl", ["--silent", "--fail", "-d", "again", url]);
      expect(answer.toString()).toBe("hello again");
    },
    5 * minute,
  );
});

describe("npm run down", () => {
  it(
    "leaves no process, mount, namespace, link, route, cgroup or file",
    async () => {
      const down = await clone.run("down");
      requireSuccess(down);
      rmSync(join(clone.home, "logs"), { recursive: true, force: true });
      expect(findLeftovers(before, readMachineState(excluded, owners))).toEqual({});
      expect(readdirSync(join(clone.home)).includes("clusters")).toBe(false);
    },
    5 * minute,
  );

  it(
    "has nothing to do the second time",
    async () => {
      const down = await clone.run("down");
      requireSuccess(down);
      expect(down.output).toContain("there is no stack local");
    },
    minute,
  );
});
