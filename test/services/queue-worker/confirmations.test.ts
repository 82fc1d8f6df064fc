/** Acknowledgements until the queue knows them. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { Confirmations, type Hearer } from "../../../services/queue-worker/confirmations.ts";
import type { Delivery } from "../../../services/queue-worker/delivery.ts";
import { createDelivery, type DeliveryOptions } from "../../support/delivery.ts";
import { until } from "../../support/until.ts";

/** Answers acknowledgements with an error as often as it is said, then knows them. */
function failing(times: number): Required<Pick<DeliveryOptions, "confirm">> & { tries: number[] } {
  const tries: number[] = [];
  const confirm = () => {
    tries.push(performance.now());
    return tries.length > times ? Promise.resolve() : Promise.reject(new Error("lost"));
  };
  return { confirm, tries };
}

const HEARER: Hearer = { isConnected: () => true, isThere: () => Promise.resolve(true) };

describe("confirmations", () => {
  test("are open until the queue knows", async () => {
    const gate = Promise.withResolvers<undefined>();
    const confirmations = new Confirmations(HEARER);
    const delivery = createDelivery({ confirm: () => gate.promise });
    confirmations.add(delivery);
    expect([confirmations.size, confirmations.has(delivery)]).toEqual([1, true]);
    gate.resolve(undefined);
    await until("none to be open", () => confirmations.size === 0);
    expect(confirmations.has(delivery)).toBe(false);
  });

  test("are known by stream and place, whichever delivery of the message it is", () => {
    const gate = Promise.withResolvers<undefined>();
    const confirmations = new Confirmations(HEARER);
    const one = { sequence: 7, storedAt: 1_795_906_000_000 };
    confirmations.add(createDelivery({ ...one, confirm: () => gate.promise }));
    const has = (more: DeliveryOptions): boolean =>
      confirmations.has(createDelivery({ ...one, ...more }));
    expect(has({ deliveryCount: 2 })).toBe(true);
    expect(has({ sequence: 8 })).toBe(false);
    expect(has({ stream: "other" })).toBe(false);
    // The same place in a stream that was made anew.
    expect(has({ storedAt: one.storedAt + 1 })).toBe(false);
    gate.resolve(undefined);
  });

  test("are said again until the queue knows", async () => {
    const { confirm, tries } = failing(1);
    const confirmations = new Confirmations(HEARER);
    confirmations.add(createDelivery({ confirm }));
    await until("the second", () => tries.length === 2);
    await until("none to be open", () => confirmations.size === 0);
    expect((tries[1] ?? 0) - (tries[0] ?? 0)).toBeGreaterThan(900);
  });

  test("that are not known by the end are left to another worker", async () => {
    const { confirm, tries } = failing(Infinity);
    const confirmations = new Confirmations(HEARER);
    confirmations.add(createDelivery({ confirm }));
    await confirmations.close(10);
    expect([confirmations.size, tries.length]).toEqual([0, 1]);
  });

  test("that begin after the end are not said: another worker has the message", async () => {
    const { confirm, tries } = failing(0);
    const confirmations = new Confirmations(HEARER);
    await confirmations.close(1000);
    confirmations.add(createDelivery({ confirm }));
    await until("none to be open", () => confirmations.size === 0);
    expect(tries).toEqual([]);
  });
});

describe("after a connection was lost", () => {
  test("a message is acknowledged only where it is still there", async () => {
    const { confirm, tries } = failing(0);
    const asked: number[] = [];
    const isThere = ({ sequence }: Delivery): Promise<boolean> => {
      asked.push(sequence);
      return Promise.resolve(sequence === 2);
    };
    const confirmations = new Confirmations({ ...HEARER, isThere });
    const [gone, kept] = [1, 2].map((sequence) => createDelivery({ sequence, confirm }));
    await sleep(2);
    confirmations.reset();
    [gone, kept].forEach((delivery) => delivery && confirmations.add(delivery));
    await until("none to be open", () => confirmations.size === 0);
    expect([asked, tries.length]).toEqual([[1, 2], 1]);
  });

  test("a message that came since is acknowledged at once", async () => {
    const { confirm, tries } = failing(0);
    const confirmations = new Confirmations({ ...HEARER, isThere: () => Promise.resolve(false) });
    confirmations.reset();
    confirmations.add(createDelivery({ confirm }));
    await until("none to be open", () => confirmations.size === 0);
    expect(tries).toHaveLength(1);
  });

  test("an acknowledgement waits for the connection, and for an answer to its question", async () => {
    const { confirm, tries } = failing(0);
    let [connections, answers] = [0, 0];
    const confirmations = new Confirmations({
      isConnected: () => (connections += 1) > 1,
      isThere: () => {
        answers += 1;
        return answers > 1 ? Promise.resolve(true) : Promise.reject(new Error("no answer"));
      },
    });
    const delivery = createDelivery({ confirm });
    await sleep(2);
    confirmations.reset();
    confirmations.add(delivery);
    await until("none to be open", () => confirmations.size === 0);
    expect([connections, answers, tries.length]).toEqual([3, 2, 1]);
  });
});
