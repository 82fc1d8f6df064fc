/** The logs of a function's pods: all of them, the last of them, and as they come. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

const PODS = "/api/v1/namespaces/openfaas-fn/pods";
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(() => gateway.stop());

interface PodSpec {
  log: string;
  /** @default Running */
  phase?: string;
  /** The function. @default f */
  owner?: string;
}

function putPod(name: string, { log, phase = "Running", owner = "f" }: PodSpec): void {
  gateway.fake.logs.set(name, log);
  const labels = { faas_function: owner };
  gateway.fake.put(PODS, { metadata: { name, labels }, status: { phase } });
}

interface Message {
  instance: string;
  text: string;
}

async function readLogs(query: string): Promise<Message[]> {
  const response = await fetch(`${gateway.url}/system/logs?${query}`);
  return parseLines(await response.text());
}

function parseLines(text: string): Message[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Message);
}

describe("/system/logs", () => {
  const at = "2026-11-21T10:00:00.123456789Z";

  beforeAll(async () => {
    gateway.declare("f");
    putPod("f-1", { log: `${at} one\n${at} two words\n` });
    putPod("f-2", { log: `${at} three\n` });
    putPod("f-3", { log: `${at} not yet\n`, phase: "Pending" });
    await gateway.settle();
  });

  test("gives the lines of all pods as newline-delimited JSON", async () => {
    const response = await fetch(`${gateway.url}/system/logs?name=f&tail=-1`);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    await response.text();
    const lines = await readLogs("name=f");
    expect(lines).toHaveLength(3);
    expect(lines).toContainEqual({
      name: "f",
      namespace: "openfaas-fn",
      instance: "f-1",
      timestamp: at,
      text: "two words",
    });
    expect(lines.map(({ instance }) => instance)).not.toContain("f-3");
  });

  test("passes tail, since and follow on, and reads one instance when asked to", async () => {
    const lines = await readLogs("name=f&instance=f-2&tail=5&since=2026-11-21T09:00:00Z");
    expect(lines.map(({ text }) => text)).toEqual(["three"]);
    const asked = gateway.fake.requests.find(({ path }) => path.endsWith("/log"));
    expect(asked?.path).toBe(`${PODS}/f-2/log`);
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      follow: "false",
      timestamps: "true",
      tailLines: "5",
      sinceTime: "2026-11-21T09:00:00.000Z",
    });
  });

  test("takes a duration for since", async () => {
    const begin = Date.now();
    await readLogs("name=f&since=1m");
    const asked = gateway.fake.requests.find(({ path }) => path.endsWith("/log"));
    const minuteLater = Date.parse(asked?.query.get("sinceTime") ?? "") + 60_000;
    expect(minuteLater).toBeGreaterThanOrEqual(begin);
    expect(minuteLater).toBeLessThanOrEqual(Date.now());
  });

  test.each([
    ["2026-11-21T09:00:00%2B02:00", "2026-11-21T07:00:00.000Z"],
    ["2026-11-21t09:00:00.123456789z", "2026-11-21T09:00:00.123Z"],
    ["2026-11-21T23:30:00-01:30", "2026-11-22T01:00:00.000Z"],
    // More than there is of time means all.
    ["99999999999999h", "1970-01-01T00:00:00.000Z"],
    ["9999999999999999", "1970-01-01T00:00:00.000Z"],
    ["", undefined],
  ])("asks for lines since %j by %j", async (since, sinceTime) => {
    expect(await readLogs(`name=f&tail=0&since=${since}`)).toHaveLength(3);
    const asked = gateway.fake.requests.filter(({ path }) => path.endsWith("/log"));
    const [query, ...others] = asked.map((request) => Object.fromEntries(request.query));
    expect(others).toHaveLength(1);
    expect(query).toEqual({
      follow: "false",
      timestamps: "true",
      ...(sinceTime !== undefined && { sinceTime }),
    });
  });

  test("goes on with pods that come later while it follows, until the caller leaves", async () => {
    const stream = await follow("f");
    await until("the first lines", () => stream.messages().length === 3);
    putPod("f-4", { log: `${at} late\n` });
    await until("the late line", () => stream.text().includes('"late"'));
    expect(gateway.fake.watchersOf(PODS)).toBe(1);
    stream.leave();
    await until("the watch of pods to end", () => gateway.fake.watchersOf(PODS) === 0);
  });

  test("sends its header before there is any line", async () => {
    gateway.declare("quiet");
    await gateway.settle();
    const abort = new AbortController();
    const { signal } = abort;
    const follow = await fetch(`${gateway.url}/system/logs?name=quiet&follow=1`, { signal });
    expect([follow.status, follow.headers.get("content-type")]).toEqual([
      200,
      "application/x-ndjson",
    ]);
    abort.abort();
    const once = await fetch(`${gateway.url}/system/logs?name=quiet`);
    expect([once.status, await once.text()]).toEqual([200, ""]);
  });

  test("reads on where a log ended, as a container starts again, and repeats no line", async () => {
    const second = "2026-11-21T10:00:00";
    const parts = [
      `${second}.000000001Z first\n${second}.000000002Z second\n`,
      `${second}.000000002Z second\n${second}.000000003Z third\n`,
    ];
    const asked: (string | null)[] = [];
    gateway.declare("again");
    gateway.fake.intercept = ({ path, query }, response) => {
      if (!path.endsWith("/again-1/log")) {
        return false;
      }
      asked.push(query.get("sinceTime"));
      response.end(parts[asked.length - 1] ?? "");
      return true;
    };
    putPod("again-1", { log: "", owner: "again" });
    await gateway.settle();
    const stream = await follow("again");
    await until("the third line", () => stream.messages().some(({ text }) => text === "third"));
    stream.leave();
    gateway.fake.intercept = () => false;
    const texts = stream.messages().map(({ text }) => text);
    expect(texts).toEqual(["first", "second", "third"]);
    expect(asked.slice(0, 2)).toEqual([null, `${second}.000000002Z`]);
  });

  test("carries many pods and long lines", async () => {
    const line = "\u00fc".repeat(100_000);
    gateway.declare("many");
    for (let pod = 0; pod < 30; pod++) {
      putPod(`many-${pod}`, { log: `${at} ${line}\n${at} last of ${pod}\n`, owner: "many" });
    }
    await gateway.settle();
    const lines = await readLogs("name=many");
    expect(lines).toHaveLength(60);
    expect(lines.filter(({ text }) => text === line)).toHaveLength(30);
    expect(lines).toContainEqual(expect.objectContaining({ text: "last of 29" }));
  });

  test("reads no faster than its caller", async () => {
    let sent = 0;
    gateway.declare("flood");
    gateway.fake.intercept = ({ path }, response) => {
      if (!path.endsWith("/flood-1/log")) {
        return false;
      }
      void flood(response, (bytes) => (sent += bytes));
      return true;
    };
    putPod("flood-1", { log: "", owner: "flood" });
    await gateway.settle();
    const abort = new AbortController();
    const { signal } = abort;
    await fetch(`${gateway.url}/system/logs?name=flood&follow=1`, { signal });
    await until("the buffers to fill", async () => {
      const before = sent;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return sent > 0 && sent === before;
    });
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    abort.abort();
    gateway.fake.intercept = () => false;
  });

  test("says that it cannot when the pods are not known", async () => {
    gateway.fake.intercept = ({ path }, response) => {
      const isList = path === PODS;
      if (isList) {
        response.writeHead(503).end("{}");
      }
      return isList;
    };
    const response = await fetch(`${gateway.url}/system/logs?name=f`);
    gateway.fake.intercept = () => false;
    expect([response.status, await response.text()]).toEqual([
      503,
      "log request failed: the pods are not known now",
    ]);
  });

  test.each([
    ["name=unknown", 404],
    ["", 400],
    ["name=f&tail=many", 400],
    ["name=f&since=yesterday", 400],
    ["name=f&since=2026-13-01T00:00:00Z", 400],
    ["name=f&since=2026-11-21T09:00:00", 400],
    ["name=f&since=2026-11-21T09:00:00+02:00", 400],
    ["name=f&since=-5m", 400],
    ["name=f&tail=1e3", 400],
    ["name=f&name=g", 400],
    ["name=f&namespace=other", 400],
    ["name=f.other", 400],
  ])("refuses %s with %d", async (query, status) => {
    expect((await fetch(`${gateway.url}/system/logs?${query}`)).status).toBe(status);
  });
});

/** Writes lines for as long as somebody takes them. */
async function flood(response: ServerResponse, note: (bytes: number) => void): Promise<void> {
  const line = `2026-11-21T10:00:00.000000000Z ${"x".repeat(10_000)}\n`;
  const closing = new AbortController();
  response.once("close", () => closing.abort());
  while (!response.destroyed) {
    note(line.length);
    if (!response.write(line)) {
      await once(response, "drain", { signal: closing.signal }).catch(() => undefined);
    }
  }
}

interface Following {
  text(): string;
  messages(): { text: string }[];
  leave(): void;
}

async function follow(name: string): Promise<Following> {
  const abort = new AbortController();
  const { signal } = abort;
  const response = await fetch(`${gateway.url}/system/logs?name=${name}&follow=true`, { signal });
  let text = "";
  void (async () => {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
    }
  })().catch(() => undefined);
  return {
    text: () => text,
    // The last line may have come in part.
    messages: () => parseLines(text.slice(0, text.lastIndexOf("\n") + 1)),
    leave: () => abort.abort(),
  };
}
