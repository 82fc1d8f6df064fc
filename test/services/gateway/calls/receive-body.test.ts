/** Bodies of queued calls over real connections, around each limit. */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as connect } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { StoredBody } from "../../../../contract/queue/index.ts";
import { receiveBody } from "../../../../services/gateway/calls/receive-body.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { FakeBodies } from "../../../support/fake-bodies.ts";
import { stopServer } from "../../../support/network.ts";
import { until } from "../../../support/until.ts";

const atEnd = collectCleanups(afterAll);
const MOST = 300_000;
const INLINE = 100_000;
const WHOLE = Buffer.alloc(2 * MOST, "0123456789abcdefg");

/** Each on a connection of its own: what is left of a body ends it. */
const TARGET = { host: "127.0.0.1", method: "POST", agent: false } as const;

let port: number;
let bodies: FakeBodies;
let forgotten: string[];
/** The digest of all parts that were seen. */
let digest: Hash;
/** What became of the last body. */
let outcome: Promise<Buffer | StoredBody | undefined> | undefined;

beforeAll(async () => {
  const server = createServer((request, response) => {
    outcome = receive(request);
    // The answer goes on the same connection, whatever became of the body.
    void outcome.catch(() => undefined).then(() => response.writeHead(202).end());
  });
  port = await listen(server, 0, "127.0.0.1");
  atEnd(() => stopServer(server));
});

beforeEach(() => {
  bodies = new FakeBodies();
  forgotten = [];
  digest = createHash("sha256");
  outcome = undefined;
});

function receive(request: IncomingMessage): Promise<Buffer | StoredBody | undefined> {
  return receiveBody(request, {
    maxBytes: MOST,
    maxInlineBytes: INLINE,
    onChunk: (chunk) => digest.update(chunk),
    keep: (source) => bodies.write("nonce", source),
    forget: (body) => {
      forgotten.push(body.name);
      return bodies.delete(body);
    },
  });
}

interface Sending {
  bytes: number;
  isChunked?: boolean;
}

/** Sends a body; resolves with the status of the answer. */
async function send({ bytes, isChunked = false }: Sending): Promise<number | undefined> {
  const headers = isChunked ? {} : { "content-length": bytes };
  const request = connect({ ...TARGET, port, headers });
  for (let at = 0; at < bytes; at += 50_000) {
    request.write(WHOLE.subarray(at, Math.min(bytes, at + 50_000)));
  }
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

/** Where the body is, and how much of it; it must be what was sent. */
async function describeKept(): Promise<[string, number] | undefined> {
  const body = await outcome;
  if (body === undefined) {
    return undefined;
  }
  const isInline = Buffer.isBuffer(body);
  const kept = isInline ? body : (bodies.kept.get(body.name) ?? Buffer.alloc(0));
  expect(kept.equals(WHOLE.subarray(0, kept.length))).toBe(true);
  expect(isInline || body.bytes === kept.length).toBe(true);
  return [isInline ? "inline" : body.name, kept.length];
}

const SIZES: [number, [string, number] | undefined][] = [
  [0, ["inline", 0]],
  [1, ["inline", 1]],
  [INLINE - 1, ["inline", INLINE - 1]],
  [INLINE, ["inline", INLINE]],
  [INLINE + 1, ["nonce", INLINE + 1]],
  [MOST - 1, ["nonce", MOST - 1]],
  [MOST, ["nonce", MOST]],
  [MOST + 1, undefined],
  [2 * MOST, undefined],
];

describe.each([
  ["with its length", false],
  ["in pieces", true],
])("a body that is sent %s", (_how, isChunked) => {
  test.each(SIZES)("of %d bytes is kept as %j", async (bytes, expected) => {
    expect(await send({ bytes, isChunked })).toBe(202);
    expect(await describeKept()).toEqual(expected);
    expect(forgotten).toEqual(expected === undefined ? ["nonce"] : []);
    expect(bodies.kept.size).toBe(expected?.[0] === "nonce" ? 1 : 0);
  });

  test.each(SIZES.filter(([, kept]) => kept !== undefined))(
    "of %d bytes is shown as a whole, each part once",
    async (bytes) => {
      await send({ bytes, isChunked });
      await outcome;
      const whole = createHash("sha256").update(WHOLE.subarray(0, bytes)).digest("hex");
      expect(digest.digest("hex")).toBe(whole);
    },
  );
});

describe("a body that comes to no end", () => {
  test.each([0, 1000, INLINE + 50_000])(
    "as its caller goes away after %d bytes is not kept",
    async (bytes) => {
      const headers = { "content-length": MOST };
      const request = connect({ ...TARGET, port, headers });
      request.on("error", () => undefined);
      request.flushHeaders();
      request.write(WHOLE.subarray(0, bytes));
      await until("the request", () => outcome !== undefined);
      request.destroy();
      await expect(outcome).rejects.toThrow("aborted");
      expect(bodies.kept.size).toBe(0);
    },
  );

  test("as the store fails is not kept, and its caller is answered", async () => {
    bodies.failsAfter = INLINE + 50_000;
    expect(await send({ bytes: MOST })).toBe(202);
    await expect(outcome).rejects.toThrow("store: no room");
    expect(bodies.kept.size).toBe(0);
  });
});
