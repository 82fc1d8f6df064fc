/** One function that is broken, or takes all it gets, beside one that is answered all along. */
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL } from "../../../contract/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../../support/gateway-process.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

/** More than wait for one function by default, and than there are places for waiting calls. */
const MANY = 1200;

const WAITING =
  "Too many calls wait for broken.openfaas-fn to start: the rest is kept free for others.";
const IN_FLIGHT =
  "slow.openfaas-fn has too many calls in flight: the rest is kept free for others.";

const fake = new FakeKubernetes();
const agent = new Agent({ keepAlive: true });
let gateway: GatewayProcess;
/** Answers that the slow function owes. */
const owed: ServerResponse[] = [];

const atEnd = collectCleanups(afterAll);

beforeAll(async () => {
  await fake.start();
  atEnd(() => fake.stop());
  const pod = createServer((request, response) => {
    if (request.url === "/slow") {
      owed.push(response);
    } else {
      response.end("well");
    }
  });
  const ports = [await listen(pod, 0, "127.0.0.1")];
  atEnd(() => stopServer(pod));
  declareFunction(fake, "well", { ports });
  declareFunction(fake, "slow", { ports });
  declareFunction(fake, "limited", { ports, spec: { labels: { [LABEL.maxInflight]: "2" } } });
  declareFunction(fake, "broken", { ports: [] });
  const env = { scale_from_zero_timeout: "5m", upstream_timeout: "5m" };
  gateway = await GatewayProcess.start(fake, { env });
  atEnd(() => gateway.stop());
  atEnd(() => agent.destroy());
});

interface Answer {
  status: number;
  body: string;
  code: unknown;
  retryAfter: string | undefined;
}

class Caller {
  readonly answers: Answer[] = [];
  readonly #own = new Agent({ keepAlive: true });

  /** Calls a function so many times at once. */
  call(path: string, times: number): void {
    for (let left = times; left > 0; left--) {
      get(`${gateway.url}${path}`, { agent: this.#own }, (incoming) => void this.#keep(incoming))
        // The test ends before some of them do.
        .on("error", () => undefined);
    }
  }

  close(): void {
    this.#own.destroy();
  }

  async #keep(incoming: IncomingMessage): Promise<void> {
    const { statusCode: status = 0, headers } = incoming;
    const [code, retryAfter] = [headers["x-plonk-code"], headers["retry-after"]];
    const body = await text(incoming).catch(String);
    this.answers.push({ status, body, code, retryAfter });
  }
}

/** Calls the function that is well, one call after the other, until it is told to stop. */
class Well {
  readonly statuses = new Map<number, number>();
  #isOver = false;
  readonly #running = this.#run();

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const status = await callWell();
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    }
  }
}

function callWell(): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = get(`${gateway.url}/function/well`, { agent }, (incoming) => {
      incoming.resume().once("end", () => resolve(incoming.statusCode ?? 0));
    });
    sent.once("error", reject);
  });
}

async function readCalls(state: string): Promise<number> {
  const url = `http://127.0.0.1:${gateway.metricsPort}/metrics`;
  const lines = (await (await fetch(url)).text()).split("\n");
  const line = lines.find((each) => each.startsWith(`gateway_calls{state="${state}"}`));
  return Number(line?.split(" ").at(-1));
}

describe("a function whose pod never comes", () => {
  test("has three quarters of those that may wait, and the others are answered", async () => {
    const well = new Well();
    const callers = new Caller();
    atEnd(() => callers.close());
    callers.call("/function/broken", MANY);
    await until("all refusals", () => callers.answers.length === MANY - 750);
    expect(new Set(callers.answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([
        JSON.stringify({ status: 503, body: WAITING, code: "PLONK_QUEUE_FULL", retryAfter: "2" }),
      ]),
    );
    expect([await readCalls("waiting"), await readCalls("in_flight")]).toEqual([
      750,
      expect.any(Number),
    ]);
    // They are no reason to let fewer calls in of one that takes its time.
    const slow = new Caller();
    atEnd(() => slow.close());
    slow.call("/function/slow/slow", 700);
    await until("the slow calls", () => owed.length === 700);
    expect(slow.answers).toEqual([]);
    owed.splice(0).forEach((response) => response.end());
    await until("their answers", () => slow.answers.length === 700);
    expect(new Set(slow.answers.map(({ status }) => status))).toEqual(new Set([200]));
    await until("calls of the one that is well", () => (well.statuses.get(200) ?? 0) > 10);
    callers.close();
    await until("places for others", async () => (await readCalls("waiting")) === 0);
    await well.stop();
    expect([...well.statuses.keys()]).toEqual([200]);
  });
});

describe("a function that holds all it gets", () => {
  test("has three quarters of the places, and the others are answered", async () => {
    const well = new Well();
    const callers = new Caller();
    atEnd(() => callers.close());
    callers.call("/function/slow/slow", MANY);
    // The one that is well has one of the places at times.
    await until("the slow calls", () => owed.length + callers.answers.length === MANY);
    expect(owed.length).toBeGreaterThanOrEqual(749);
    expect(owed.length).toBeLessThanOrEqual(750);
    expect(new Set(callers.answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([
        JSON.stringify({ status: 503, body: IN_FLIGHT, code: "PLONK_OVERLOADED", retryAfter: "1" }),
      ]),
    );
    owed.splice(0).forEach((response) => response.end());
    await until("all answers", () => callers.answers.length === MANY);
    await well.stop();
    expect([...well.statuses.keys()]).toEqual([200]);
  });

  test("has no more than its own limit, where it has one, and hears of that", async () => {
    const callers = new Caller();
    atEnd(() => callers.close());
    callers.call("/function/limited/slow", 5);
    await until("the refusals", () => callers.answers.length === 3);
    expect(callers.answers.map(({ status }) => status)).toEqual([429, 429, 429]);
    // They are on their way to the pod yet.
    await until("the two that are let in", () => owed.length === 2);
    owed.splice(0).forEach((response) => response.end());
    await until("all answers", () => callers.answers.length === 5);
  });
});
