/** A message as the queue gives it to a worker, which keeps what the worker tells the queue. */
import type { Delivery } from "../../services/queue-worker/processor.ts";

export interface DeliveryOptions {
  /** Which delivery of the message this is. @default 1 */
  deliveryCount?: number;
  /** Where the worker's words are kept, e.g. `ack`. */
  events: string[];
}

/** Three other messages wait behind it. */
export function createDelivery(
  message: unknown,
  { deliveryCount = 1, events }: DeliveryOptions,
): Delivery {
  return {
    data: Buffer.from(typeof message === "string" ? message : JSON.stringify(message)),
    seq: 7,
    info: { deliveryCount, pending: 3 },
    ack: () => events.push("ack"),
    nak: (wait?: number) => events.push(`nak ${wait ?? 0}`),
    term: (reason?: string) => events.push(`term ${reason ?? ""}`),
    working: () => events.push("working"),
  };
}
