/** Runs that somebody ends. */
import { describe, expect, test } from "@jest/globals";
import type { Msg, NatsConnection, SubscriptionOptions } from "@nats-io/transport-node";
import { Cancellations } from "../../../services/queue-worker/cancellations.ts";

type Callback = (...heard: Parameters<NonNullable<SubscriptionOptions["callback"]>>) => void;

function listen(): { cancellations: Cancellations; subject: string; hear: Callback } {
  const cancellations = new Cancellations();
  let heard: { subject: string; hear: Callback } | undefined;
  const subscribe = (subject: string, { callback }: { callback: Callback }) => {
    heard = { subject, hear: callback };
  };
  cancellations.listen({ subscribe } as unknown as NatsConnection);
  if (heard === undefined) {
    throw new Error("expected a subscription, got none");
  }
  return { cancellations, ...heard };
}

const cancel = (id: string): Msg => ({ subject: `faas-cancel.${id}` }) as Msg;

describe("a cancellation", () => {
  test("ends the run of its call, and no other", () => {
    const { cancellations, subject, hear } = listen();
    const one = cancellations.begin("1-AAAAAAAAAAAAAAAA");
    const other = cancellations.begin("11-AAAAAAAAAAAAAAAA");
    hear(null, cancel("1-AAAAAAAAAAAAAAAA"));
    expect(subject).toBe("faas-cancel.*");
    expect([one.signal.aborted, other.signal.aborted]).toEqual([true, false]);
  });

  test("of a call that does not run is passed over", () => {
    const { cancellations, hear } = listen();
    const { signal } = cancellations.begin("a");
    cancellations.end("a");
    hear(null, cancel("a"));
    hear(null, cancel("b"));
    hear(new Error("permissions violation"), cancel("a"));
    expect(signal.aborted).toBe(false);
  });

  test("is known to a run that begins later", () => {
    const { cancellations, hear } = listen();
    hear(null, cancel("1-AAAAAAAAAAAAAAAA"));
    expect(cancellations.begin("1-AAAAAAAAAAAAAAAA").signal.aborted).toBe(true);
    expect(cancellations.begin("2-AAAAAAAAAAAAAAAA").signal.aborted).toBe(false);
  });

  test("is forgotten after ten thousand others", () => {
    const { cancellations, hear } = listen();
    for (let number = 0; number <= 10_000; number += 1) {
      hear(null, cancel(String(number)));
    }
    expect(cancellations.begin("0").signal.aborted).toBe(false);
    expect(cancellations.begin("1").signal.aborted).toBe(true);
  });
});
