/** The routes of queued calls and dead letters: pages, rights, and what is wrong with a request. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  encodeResult,
  type KeptResult,
  parseCallId,
  type QueuedCall,
  STREAM,
  toResultSubject,
  toStateSubject,
} from "../../../../contract/queue/index.ts";
import {
  MessageTooLargeError,
  QueueFullError,
} from "../../../../services/gateway/calls/async-publisher.ts";
import { buryCall, buryOther } from "../../../support/dead-letters.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";
import { failingQueue, outcomeOf, SystemWorld } from "../../../support/system-app.ts";

let streams: FakeStreams;
let world: SystemWorld;
let drawn: number;

beforeEach(async () => {
  streams = new FakeStreams();
  drawn = 0;
  world = await SystemWorld.create({ queue: streams.queue });
});

afterEach(() => world.close());

function put(changes: Partial<QueuedCall> = {}): string {
  drawn += 1;
  const nonce = String(drawn).padStart(16, "n");
  return streams.putCall({
    ...LEAST_CALL,
    reference: { name: "f", namespace: "fn" },
    nonce,
    ...changes,
  });
}

function tell(id: string, state: string): void {
  const told = { state, attempts: 1, starts: 1, at: 1 };
  const subject = toStateSubject({ name: "f", namespace: "fn" }, id);
  streams.put(STREAM.states, subject, { data: JSON.stringify(told) });
}

const inTeam = { reference: { name: "f", namespace: "team" } };

describe("a page of a list", () => {
  const idsOf = (text: string): unknown[] =>
    (JSON.parse(text) as { id?: string; sequence?: number }[]).map(
      ({ sequence, id }) => sequence ?? id,
    );

  test("links to the next one, with all that was asked for", async () => {
    const ids = [put(), put(), put()];
    const path = "/async/calls?function=f&limit=2&state=queued";
    const first = await world.ask(`GET ${path}`);
    expect(idsOf(first.body)).toEqual(ids.slice(0, 2));
    expect(first.headers.link).toBe(
      '</async/calls?function=f&limit=2&state=queued&after=2>; rel="next"',
    );
    const [, next = ""] = /<(.*)>/.exec(String(first.headers.link)) ?? [];
    const last = await world.ask(`GET ${next}`);
    expect(idsOf(last.body)).toEqual(ids.slice(2));
    expect(last.headers).not.toHaveProperty("link");
  });

  test("of dead letters goes backwards", async () => {
    [1, 2, 3].forEach(() => buryCall(streams));
    const first = await world.ask("GET /async/dead-letters?limit=2");
    expect(idsOf(first.body)).toEqual([3, 2]);
    expect(first.headers.link).toBe('</async/dead-letters?limit=2&before=2>; rel="next"');
    const last = await world.ask("GET /async/dead-letters?limit=2&before=2");
    expect(idsOf(last.body)).toEqual([1]);
  });

  const LIMIT = "limit: expected a whole number from 1 to 1000; 100 when absent, got";
  const NAME = "function: expected the function's name, or name.namespace; all when absent, got";

  test.each([
    ["limit=0", `${LIMIT} "0"`],
    ["limit=1001", `${LIMIT} "1001"`],
    ["limit=-1", `${LIMIT} "-1"`],
    ["limit=", `${LIMIT} ""`],
    ["after=1e3", 'after: expected where the last page ended, by its Link header, got "1e3"'],
    [
      "state=lost",
      'state: expected one of queued, running, retrying, done, dead, cancelled, expired, got "lost"',
    ],
    ["function=*", `${NAME} "*"`],
    ["function=a.b.c", `${NAME} "a.b.c"`],
    [
      "function=f.team&namespace=fn",
      'namespace: expected one, got "fn" in the query and "team" in the name',
    ],
    ["namespace=kube-system", 'namespace: expected a function namespace, got "kube-system"'],
  ])("is refused where it is asked for by %s", async (query, message) => {
    const answer = await world.ask(`GET /async/calls?${query}`);
    expect([answer.statusCode, answer.json()]).toMatchObject([400, { message }]);
  });
});

describe("a call", () => {
  test.each([
    ["admin", "200"],
    ["deployer", "200"],
    ["reader", "200"],
    ["team", "404 PLONK_CALL_NOT_FOUND"],
    ["alerts", "403 PLONK_FORBIDDEN"],
    ["nobody", "403 PLONK_FORBIDDEN"],
    ["stranger", "401 PLONK_UNAUTHORIZED"],
  ])("is shown to %s: %s", async (who, outcome) => {
    expect(outcomeOf(await world.ask(`GET /async/calls/${put()}`, who))).toBe(outcome);
  });

  test.each([
    ["admin", "202"],
    ["deployer", "202"],
    ["reader", "403 PLONK_FORBIDDEN"],
    ["team", "404 PLONK_CALL_NOT_FOUND"],
  ])("is cancelled by %s: %s", async (who, outcome) => {
    const id = put();
    const { sequence } = parseCallId(id) ?? {};
    expect(outcomeOf(await world.ask(`DELETE /async/calls/${id}`, who))).toBe(outcome);
    expect(streams.placesIn(STREAM.calls)).toEqual(outcome === "202" ? [] : [sequence]);
  });

  test.each(["done", "dead", "expired", "cancelled"])(
    "that is %s is not cancelled, and the answer says why",
    async (state) => {
      const id = put();
      tell(id, state);
      const answer = await world.ask(`DELETE /async/calls/${id}`);
      expect([outcomeOf(answer), answer.json()]).toMatchObject([
        "409 PLONK_CONFLICT",
        { message: `the call is ${state} already` },
      ]);
    },
  );

  test("that ends while it is cancelled is over", async () => {
    const id = put();
    streams.onAsk = (what) => {
      if (what === `delete ${STREAM.calls}`) {
        streams.kept.set(STREAM.calls, []);
      }
    };
    const answer = await world.ask(`DELETE /async/calls/${id}`);
    expect(answer.json()).toMatchObject({ message: "the call is over already" });
  });

  test("that is dead tells of its letter, where that is there", async () => {
    const id = put({ path: "/p" });
    tell(id, "dead");
    streams.kept.set(STREAM.calls, []);
    expect((await world.ask(`GET /async/calls/${id}`)).json()).not.toHaveProperty("deadLetter");
    buryCall(streams, {}, { letter: { id: "9-AAAAAAAAAAAAAAAA" } });
    buryCall(streams, { path: "/p" }, { letter: { id } });
    expect((await world.ask(`GET /async/calls/${id}`)).json()).toMatchObject({
      state: "dead",
      deadLetter: 2,
      path: "/p",
    });
  });
});

describe("a result", () => {
  function keep(id: string, { status = 200, headers = {} }: Partial<KeptResult> = {}): void {
    const { fields, payload } = encodeResult({
      status,
      headers: { "content-type": ["text/html"], ...headers },
      expiresAt: Date.now() + 60_000,
      body: Buffer.from("<b>"),
    });
    const subject = toResultSubject({ name: "f", namespace: "fn" }, id);
    streams.put(STREAM.results, subject, { fields, data: payload });
  }

  test("is the function's answer, which runs nothing on the gateway's site", async () => {
    const id = put();
    keep(id, { status: 418, headers: { "content-security-policy": ["script-src *"] } });
    const answer = await world.ask(`GET /async/calls/${id}/result`);
    expect([answer.statusCode, answer.body, String(answer.headers["content-type"])]).toEqual([
      418,
      "<b>",
      "text/html",
    ]);
    expect(answer.headers["content-length"]).toBe("3");
    expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
  });

  test.each([
    ["admin", "200"],
    ["caller", "200"],
    ["reader", "403 PLONK_FORBIDDEN"],
    ["team", "404 PLONK_CALL_NOT_FOUND"],
  ])("is for who may call the function: %s gets %s", async (who, outcome) => {
    const id = put();
    keep(id);
    expect(outcomeOf(await world.ask(`GET /async/calls/${id}/result`, who))).toBe(outcome);
  });

  test("that is not there yet is waited for, by who asks again in a second", async () => {
    const id = put({ keepResultSeconds: 60 });
    const answer = await world.ask(`GET /async/calls/${id}/result`);
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([202, "1"]);
    expect(answer.json()).toMatchObject({ id, state: "queued" });
  });

  test("of a call that did not ask for one is not found", async () => {
    const answer = await world.ask(`GET /async/calls/${put()}/result`);
    expect(outcomeOf(answer)).toBe("404 PLONK_RESULT_NOT_FOUND");
  });

  test.each(["dead", "expired", "cancelled"])(
    "of a call that is %s will not come",
    async (state) => {
      const id = put({ keepResultSeconds: 60 });
      tell(id, state);
      const answer = await world.ask(`GET /async/calls/${id}/result`);
      expect([outcomeOf(answer), answer.json()]).toMatchObject([
        "410 PLONK_RESULT_GONE",
        { message: `result: the call is ${state}, and had no answer` },
      ]);
    },
  );
});

describe("a dead letter", () => {
  test.each(["0", "00", "7", "999999999999999"])("is not found by %s", async (sequence) => {
    buryCall(streams);
    for (const what of ["GET", "DELETE"]) {
      const answer = await world.ask(`${what} /async/dead-letters/${sequence}`);
      expect(outcomeOf(answer)).toBe("404 PLONK_DEAD_LETTER_NOT_FOUND");
    }
  });

  test.each(["x", "-1", "1.5", "1e3", "9999999999999999"])(
    "is not looked for by %s",
    async (sequence) => {
      const answer = await world.ask(`GET /async/dead-letters/${sequence}`);
      expect(answer.json<{ message: string }>().message).toMatch(/^sequence: expected/);
    },
  );

  test("belongs to its function's namespace: others do not even hear that it is there", async () => {
    buryCall(streams, inTeam);
    for (const what of ["GET", "DELETE"]) {
      const path = `${what} /async/dead-letters/1`;
      expect(outcomeOf(await world.ask(path, "deployer"))).toBe("404 PLONK_DEAD_LETTER_NOT_FOUND");
    }
    expect(outcomeOf(await world.ask("DELETE /async/dead-letters/1", "team"))).toBe("204");
  });

  test("is sent again, or deleted, by who may write there", async () => {
    buryCall(streams);
    const path = "POST /async/dead-letters/1/redrive";
    expect(outcomeOf(await world.ask(path, "reader"))).toBe("403 PLONK_FORBIDDEN");
    const answer = await world.ask(path, "deployer");
    expect(answer.statusCode).toBe(202);
    expect(answer.json<{ id: string }>().id).toMatch(/^1-[\w-]{16}$/);
    expect(world.log.text()).toContain('"target":"f.fn"');
  });

  test("that is no call stays, and is told to be a conflict", async () => {
    buryOther(streams);
    const answer = await world.ask("POST /async/dead-letters/1/redrive");
    expect(outcomeOf(answer)).toBe("409 PLONK_CONFLICT");
    expect(answer.json<{ message: string }>().message).toMatch(
      /^no call can be made of it: letter: expected a call or a callback/,
    );
    expect(streams.placesIn(STREAM.dead)).toEqual([1]);
  });

  test.each([
    ["POST /async/dead-letters/redrive?namespace=team", "team", { redriven: 1, refused: 0 }],
    ["DELETE /async/dead-letters?namespace=team", "team", { deleted: 1, isComplete: true }],
  ])("among many is reached by %s", async (what, who, body) => {
    buryCall(streams);
    buryCall(streams, inTeam);
    expect(outcomeOf(await world.ask(what, "deployer"))).toBe("403 PLONK_FORBIDDEN");
    expect((await world.ask(what, who)).json()).toEqual(body);
    expect(streams.placesIn(STREAM.dead)).toEqual([1]);
    expect(world.log.text()).toContain('"target":"*.team"');
  });
});

describe("a queue", () => {
  const PATHS = [
    "GET /async/calls",
    "GET /async/calls/1-AAAAAAAAAAAAAAAA",
    "GET /async/calls/1-AAAAAAAAAAAAAAAA/result",
    "DELETE /async/calls/1-AAAAAAAAAAAAAAAA",
    "DELETE /async-function/1-AAAAAAAAAAAAAAAA",
    "GET /async/dead-letters",
    "GET /async/dead-letters/1",
    "POST /async/dead-letters/1/redrive",
    "DELETE /async/dead-letters/1",
    "POST /async/dead-letters/redrive",
    "DELETE /async/dead-letters",
    "GET /system/queue",
  ];

  async function outcomes(queue: Parameters<typeof SystemWorld.create>[0]): Promise<string[]> {
    await world.close();
    world = await SystemWorld.create(queue);
    const answers = await Promise.all(PATHS.map((path) => world.ask(path)));
    return [...new Set(answers.map(outcomeOf))];
  }

  test("that there is not is 404 everywhere", async () => {
    expect(await outcomes({ queue: undefined })).toEqual(["404 PLONK_NO_QUEUE"]);
  });

  test("that is away is 503 everywhere, and its reason is in the log alone", async () => {
    const queue = failingQueue(new Error("canary"));
    expect(await outcomes({ queue })).toEqual(["503 PLONK_QUEUE_UNAVAILABLE"]);
    expect(world.log.text()).toContain("canary");
  });

  test.each<[Error, string]>([
    [new QueueFullError("full"), "503 PLONK_QUEUE_STORE_FULL"],
    [new MessageTooLargeError("message: too large"), "409 PLONK_CONFLICT"],
  ])("that does not take a letter back says why: %s", async (error, outcome) => {
    await outcomes({ queue: failingQueue(error) });
    const path = "POST /async/dead-letters/1/redrive";
    expect(outcomeOf(await world.ask(path))).toBe(outcome);
  });
});
