/** Acknowledgements until the queue knows them. */
import { describe, expect, test } from "@jest/globals";
import { Confirmations } from "../../../services/queue-worker/confirmations.ts";
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

describe("confirmations", () => {
  test("are open until the queue knows", async () => {
    const gate = Promise.withResolvers<undefined>();
    const confirmations = new Confirmations();
    const delivery = createDelivery({ confirm: () => gate.promise });
    confirmations.add(delivery);
    expect([confirmations.size, confirmations.has(delivery)]).toEqual([1, true]);
    gate.resolve(undefined);
    await until("none to be open", () => confirmations.size === 0);
    expect(confirmations.has(delivery)).toBe(false);
  });

  test("are known by stream and place, whichever delivery of the message it is", () => {
    const gate = Promise.withResolvers<undefined>();
    const confirmations = new Confirmations();
    confirmations.add(createDelivery({ sequence: 7, confirm: () => gate.promise }));
    expect(confirmations.has(createDelivery({ sequence: 7, deliveryCount: 2 }))).toBe(true);
    expect(confirmations.has(createDelivery({ sequence: 8 }))).toBe(false);
    expect(confirmations.has(createDelivery({ sequence: 7, stream: "other" }))).toBe(false);
    gate.resolve(undefined);
  });

  test("are said again until the queue knows", async () => {
    const { confirm, tries } = failing(1);
    const confirmations = new Confirmations();
    confirmations.add(createDelivery({ confirm }));
    await until("the second", () => tries.length === 2);
    await until("none to be open", () => confirmations.size === 0);
    expect((tries[1] ?? 0) - (tries[0] ?? 0)).toBeGreaterThan(900);
  });

  test("that are not known by the end are left to another worker", async () => {
    const { confirm, tries } = failing(Infinity);
    const confirmations = new Confirmations();
    confirmations.add(createDelivery({ confirm }));
    await confirmations.close(10);
    expect([confirmations.size, tries.length]).toEqual([0, 1]);
  });

  test("that begin after the end are not said: another worker has the message", async () => {
    const { confirm, tries } = failing(0);
    const confirmations = new Confirmations();
    await confirmations.close(1000);
    confirmations.add(createDelivery({ confirm }));
    await until("none to be open", () => confirmations.size === 0);
    expect(tries).toEqual([]);
  });
});
