/** `plonk queue` against a real gateway. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { queue } from "../../../cli/queue.ts";
import { capture } from "../../../toolchain/run-command.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { LetterWorld, succeed } from "../../support/letter-world.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
let letters: LetterWorld;
let folder: string;

beforeAll(async () => {
  letters = await LetterWorld.create();
  atEnd(() => letters.close());
  folder = mkdtempSync(join(tmpdir(), "plonk-openfaas-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  const { url } = letters.world.gateway;
  const auths = [{ gateway: url, auth: "basic", token: btoa("own:p") }];
  writeFileSync(join(folder, "config.yml"), JSON.stringify({ auths }));
});

afterEach(() => letters.reset());

/** What the command prints, and its exit code. */
async function runAny(...args: string[]): Promise<{ code: number; text: string }> {
  const printed: string[] = [];
  const code = await queue(args, {
    env: { OPENFAAS_CONFIG: folder },
    print: (text) => void printed.push(text),
    write: (bytes) => void printed.push(Buffer.from(bytes).toString("latin1")),
  });
  return { code, text: printed.join("\n") };
}

/** What the command prints where it succeeds. */
async function run(...args: string[]): Promise<string> {
  const { code, text } = await runAny(...args);
  expect(code).toBe(0);
  return text;
}

test("ls and show are tables for people, and JSON for programs", async () => {
  const { world } = letters;
  const id = await world.enqueue("f/p", { headers: { "x-delay-seconds": "3600" } });
  const { body } = await world.ask<{ acceptedAt: string; nextAt: string }>(`/async/calls/${id}`);
  const { acceptedAt, nextAt } = body;
  const [head, line, ...rest] = (await run("ls", "-f", "f")).split("\n");
  expect(head?.split(/ +/)).toEqual([
    ...["ID", "FUNCTION", "STATE", "ATTEMPTS", "ACCEPTED", "NEXT", "REASON"],
  ]);
  expect(line?.split(/ +/)).toEqual([id, "f.openfaas-fn", "queued", "0", acceptedAt, nextAt]);
  expect(rest).toEqual([]);
  expect(await run("ls", "--state", "running")).toBe((head ?? "").replaceAll(/ +/g, "  "));
  expect(JSON.parse(await run("ls", "-f", "f", "-o", "json"))).toEqual([body]);
  expect((await run("show", id)).split("\n")).toContain("path          /p");
  expect(JSON.parse(await run("show", id, "-o", "json"))).toEqual(body);
});

test("ls goes on to as many pages as it takes, up to its limit", async () => {
  const headers = { "x-delay-seconds": "3600" };
  for (let turn = 0; turn < 26; turn++) {
    const calls = Array.from({ length: 40 }, () => letters.world.enqueue("g", { headers }));
    await Promise.all(calls);
  }
  const args = ["ls", "-f", "g", "--state", "queued", "--limit"];
  expect((await run(...args, "2000")).split("\n")).toHaveLength(1041);
  expect((await run(...args, "1001")).split("\n")).toHaveLength(1002);
});

test("cancel says what the call was", async () => {
  const id = await letters.world.enqueue("f");
  expect(await run("cancel", id)).toBe(`${id} cancelled, was queued`);
  await expect(run("cancel", id)).rejects.toThrow(/: 409 the call is cancelled already$/);
});

test("result writes a kept answer as it is, and fails where its function did", async () => {
  const { world } = letters;
  const headers = { "x-keep-result-seconds": "600" };
  letters.answer = (_request, response) => response.end(Buffer.from([0, 255, 10]));
  const id = await world.enqueue("f", { headers });
  await expect(runAny("result", id)).rejects.toThrow(
    `call ${id}: it is queued, and has no result yet`,
  );
  world.startWorker();
  await world.untilState(id, "done");
  expect(await runAny("result", id)).toEqual({ code: 0, text: "\x00\xff\n" });
  expect(JSON.parse(await run("result", id, "-o", "json"))).toEqual({
    status: 200,
    isTruncated: false,
    body: "AP8K",
  });
  letters.answer = (_request, response) => response.writeHead(404).end("nothing here");
  const missing = await world.enqueue("f", { headers });
  await world.untilState(missing, "done");
  expect(await runAny("result", missing)).toEqual({ code: 1, text: "nothing here" });
  const plain = await world.enqueue("f");
  await world.untilState(plain, "done");
  await expect(runAny("result", plain)).rejects.toThrow(
    "404 result: expected that of a call with X-Keep-Result-Seconds",
  );
});

