/** Locks between processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { withLock } from "../../../toolchain/lock.ts";
import { Folders } from "./support/fixtures.ts";

const folders = new Folders();
let path: string;

beforeEach(async () => {
  path = join(await folders.create(), "deep/down/lock");
});
afterAll(() => folders.remove());

/** A process that has ended, with the lock that it had. */
async function leaveLock(startTime = "1"): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  const pid = child.pid ?? 0;
  await withLock(path, () => Promise.resolve());
  await writeFile(path, JSON.stringify({ pid, startTime, nonce: "theirs" }));
  return pid;
}

describe("a lock", () => {
  test("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, work)));
    expect(most).toBe(1);
    expect(await readdir(join(path, ".."))).toEqual([]);
  });

  test("gives back what the work gives, and is free after a failure", async () => {
    const failing = withLock(path, () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(await withLock(path, () => Promise.resolve(7))).toBe(7);
  });

  test("of a dead process is taken over, by one of many", async () => {
    await leaveLock();
    let inside = 0;
    const results = await Promise.all(
      Array.from({ length: 6 }, () =>
        withLock(path, async () => {
          inside += 1;
          const alone = inside === 1;
          await sleep(5);
          inside -= 1;
          return alone;
        }),
      ),
    );
    expect(results).toEqual(Array.from({ length: 6 }, () => true));
  });

  test("of a process whose number another one has now is taken over", async () => {
    await leaveLock();
    await writeFile(path, JSON.stringify({ pid: process.pid, startTime: "1", nonce: "theirs" }));
    expect(await withLock(path, () => Promise.resolve("mine"))).toBe("mine");
  });

  test("that nobody can read is taken over", async () => {
    await leaveLock();
    await writeFile(path, "{");
    expect(await withLock(path, () => Promise.resolve("mine"))).toBe("mine");
  });

  test("is taken over even if the last one to try died over it", async () => {
    await leaveLock();
    await writeFile(`${path}.guard`, "");
    const old = new Date(Date.now() - 60_000);
    await utimes(`${path}.guard`, old, old);
    expect(await withLock(path, () => Promise.resolve("mine"))).toBe("mine");
  });

  test("tells once who has it, and waits until that one is gone", async () => {
    const child = spawn("sleep", ["60"]);
    const stat = await readFile(`/proc/${child.pid}/stat`, "utf8");
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    await withLock(path, () => Promise.resolve());
    await writeFile(path, JSON.stringify({ pid: child.pid, startTime, nonce: "theirs" }));
    const told: number[] = [];
    const onWait = (pid: number): void => {
      told.push(pid);
      child.kill("SIGKILL");
    };
    await withLock(path, () => Promise.resolve(), { onWait });
    expect(told).toEqual([child.pid]);
  });

  test("tells nothing where this very process has it", async () => {
    const told: number[] = [];
    const wait = { onWait: (pid: number): void => void told.push(pid) };
    const order = ["first", "second"].map((name) =>
      withLock(path, () => Promise.resolve(name), wait),
    );
    expect(await Promise.all(order)).toEqual(["first", "second"]);
    expect(told).toEqual([]);
  });

  test("is waited for only as long as the signal allows", async () => {
    const stop = new AbortController();
    await withLock(path, async () => {
      setTimeout(() => stop.abort(), 50);
      const waiting = withLock(path, () => Promise.resolve(), { signal: stop.signal });
      await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    });
  });
});
