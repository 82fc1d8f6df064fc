/** A message of JetStream's: what its acknowledgement's subject says, and what is said to it. */
import { describe, expect, test } from "@jest/globals";
import type { Msg } from "@nats-io/transport-node";
import { Delivery, readAckSubject } from "../../../services/queue-worker/delivery.ts";
import { createDelivery } from "../../support/delivery.ts";

const TOKENS = "OF_faas-request.faas-workers_dev_f.3.17.5.1795906000123456789.9";
const READ = {
  stream: "OF_faas-request",
  consumer: "faas-workers_dev_f",
  deliveryCount: 3,
  sequence: 17,
  storedAt: 1_795_906_000_123,
};

describe("readAckSubject", () => {
  test.each([
    ["nine", `$JS.ACK.${TOKENS}`],
    ["eleven", `$JS.ACK._.AbCd1234.${TOKENS}`],
    ["twelve", `$JS.ACK.hub.AbCd1234.${TOKENS}.random`],
  ])("reads %s tokens", (_count, reply) => {
    expect(readAckSubject(reply)).toEqual(READ);
  });

  test.each(["", "_INBOX.a.b", "$JS.ACK", "$JS.ACK.a.b.1.2.3", `$JS.API.${TOKENS}`])(
    "does not read %j",
    (reply) => {
      expect(readAckSubject(reply)).toBeUndefined();
    },
  );
});

describe("a delivery", () => {
  test("is what its message says", () => {
    const delivery = createDelivery({
      subject: "faas-request.dev.f",
      sequence: 17,
      deliveryCount: 3,
      storedAt: 1_795_906_000_000,
      fields: [["Plonk-Nonce", "x"]],
      payload: Buffer.from("body"),
    });
    expect(delivery).toMatchObject({ ...READ, storedAt: 1_795_906_000_000 });
    expect(delivery.subject).toBe("faas-request.dev.f");
    expect([...delivery.fields]).toEqual([["Plonk-Nonce", ["x"]]]);
    expect(delivery.payload).toEqual(Buffer.from("body"));
  });

  test("has no fields where the message has no headers", () => {
    const message = { subject: "a", reply: `$JS.ACK.${TOKENS}`, data: new Uint8Array() };
    const delivery = new Delivery(message as Msg, () => Promise.resolve());
    expect([...delivery.fields]).toEqual([]);
  });

  test("is none of JetStream's without its subject", () => {
    const message = { subject: "a", data: new Uint8Array() };
    const create = () => new Delivery(message as Msg, () => Promise.resolve());
    expect(create).toThrow(new Error("message: expected one of JetStream's"));
  });

  test.each([
    [0, "-NAK"],
    [-5, "-NAK"],
    [0.4, "-NAK"],
    [1.5, '-NAK {"delay":2000000}'],
    [250, '-NAK {"delay":250000000}'],
    [7 * 24 * 3_600_000, '-NAK {"delay":604800000000000}'],
    [1e15, '-NAK {"delay":2147483647000000}'],
  ])("is given back for %d ms by %s", (waitMs, said) => {
    const events: string[] = [];
    createDelivery({ events }).giveBack(waitMs);
    expect(events).toEqual([said]);
  });

  test("is claimed, and done with when the queue knows", async () => {
    const events: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const delivery = createDelivery({ events, confirm: () => gate.promise });
    delivery.working();
    const confirmed = delivery.confirm().then(() => events.push("known"));
    expect(events).toEqual(["+WPI", "+ACK"]);
    gate.resolve(undefined);
    await confirmed;
    expect(events).toEqual(["+WPI", "+ACK", "known"]);
  });

  test("ends five minutes after the worker, or when somebody ends it, and five minutes", async () => {
    const FIVE_MS = 300_000;
    const delivery = createDelivery();
    const stoppedAt = delivery.takenAt + 1000;
    expect(delivery.endsBy(stoppedAt)).toBe(stoppedAt + FIVE_MS);
    const run = Promise.withResolvers<string>();
    const limited = delivery.limited(run.promise);
    expect(delivery.endsBy(stoppedAt)).toBe(Infinity);
    run.resolve("answer");
    expect(await limited).toBe("answer");
    const endedAt = performance.now();
    expect(delivery.endsBy(delivery.takenAt)).toBeLessThanOrEqual(endedAt + FIVE_MS);
    expect(delivery.endsBy(delivery.takenAt)).toBeGreaterThan(delivery.takenAt + FIVE_MS);
    await expect(delivery.limited(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
    expect(delivery.endsBy(0)).toBeLessThan(Infinity);
  });

  test("is not done with where the queue does not answer", async () => {
    const confirm = () => Promise.reject(new Error("timeout"));
    await expect(createDelivery({ confirm }).confirm()).rejects.toThrow("timeout");
  });
});
