/** Content codings and byte order marks of bodies that an event handler gets. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cleanUp, type RunningWatchdog, startWatchdog, writeModule } from "./process.ts";

let watchdog: RunningWatchdog;

beforeAll(async () => {
  watchdog = await startWatchdog({
    PLONK_FUNCTION_MODULE: await writeModule("echo.mjs", "export default ({ body }) => body;"),
    max_body_bytes: "1000",
  });
});
afterAll(cleanUp);

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<[status: number, text: string]> {
  const answer = await fetch(watchdog.url, { method: "POST", body, headers });
  return [answer.status, await answer.text()];
}

const inCoding = (coding: string): Record<string, string> => ({ "content-encoding": coding });

describe("a body in a content coding", () => {
  it.each<[string, Uint8Array<ArrayBuffer>]>([
    ["gzip", gzipSync('{"a":[1]}')],
    ["X-GZIP", gzipSync('{"a":[1]}')],
    ["deflate", deflateSync('{"a":[1]}')],
    ["br", brotliCompressSync('{"a":[1]}')],
    ["identity", Buffer.from('{"a":[1]}')],
  ])("of %s is decoded", async (coding, body) => {
    const headers = { ...inCoding(coding), "content-type": "application/json" };
    expect(await post(body, headers)).toEqual([200, '{"a":[1]}']);
  });

  const known = "Content-Encoding: expected one of gzip, x-gzip, deflate, br";
  it.each([
    { kind: "another", coding: "zstd", body: gzipSync("a"), status: 415, text: known },
    { kind: "several", coding: "gzip, gzip", body: gzipSync("a"), status: 415, text: known },
    {
      ...{ kind: "one that it is not in", coding: "gzip", body: Buffer.from("x"), status: 400 },
      text: "Request body is not valid gzip",
    },
    {
      ...{ kind: "one, broken off", coding: "br", status: 400 },
      body: brotliCompressSync("abc").subarray(0, 3),
      text: "Request body is not valid br",
    },
    {
      ...{ kind: "one that makes much of little", coding: "gzip", status: 413 },
      body: gzipSync("x".repeat(1_000_000)).subarray(0, 900),
      text: "Request body larger than 1000 bytes",
    },
  ])("of $kind is refused", async ({ coding, body, status, text }) => {
    expect(await post(body, inCoding(coding))).toEqual([status, text]);
  });

  it("is nothing where there is no body", async () => {
    const answer = await fetch(watchdog.url, { headers: inCoding("gzip") });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });
});

it("JSON may have a byte order mark before it", async () => {
  expect(await post("\ufeff[1]", { "content-type": "application/json" })).toEqual([200, "[1]"]);
});
