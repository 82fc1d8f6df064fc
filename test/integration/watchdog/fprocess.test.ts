import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { json } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "@jest/globals";
import {
  cleanUp,
  isRunning,
  type RunningWatchdog,
  startWatchdog,
  waitFor,
  writeModule,
} from "./process.ts";

afterAll(cleanUp);

/** A watchdog that runs a script of Node's for each call. */
async function startScript(script: string, env: Record<string, string> = {}) {
  const path = await writeModule("script.mjs", script);
  return await startWatchdog({ fprocess: `${process.execPath} ${path} extra`, ...env });
}

/** The process id that a script has written behind this word; which pipe is read first is open. */
async function readPid({ stderr }: RunningWatchdog, word: string): Promise<number> {
  const find = (): string | undefined => new RegExp(`^${word} (\\d+)$`, "m").exec(stderr())?.[1];
  await waitFor(`the ${word} in the log`, () => find() !== undefined);
  return Number(find());
}

describe("an executable for each call", () => {
  it("gets the body on stdin and answers with its stdout", async () => {
    const watchdog = await startWatchdog({ fprocess: "sha256sum" });
    const body = randomBytes(3_000_000);
    const answer = await fetch(watchdog.url, { method: "POST", body });
    expect([answer.status, answer.headers.get("content-type")]).toStrictEqual([
      200,
      "application/octet-stream",
    ]);
    const digest = createHash("sha256").update(body).digest("hex");
    expect(await answer.text()).toBe(`${digest}  -\n`);
  });

  it("gets arguments split at spaces, and the call in Http variables", async () => {
    const watchdog = await startScript(
      `const { Http_Method, Http_Path, Http_Query, Http_X_Call_Id, KEPT } = process.env;
       console.log(JSON.stringify([process.argv[2], Http_Method, Http_Path, Http_Query, Http_X_Call_Id, KEPT]));`,
      { KEPT: "from the pod", content_type: "application/json" },
    );
    const answer = await fetch(`${watchdog.url}/a/b?c=%20d`, { headers: { "x-call-id": "7" } });
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toStrictEqual([
      "extra",
      "GET",
      "/a/b",
      "c=%20d",
      "7",
      "from the pod",
    ]);
  });

  it("gets the query as it came, the path decoded, and no Http_Proxy", async () => {
    const watchdog = await startScript(
      `const { Http_Path, Http_Query, Http_Proxy } = process.env;
       console.log(JSON.stringify([Http_Path, Http_Query, Http_Proxy ?? "none"]));`,
    );
    const tellOf = async (path: string): Promise<unknown> => {
      const sent = request({
        port: new URL(watchdog.url).port,
        path,
        headers: { proxy: "http://evil.example" },
      });
      const [answer] = (await once(sent.end(), "response")) as [IncomingMessage];
      return answer.statusCode === 200 ? await json(answer) : answer.statusCode;
    };
    expect(await tellOf("/a%20b/{c}?name=it's&t=<b>")).toEqual([
      "/a b/{c}",
      "name=it's&t=<b>",
      "none",
    ]);
    expect(await tellOf("/./x/..%2Fy%zz")).toEqual(["/./x/..%2Fy%zz", null, "none"]);
    expect(await tellOf("/a%00b")).toBe(400);
  });

  it("sends a long output to a slow reader, and logs no warning", async () => {
    const watchdog = await startWatchdog({ fprocess: "head -c 30000000 /dev/zero" });
    const answer = await fetch(watchdog.url);
    let size = 0;
    for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(size).toBe(30_000_000);
    expect(watchdog.stderr()).not.toContain("MaxListenersExceededWarning");
  });

  it.each(["streaming", "serializing"])("answers 500 to a failure in %s mode", async (mode) => {
    const watchdog = await startScript(`console.error("no disk"); process.exit(3);`, { mode });
    const answer = await fetch(watchdog.url);
    expect([answer.status, await answer.text()]).toStrictEqual([500, "exit status 3"]);
    await waitFor("what it wrote", () => /^\S+Z stderr: no disk$/m.test(watchdog.stderr()));
  });

  it("breaks the connection of a stream that fails, and hides a whole answer that does", async () => {
    const script = `process.stdout.write("begun", () => setTimeout(() => process.exit(1), 50));`;
    const streaming = await startScript(script);
    const answer = await fetch(streaming.url);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow("terminated");
    const serializing = await startScript(script, { mode: "serializing" });
    expect((await fetch(serializing.url)).status).toBe(500);
  });

  it("streams output as it is written", async () => {
    const gate = await writeModule("gate", "closed");
    const watchdog = await startScript(
      `import { readFileSync } from "node:fs";
       process.stdout.write("one");
       const timer = setInterval(() => {
         if (readFileSync(${JSON.stringify(gate)}, "utf8") !== "open") return;
         clearInterval(timer);
         process.stdout.write("two");
       }, 10);`,
    );
    const answer = await fetch(watchdog.url);
    const chunks: string[] = [];
    for await (const chunk of answer.body ?? []) {
      chunks.push(Buffer.from(chunk).toString());
      // The second chunk is written only when somebody has seen the first.
      await writeFile(gate, "open");
    }
    expect(chunks).toStrictEqual(["one", "two"]);
  });

  it("collects an output up to max_output_bytes, and tells its length", async () => {
    const env = { mode: "serializing", max_output_bytes: "1000000" };
    const fitting = await startWatchdog({ fprocess: "head -c 1000000 /dev/zero", ...env });
    const answer = await fetch(fitting.url);
    expect([answer.status, answer.headers.get("content-length")]).toEqual([200, "1000000"]);
    expect((await answer.bytes()).length).toBe(1_000_000);
    const head = await fetch(fitting.url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const larger = await startWatchdog({ fprocess: "head -c 1000001 /dev/zero", ...env });
    expect((await fetch(larger.url)).status).toBe(500);
  });

  it("ends a process whose output is too large to be collected, and says so", async () => {
    const path = await writeModule("script.sh", `sleep 600 & echo "child $!" >&2; exec yes`);
    const env = { mode: "serializing", max_output_bytes: "1000000", prefix_logs: "false" };
    const watchdog = await startWatchdog({ fprocess: `sh ${path}`, exec_timeout: "0", ...env });
    const refusal = "Output larger than 1000000 bytes (max_output_bytes)";
    const answer = await fetch(watchdog.url);
    expect([answer.status, await answer.text()]).toStrictEqual([500, refusal]);
    expect(answer.headers.get("x-openfaas-internal")).toBeNull();
    const lines = (): string[] => watchdog.stderr().split("\n");
    await waitFor("the refusal", () => lines().includes(refusal));
    const pid = await readPid(watchdog, "child");
    await waitFor("the end of the process", () => !isRunning(pid));
    await waitFor("the call's end", async () => {
      const text = await (await fetch(watchdog.metricsUrl)).text();
      return text.includes('http_requests_total{code="500",method="get"} 1\n');
    });
  });

  it("logs what a process writes without an end of line in pieces", async () => {
    const path = await writeModule("script.sh", "head -c 200000 /dev/zero | tr '\\0' x >&2");
    const watchdog = await startWatchdog({ fprocess: `sh ${path}`, prefix_logs: "false" });
    expect((await fetch(watchdog.url)).status).toBe(200);
    const lengths = (): number[] =>
      watchdog
        .stderr()
        .split("\n")
        .flatMap((line) => (/^x+$/.test(line) ? [line.length] : []));
    await waitFor("all of it", () => lengths().length === 4);
    expect(lengths()).toStrictEqual([65_536, 65_536, 65_536, 3392]);
  });

  it.each(["streaming", "serializing"])("kills what takes too long in %s mode", async (mode) => {
    // A shell, which has begun long before the time is over.
    const path = await writeModule("script.sh", `sleep 600 & echo "child $!" >&2; wait`);
    const env = { mode, exec_timeout: "2s", prefix_logs: "false" };
    const watchdog = await startWatchdog({ fprocess: `sh ${path}`, ...env });
    const answer = await fetch(watchdog.url);
    expect([answer.status, answer.headers.get("x-openfaas-internal")]).toStrictEqual([
      504,
      "of-watchdog",
    ]);
    const pid = await readPid(watchdog, "child");
    await waitFor("the end of the process", () => !isRunning(pid));
  });

  it("kills the process when the caller goes away", async () => {
    const watchdog = await startScript(
      `console.error("pid " + process.pid); setInterval(() => {}, 1000);`,
      {
        prefix_logs: "false",
      },
    );
    const leaving = new AbortController();
    const answer = fetch(watchdog.url, { signal: leaving.signal }).catch(() => "left");
    const pid = await readPid(watchdog, "pid");
    leaving.abort();
    expect(await answer).toBe("left");
    await waitFor("the end of the process", () => !isRunning(pid));
  });

  it("answers although the process does not read its input", async () => {
    const watchdog = await startScript(`process.stdin.destroy(); console.log("done");`);
    const answer = await fetch(watchdog.url, { method: "POST", body: randomBytes(2_000_000) });
    expect([answer.status, await answer.text()]).toStrictEqual([200, "done\n"]);
  });

  it("refuses to start without an executable of that name", async () => {
    const watchdog = await startWatchdog({ fprocess: "no-such-thing -x" });
    expect(await watchdog.exit).toBe(1);
    expect(watchdog.stderr()).toBe(
      "watchdog: fprocess: expected an executable, got no-such-thing\n",
    );
  });
});
