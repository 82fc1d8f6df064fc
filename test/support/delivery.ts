/** A message as the queue gives it to a worker, which keeps what the worker tells the queue. */
import type { Msg } from "@nats-io/transport-node";
import {
  encodeCall,
  type Fields,
  QUEUE,
  type QueuedCall,
  STREAM,
  toConsumerName,
  toLane,
} from "../../contract/queue/index.ts";
import { Delivery } from "../../services/queue-worker/delivery.ts";
import { LEAST_CALL, sendFields } from "./queued-message.ts";

export interface DeliveryOptions {
  subject?: string;
  /** @default the calls' */
  stream?: string;
  /** Its place in the stream. @default 7 */
  sequence?: number;
  /** Which delivery of the message this is. @default 1 */
  deliveryCount?: number;
  /** When it was stored, Unix milliseconds. @default now */
  storedAt?: number;
  fields?: Fields;
  payload?: Uint8Array;
  /** Where the worker's words are kept, e.g. `+ACK`. */
  events?: string[];
  /** What the queue says to an acknowledgement. @default that it knows */
  confirm?: () => Promise<void>;
}

const USUAL = {
  subject: "faas-request.openfaas-fn.f",
  stream: STREAM.calls,
  sequence: 7,
  deliveryCount: 1,
  fields: [],
  payload: new Uint8Array(),
  confirm: () => Promise.resolve(),
};

export function createDelivery(options: DeliveryOptions = {}): Delivery {
  const known = { storedAt: Date.now(), events: [], ...USUAL, ...options };
  const { subject, stream, sequence, deliveryCount, storedAt, fields, payload, events } = known;
  const counts = `${deliveryCount}.${sequence}.${sequence}.${storedAt * 1e6}.0`;
  const message = {
    subject,
    reply: `$JS.ACK.${stream}.${toConsumerName(subject)}.${counts}`,
    headers: sendFields(fields),
    data: payload,
    respond: (word: string) => {
      events.push(word);
      return true;
    },
  };
  return new Delivery(message as unknown as Msg, () => {
    events.push("+ACK");
    return known.confirm();
  });
}

/** A call as its message; what is not said is as in `LEAST_CALL`. */
export function deliverCall(call: Partial<QueuedCall>, options: DeliveryOptions = {}): Delivery {
  const whole = { ...LEAST_CALL, ...call };
  const { fields, payload } = encodeCall(whole);
  return createDelivery({
    subject: toLane(whole.reference, QUEUE.name),
    fields,
    payload,
    ...options,
  });
}
