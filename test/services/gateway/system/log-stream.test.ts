/** Lines of a pod's log that are not what logs are made of, and when a stream ends. */
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { LogMessage } from "../../../../contract/index.ts";
import {
  LogStream,
  type LogStreamOptions,
} from "../../../../services/gateway/system/log-stream.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes, type SeenRequest } from "../../../support/fake-kubernetes.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { until } from "../../../support/until.ts";

const PODS = "/api/v1/namespaces/fn/pods";
const at = (nanoseconds: number): string =>
  `2026-11-21T10:00:00.${String(nanoseconds).padStart(9, "0")}Z`;

let fake: FakeKubernetes;
let client: KubernetesClient;
let log: KeptLog;
let output: PassThrough;
let text: string;
let streams: LogStream[];

beforeEach(async () => {
  fake = new FakeKubernetes();
  client = await fake.start();
  log = createKeptLog();
  streams = [];
  text = "";
  output = new PassThrough();
  output.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
});

afterEach(async () => {
  streams.forEach((stream) => stream.stop());
  await client.close();
  await fake.stop();
});

function putPod(name: string, logText: string, phase = "Running"): void {
  fake.logs.set(name, logText);
  fake.put(PODS, { metadata: { name, labels: { faas_function: "f" } }, status: { phase } });
}

/** A stream that has found its pods. */
async function open(options: Partial<LogStreamOptions> = {}): Promise<LogStream> {
  const stream = new LogStream({
    client,
    logger: log.logger,
    reference: { name: "f", namespace: "fn" },
    isFollowing: false,
    ...options,
  });
  streams.push(stream);
  await stream.open();
  return stream;
}

function messages(): LogMessage[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as LogMessage);
}

const texts = (): string[] => messages().map((message) => message.text);
const ofLogs = (): SeenRequest[] => fake.requests.filter(({ path }) => path.endsWith("/log"));

/** Answers for the logs of one pod, one after the other, and the last one again and again. */
function answerLogs(...answers: ((response: ServerResponse) => void)[]): void {
  let turn = 0;
  fake.intercept = ({ path }, response) => {
    const isLog = path.endsWith("/log");
    if (isLog) {
      answers[Math.min(turn++, answers.length - 1)]?.(response);
    }
    return isLog;
  };
}

describe("a line", () => {
  test("is told with its function, its pod and its time, whatever else it has", async () => {
    putPod("f-1", `${at(5)} two  words \u00fc\n`);
    await (await open()).writeTo(output);
    expect(messages()).toEqual([
      {
        name: "f",
        namespace: "fn",
        instance: "f-1",
        timestamp: at(5),
        text: "two  words \u00fc",
      },
    ]);
  });

  test("may be empty, and may have the form of JSON", async () => {
    putPod("f-1", `${at(1)} \n${at(2)} {"a": "\\n"}\n${at(3)} last`);
    await (await open()).writeTo(output);
    expect(texts()).toEqual(["", '{"a": "\\n"}', "last"]);
  });

  test("without a time, as a node's own words have it, is told as it is, with the present time", async () => {
    const words = "failed to create fsnotify watcher: too many open files";
    putPod("f-1", `${at(1)} first\n${words}\nwords\n`);
    const before = new Date().toISOString();
    await (await open()).writeTo(output);
    expect(texts()).toEqual(["first", words, "words"]);
    const [first, ...others] = messages().map(({ timestamp }) => timestamp);
    expect(first).toBe(at(1));
    for (const time of others) {
      expect(time >= before && time <= new Date().toISOString()).toBe(true);
    }
  });
});

describe("a log that is read on", () => {
  test("goes on behind its last line with a time, whatever a node has said after it", async () => {
    const words = "unable to retrieve container logs for containerd://5f2";
    answerLogs(
      (response) => response.end(`${at(1)} first\n${words}\n`),
      (response) => response.end(`${at(1)} first\n${at(2)} second\n`),
    );
    putPod("f-1", "");
    const stream = await open({ isFollowing: true });
    const written = stream.writeTo(output);
    await until("the second line", () => texts().includes("second"));
    stream.stop();
    await written;
    expect(texts()).toEqual(["first", words, "second"]);
    expect(ofLogs().map(({ query }) => query.get("sinceTime"))).toEqual([null, at(1)]);
  });

  test("tells a node's words once as long as it says the same", async () => {
    answerLogs(
      (response) => response.end("no logs yet\n"),
      (response) => response.end("no logs yet\n"),
      (response) => response.end(`${at(1)} first\n`),
    );
    putPod("f-1", "");
    const stream = await open({ isFollowing: true, tailLines: 3 });
    const written = stream.writeTo(output);
    await until("the first line", () => texts().includes("first"));
    stream.stop();
    await written;
    expect(texts()).toEqual(["no logs yet", "first"]);
    // Nothing has been read of it: it is asked for as at first.
    expect(ofLogs().map(({ query }) => query.get("tailLines"))).toEqual(["3", "3", "3"]);
  });
});

