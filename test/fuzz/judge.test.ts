/** What the campaign takes for a breach, at all four entries. */
import { describe, expect, test } from "@jest/globals";
import { WEB_SOCKET } from "../support/http-client.ts";
import { CANARY, CREDENTIALS } from "./corpus/credentials.ts";
import { get, raw } from "./corpus/request.ts";
import { generateEntryBlock } from "./generate-entries.ts";
import { judge, type Verdict } from "./invariants.ts";
import type { SeenMessage } from "./recording-queue.ts";
import { readRequests } from "./strict-request.ts";

const AUTHORITY = "127.0.0.1:1";

interface Told {
  status?: number;
  body?: string;
  /** What the function saw over an upgraded connection. */
  tunnel?: string;
  queued?: Partial<SeenMessage>[];
}

function judgeOne(sent: string, { status = 200, body = "", tunnel, queued = [] }: Told): Verdict {
  const head = `HTTP/1.1 ${status} Some\r\nContent-Length: ${body.length}\r\n\r\n`;
  const call = get("/", `Host: ${AUTHORITY}`).replace("Host: h\r\n", "");
  const seen = readRequests(call).requests.map((request) => ({
    ...{ client: "c", request, isWhole: true },
    ...(tunnel !== undefined && { tunnel }),
  }));
  return judge({
    sent,
    outcome: { received: head + body, ending: "server" },
    seen: tunnel === undefined ? [] : seen,
    queued: queued.map((message) => ({
      ...{ calledAs: "x", method: "GET", path: "", query: "", body: "" },
      ...message,
    })),
    authority: AUTHORITY,
  });
}

describe("202", () => {
  const call = get("/async-function/x/a?b");
  const queued = [{ path: "/a", query: "b" }];

  test("is counted when the call is in the queue as it was sent", () => {
    const { breach, accepted, entries } = judgeOne(call, { status: 202, queued });
    expect({ breach, accepted, entries: [...entries] }).toEqual({
      ...{ breach: undefined, accepted: 1, entries: ["async"] },
    });
  });

  test.each<[string, string, Told, string]>([
    ["nothing is in the queue", call, {}, "queue: 1 calls accepted, 0 queued"],
    ["it answers no call of the queue", get("/function/x"), {}, "answer 0: 202 to what is no call"],
    [
      "another query is in the queue",
      call,
      { queued: [{ path: "/a", query: "c" }] },
      "queue: got GET x /a c, which nobody sent so",
    ],
    [
      "the body is a part of the one that was sent",
      raw("POST /async-function/x HTTP/1.1", ["Content-Length: 5"], "hello"),
      { queued: [{ method: "POST", body: "hell" }] },
      "queue: got POST x",
    ],
    [
      "the body that was sent is a part of itself",
      raw("POST /async-function/x HTTP/1.1", ["Content-Length: 5"], "hell"),
      { queued: [{ method: "POST", body: "hell" }] },
      "queue: got POST x",
    ],
    [
      "the function is private, and nobody was let in",
      get("/async-function/prototype"),
      { queued: [{ calledAs: "prototype" }] },
      "queue: got GET prototype",
    ],
  ])("is a breach when %s", (...[, sent, told, breach]) => {
    expect(judgeOne(sent, { status: 202, ...told }).breach).toContain(breach);
  });
});

describe("101", () => {
  const handshake = get("/function/x", ...WEB_SOCKET);

  test("is counted when the function has agreed, and what follows is no request", () => {
    const sent = `${handshake}${get("/function/x/smuggled")}`;
    const tunnel = get("/function/x/smuggled");
    const { breach, isUpgraded, entries } = judgeOne(sent, { status: 101, tunnel });
    expect({ breach, isUpgraded, entries: [...entries] }).toEqual({
      ...{ breach: undefined, isUpgraded: true, entries: ["upgrade"] },
    });
  });

  test.each<[string, string, Told, string]>([
    ["no function has agreed", handshake, {}, "upgrade: 101 without a handshake"],
    [
      "the function saw other bytes",
      `${handshake}ab`,
      { tunnel: "b" },
      "upgrade: the function saw",
    ],
  ])("is a breach when %s", (...[, sent, told, breach]) => {
    expect(judgeOne(sent, { status: 101, ...told }).breach).toContain(breach);
  });
});

describe("REST", () => {
  test("answers who has credentials", () => {
    const sent = get("/system/functions", CREDENTIALS);
    const { breach, managed, letIn } = judgeOne(sent, { body: CANARY });
    expect({ breach, managed, letIn }).toEqual({ breach: undefined, managed: 1, letIn: 1 });
  });

  test.each<[string, string, Told]>([
    ["with the functions", get("/system/functions"), { body: CANARY }],
    ["with calls of the queue", get("/async/calls"), {}],
    ["with another password", get("/system/info", "Authorization: Basic YWRtaW46YQ=="), {}],
  ])("is in breach when it answers without credentials, %s", (_name, sent, told) => {
    expect(judgeOne(sent, told).breach).toMatch(/^system: .* without credentials$/);
  });
});

test.each([500, 503])("%i is a breach, but for who may ask Kubernetes", (status) => {
  const breaches = [
    ...[get("/function/x"), get("/async-function/x"), get("/function/x", ...WEB_SOCKET)],
    get("/system/info", CREDENTIALS),
  ].map((sent) => judgeOne(sent, { status }).breach);
  const breach = `answer 0: ${status}, a fault of the gateway's`;
  expect(breaches).toEqual([breach, breach, breach, undefined]);
});

test("a block of cases is the same for the same seed, and another for another one", () => {
  for (const block of [0, 4]) {
    expect(generateEntryBlock(1, block)).toEqual(generateEntryBlock(1, block));
    expect(generateEntryBlock(2, block)).not.toEqual(generateEntryBlock(1, block));
  }
});

test("only every fifth block has credentials", () => {
  const having = [0, 1, 2, 3, 4].filter((block) =>
    generateEntryBlock(1, block).some(({ parts }) => parts.join("").includes(CREDENTIALS)),
  );
  expect(having).toEqual([4]);
});
