/** How long a call may run: `exec_timeout`, which a caller's `X-Timeout` only shortens. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  cleanUp,
  isRunning,
  type RunningWatchdog,
  startWatchdog,
  waitFor,
  writeModule,
} from "./process.ts";

/** Long enough for a call to be there, and short beside what never ends. */
const EXEC_TIMEOUT = "1s";
const OVER = "Time-out: the function took longer than 1s";

const NEVER = "new Promise(() => setTimeout(() => {}, 600_000))";

/** What runs until it is ended, by what a watchdog is told to run. */
const ENDLESS: Record<string, () => Promise<Record<string, string>>> = {
  "an event handler": async () => ({
    PLONK_FUNCTION_MODULE: await writeModule("index.mjs", `export default () => ${NEVER};`),
  }),
  "a web-standard handler": async () => ({
    PLONK_FUNCTION_MODULE: await writeModule(
      "index.mjs",
      `export default { fetch: () => ${NEVER} };`,
    ),
  }),
  "a process": async () => ({
    fprocess: `sh ${await writeModule("script.sh", "echo pid $$ >&2; exec sleep 600")}`,
    prefix_logs: "false",
  }),
  "a process whose output is collected": async () => ({
    fprocess: `sh ${await writeModule("script.sh", "echo pid $$ >&2; exec sleep 600")}`,
    mode: "serializing",
    prefix_logs: "false",
  }),
};

describe.each(Object.keys(ENDLESS))("%s that does not end", (kind) => {
  let watchdog: RunningWatchdog;

  beforeAll(async () => {
    const env = await ENDLESS[kind]?.();
    watchdog = await startWatchdog({ ...env, exec_timeout: EXEC_TIMEOUT });
  });
  afterAll(cleanUp);

  async function call(limit?: string): Promise<[status: number, by: string | null, text: string]> {
    const answer = await fetch(watchdog.url, {
      headers: limit === undefined ? {} : { "x-timeout": limit },
    });
    return [answer.status, answer.headers.get("x-openfaas-internal"), await answer.text()];
  }

  it("is ended at exec_timeout, whatever longer or senseless X-Timeout comes", async () => {
    const limits = [
      undefined,
      "",
      "0",
      "0s",
      "0ms",
      "-1s",
      "1000h",
      "9".repeat(400),
      "soon",
      "1s, 0",
    ];
    const answers = await Promise.all(limits.map(call));
    expect(answers).toStrictEqual(limits.map(() => [504, "of-watchdog", OVER]));
  });

  it("is ended earlier by a shorter X-Timeout", async () => {
    const text = "Time-out: the function took longer than 0.05s";
    expect(await call("50ms")).toStrictEqual([504, "of-watchdog", text]);
  });

  it("is gone then, if it is a process, and all calls are counted", async () => {
    const pids = [...watchdog.stderr().matchAll(/^pid (\d+)$/gm)].map(([, pid]) => Number(pid));
    await waitFor("the end of the processes", () => !pids.some(isRunning));
    await waitFor("the calls' end", async () => {
      const text = await (await fetch(watchdog.metricsUrl)).text();
      return text.includes('http_requests_total{code="504",method="get"} 11\n');
    });
  });
});