describe("the pods", () => {
  test.each([
    ["Running", true],
    ["Succeeded", true],
    ["Failed", true],
    ["Pending", false],
    ["Unknown", false],
    ["", false],
  ])("in the phase %j have a log: %s", async (phase, hasLog) => {
    putPod("f-1", `${at(1)} x\n`, phase);
    await (await open()).writeTo(output);
    expect(texts()).toEqual(hasLog ? ["x"] : []);
  });

  test("are asked as the caller wants it", async () => {
    putPod("f-1", "");
    await (await open({ tailLines: 5, sinceTime: at(0) })).writeTo(output);
    const [request] = ofLogs();
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      follow: "false",
      timestamps: "true",
      tailLines: "5",
      sinceTime: at(0),
    });
  });

  test("are the one that is meant where one is named, and none by a part of its name", async () => {
    putPod("f-1", `${at(1)} one\n`);
    putPod("f-10", `${at(1)} ten\n`);
    await (await open({ instance: "f-1" })).writeTo(output);
    expect(texts()).toEqual(["one"]);
    expect(ofLogs().map(({ path }) => path)).toEqual([`${PODS}/f-1/log`]);
  });

  test("that cannot be read leave the others to be read, and are told in the log", async () => {
    putPod("f-1", `${at(1)} one\n`);
    putPod("f-2", `${at(1)} two\n`);
    fake.intercept = ({ path }, response) => {
      const isBroken = path.endsWith("/f-1/log");
      if (isBroken) {
        response.writeHead(500).end("{}");
      }
      return isBroken;
    };
    await (await open()).writeTo(output);
    expect(texts()).toEqual(["two"]);
    expect(log.text()).toMatch(/"pod":"f-1".*log of a pod not readable/);
  });

  test("are not those of another function", async () => {
    putPod("f-1", `${at(1)} mine\n`);
    fake.logs.set("g-1", `${at(1)} theirs\n`);
    fake.put(PODS, {
      metadata: { name: "g-1", labels: { faas_function: "g" } },
      status: { phase: "Running" },
    });
    await (await open()).writeTo(output);
    expect(texts()).toEqual(["mine"]);
  });
});

describe("the end", () => {
  test("comes with the last line where nobody follows, and there is no watch any more", async () => {
    putPod("f-1", `${at(1)} x\n`);
    await (await open()).writeTo(output);
    expect(output.writableEnded).toBe(true);
    await until("no watch", () => fake.watchers === 0);
  });

  test("comes at once when the caller leaves, in the middle of a log that goes on", async () => {
    answerLogs((response) => response.write(`${at(1)} first\n`));
    putPod("f-1", "");
    const stream = await open({ isFollowing: true });
    const written = stream.writeTo(output);
    await until("the first line", () => texts().length === 1);
    stream.stop();
    await written;
    expect([output.writableEnded, log.text().includes("not readable")]).toEqual([true, false]);
  });

  test("comes at once, too, where the caller has left before", async () => {
    putPod("f-1", `${at(1)} x\n`);
    const stream = await open({ isFollowing: true });
    stream.stop();
    await stream.writeTo(output);
    expect([output.writableEnded, texts()]).toEqual([true, []]);
  });

  test("comes while the caller reads nothing", async () => {
    answerLogs((response) => response.end(`${at(1)} ${"x".repeat(500_000)}\n`.repeat(3)));
    putPod("f-1", "");
    const stuck = new PassThrough();
    const stream = await open({ isFollowing: true });
    const written = stream.writeTo(stuck);
    await until("a full output", () => stuck.writableNeedDrain);
    stream.stop();
    await written;
    expect(stuck.writableEnded).toBe(true);
  });
});
