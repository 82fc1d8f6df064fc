/** What a message is sent as, and what JetStream's answer is taken for. */
import { describe, expect, test } from "@jest/globals";
import { JetStreamApiError } from "@nats-io/jetstream";
import { headers, type Msg, type MsgHdrs } from "@nats-io/transport-node";
import fc from "fast-check";
import type { Inbox, Question } from "../../../../services/lib/queue/inbox.ts";
import {
  createStore,
  isFull,
  NobodyThereError,
  publish,
} from "../../../../services/lib/queue/publish.ts";

const PAYLOAD = Buffer.from("body");

/** A store whose questions are answered by this. */
function storeWith(answer: unknown, head?: MsgHdrs) {
  const asked: Question[] = [];
  const ask = (question: Question): Promise<Msg> => {
    asked.push(question);
    return Promise.resolve({ headers: head, json: () => answer } as Msg);
  };
  return { asked, store: createStore({ ask } as unknown as Inbox) };
}

const send = (fields: [string, string][], more: object = {}) => {
  const { asked, store } = storeWith({ stream: "S", seq: 7 });
  const message = { subject: "s.a", fields, payload: PAYLOAD, ...more };
  return publish({ store }, message).then((stored) => ({ stored, asked }));
};

const textOf = (head: MsgHdrs | undefined): string =>
  Buffer.from((head as unknown as { encode: () => Uint8Array }).encode()).toString();

describe("a message", () => {
  test("has its id and its time before its fields", async () => {
    const { stored, asked } = await send([["Plonk-A", "1"]], { messageId: "m", seconds: 60 });
    expect(stored).toEqual({ seq: 7, isDuplicate: false });
    expect(asked.map(({ subject, payload }) => [subject, payload])).toEqual([["s.a", PAYLOAD]]);
    expect(textOf(asked[0]?.headers)).toBe(
      "NATS/1.0\r\nNats-Msg-Id: m\r\nNats-TTL: 60s\r\nPlonk-A: 1\r\n\r\n",
    );
  });

  test("has the fields that the library would write", async () => {
    const name = fc.constantFrom("Plonk-A", "Http-a", "Http-A", "Http-__proto__", "__proto__");
    const value = fc.string().map((text) => text.replace(/[\r\n]/g, "").trim());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value)), async (fields) => {
        const usual = headers();
        fields.forEach(([key, text]) => usual.append(key, text));
        const { asked } = await send(fields);
        expect(textOf(asked[0]?.headers)).toBe(textOf(usual));
      }),
    );
  });

  test.each(["\r", "\n"])("with %j in a field is not sent", async (end) => {
    await expect(send([["Plonk-A", `1${end}Nats-Rollup: all`]])).rejects.toThrow(
      "message: expected values of headers without line ends, got one with",
    );
  });
});

describe("JetStream's answer", () => {
  const answered = (answer: unknown, head?: MsgHdrs) =>
    storeWith(answer, head).store("s.a", PAYLOAD, headers());

  test("says where it is, and whether it was there before", async () => {
    expect(await answered({ stream: "S", seq: 7, duplicate: true })).toEqual({
      seq: 7,
      isDuplicate: true,
    });
  });

  test("that nobody listens is told from others", async () => {
    const refused = answered({}, headers(503, "No Responders"));
    await expect(refused).rejects.toThrow(NobodyThereError);
  });

  test("that is an error is thrown, and known where there is no room", async () => {
    const error = { code: 503, err_code: 10_077, description: "maximum bytes exceeded" };
    const failure: unknown = await answered({ error, stream: "S", seq: 0 }).catch(
      (reason: unknown) => reason,
    );
    expect(failure).toBeInstanceOf(JetStreamApiError);
    expect([String(failure), isFull(failure)]).toEqual([
      "JetStreamApiError: maximum bytes exceeded",
      true,
    ]);
  });

  test.each([[{}], [{ stream: "S" }], [{ seq: 1 }]])("%j is none", async (answer) => {
    await expect(answered(answer)).rejects.toThrow("JetStream: expected the place");
  });
});