test("dead letters are listed, shown, queued again and deleted", async () => {
  const ids = await letters.bury(["f/1", "g/2", "f/3", "f/4"]);
  const table = (await run("ls", "--dead")).split("\n");
  expect(table).toHaveLength(5);
  const number = await letters.sequenceOf(ids[3] ?? "");
  expect(table[1]?.split(/ {2,}/)).toEqual([
    String(number),
    "call",
    "f.openfaas-fn",
    expect.stringMatching(/^\d{4}-/),
    "1",
    "500",
    "status 500 after 1 attempts",
  ]);
  expect(await run("show", String(number))).toContain("no such luck");
  letters.answer = succeed;
  letters.seen = [];
  expect(await run("redrive", String(number))).toMatch(
    new RegExp(`^${number} queued again as \\d+-[\\w-]{16}$`),
  );
  expect(await run("redrive", "--all", "-f", "f")).toBe("2 queued again");
  letters.world.startWorker();
  await until("the calls", () => letters.seen.length === 3);
  expect(await run("purge", "--all")).toBe("1 deleted");
  expect(await run("purge", "--all", "-o", "json")).toBe('{\n  "deleted": 0\n}');
});

test("letters are deleted one by one", async () => {
  const [id = ""] = await letters.bury(["f"]);
  expect(await run("purge", String(await letters.sequenceOf(id)))).toBe("1 deleted");
  await expect(run("show", "1")).rejects.toThrow(
    `gateway ${letters.world.gateway.url}: 404 sequence: expected the number of a dead letter`,
  );
});

test.each([
  [[], 'queue: expected ls, show, result, redrive, cancel, purge, got ""'],
  [["toString"], 'queue: expected ls, show, result, redrive, cancel, purge, got "toString"'],
  [["ls", "--nonsense"], "queue ls: Unknown option '--nonsense'"],
  [["ls", "-o", "xml"], 'queue: --output: expected text or json, got "xml"'],
  [["ls", "--limit", "0"], 'queue: --limit: expected a number of lines, got "0"'],
  [["ls", "--dead", "--state", "done"], "queue: ls: expected --state or --dead, got both"],
  [["show"], "queue: show: expected one call's id, or a dead letter's number"],
  [["result"], "queue: result: expected one call's id"],
  [["result", "1", "2"], "queue: result: expected one call's id"],
  [["cancel"], "queue: cancel: expected ids of calls"],
  ...["redrive", "purge"].flatMap((name): [string[], string][] =>
    [[name], [name, "x"], [name, "1", "--all"], [name, "1", "-f", "f"]].map((args) => [
      args,
      `queue: ${name}: expected numbers of dead letters, or --all with or without a filter`,
    ]),
  ),
])("%j is refused", async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message);
});

test("who is not logged in, or reaches no gateway, is told so", async () => {
  const { url } = letters.world.gateway;
  const env = { HOME: "/nonexistent" };
  const print = (): void => undefined;
  const surroundings = { env, print, write: print };
  await expect(queue(["ls", "-g", url], surroundings)).rejects.toThrow(
    `gateway ${url}: 401 invalid credentials; \`faas-cli login --gateway ${url}\` logs in`,
  );
  await expect(queue(["ls", "-g", "http://127.0.0.1:1"], surroundings)).rejects.toThrow(
    /^gateway http:\/\/127\.0\.0\.1:1: not reachable \(.+\)$/,
  );
});

test("is a command of `plonk`", async () => {
  const entry = join(import.meta.dirname, "../../../cli/plonk.js");
  const env = { ...process.env, OPENFAAS_CONFIG: folder };
  const args = [entry, "queue", "ls", "--dead", "-o", "json"];
  const { code, stdout } = await capture(process.execPath, args, { env });
  expect([code, stdout]).toEqual([0, "[]\n"]);
});
