/** A processor of calls with all that is around it: what it does is kept in its order. */
import type { Msg, NatsConnection, SubscriptionOptions } from "@nats-io/transport-node";
import {
  type CallState,
  type QueuedCall,
  type RetryPolicy,
  SUBJECT,
} from "../../contract/queue/index.ts";
import { Registry } from "../../services/lib/metrics.ts";
import type { CallStates } from "../../services/lib/queue/call-states.ts";
import { ByteBudget } from "../../services/queue-worker/byte-budget.ts";
import type { FunctionCalls, Run } from "../../services/queue-worker/call-function.ts";
import type { CallbackSender } from "../../services/queue-worker/callback-sender.ts";
import { Callbacks } from "../../services/queue-worker/callbacks.ts";
import { Cancellations } from "../../services/queue-worker/cancellations.ts";
import { DeadLetters } from "../../services/queue-worker/dead-letters.ts";
import { KeptResults } from "../../services/queue-worker/kept-results.ts";
import { Lane } from "../../services/queue-worker/lane.ts";
import type { Settlement } from "../../services/queue-worker/lanes.ts";
import { WorkerMetrics } from "../../services/queue-worker/metrics.ts";
import { CallProcessor } from "../../services/queue-worker/process-call.ts";
import type { FunctionCall } from "../../services/queue-worker/queued-call.ts";
import { deliverCall, type DeliveryOptions } from "./delivery.ts";
import { FakeQueue } from "./fake-queue.ts";
import { createKeptLog, type KeptLog } from "./logs.ts";

const POLICY: RetryPolicy = {
  attempts: 4,
  codes: [408, 429, 500, 502, 503, 504],
  minWaitMs: 1000,
  maxWaitMs: 10_000,
};

type Hear = (...heard: Parameters<NonNullable<SubscriptionOptions["callback"]>>) => void;

const HOUR_MS = 3_600_000;

export class ProcessorWorld {
  /** Runs, what was stored, and what was told, e.g. `tell done {…}`. */
  readonly events: string[] = [];
  readonly queue = new FakeQueue(this.events);
  readonly log: KeptLog = createKeptLog();
  readonly lane = new Lane("faas-request.openfaas-fn.f", 10);
  readonly callbacks: Callbacks;
  readonly processor: CallProcessor;
  /** How a run ends. @default with 200 */
  run: Partial<Run> = {};
  /** Happens while a function runs. */
  whileRunning: () => void | Promise<void> = () => undefined;
  /** What the processor was given last. */
  delivery = deliverCall({});
  /** What was told last of the call; undefined: nothing. */
  known: CallState | undefined;
  /** Why states cannot be read. */
  readFailure: Error | undefined;
  readonly #cancellations = new Cancellations();
  #hearCancellation: Hear = () => undefined;
  readonly #registry = new Registry();

  /** @param maxPayload most bytes that the queue takes in a message */
  constructor(maxPayload = Infinity) {
    this.queue.maxPayload = maxPayload;
    this.lane.madeAt = 0;
    const subscribe = (_subject: string, { callback }: { callback: Hear }) => {
      this.#hearCancellation = callback;
    };
    this.#cancellations.listen({ subscribe } as unknown as NatsConnection);
    const { link } = this.queue;
    const { logger } = this.log;
    const metrics = new WorkerMetrics(this.#registry);
    const letters = new DeadLetters({ link, metrics, logger });
    const usual = { link, letters, metrics, logger };
    this.callbacks = new Callbacks({
      ...usual,
      sender: {} as unknown as CallbackSender,
      ownSender: {} as unknown as CallbackSender,
      gatewayUrl: "http://gateway:8080",
      budget: new ByteBudget(1024),
      onQueued: () => undefined,
      maxAgeMs: HOUR_MS,
    });
    this.processor = new CallProcessor({
      ...usual,
      calls: { run: (call: FunctionCall) => this.#run(call) } as unknown as FunctionCalls,
      states: this.#createStates(),
      callbacks: this.callbacks,
      results: new KeptResults({ link, metrics, logger, waitsMs: [0, 0] }),
      cancellations: this.#cancellations,
      policy: POLICY,
      maxAgeMs: HOUR_MS,
    });
  }

  /** Gives a call to the processor. */
  handle(call: Partial<QueuedCall> = {}, options: DeliveryOptions = {}): Promise<Settlement> {
    this.delivery = deliverCall({ acceptedAt: Date.now(), ...call }, options);
    return this.processor.handle(this.delivery, this.lane);
  }

  /** The call was given to a worker before, and this is what was told of it. */
  again(known: object): DeliveryOptions {
    this.known = { state: "running", attempts: 0, starts: 0, at: 0, ...known };
    return { deliveryCount: 2 };
  }

  /** Says to workers that a call is cancelled. */
  cancel(id: string): void {
    const subject = `${SUBJECT.cancel}.${id}`;
    this.#hearCancellation(null, { subject } as Msg);
  }

  /** Lines of one metric. */
  async metrics(name: string): Promise<string[]> {
    const text = await this.#registry.metrics();
    return text.split("\n").filter((line) => line.startsWith(`${name}{`));
  }

  async #run({ target }: FunctionCall): Promise<Run> {
    this.events.push(`run ${target}`);
    await this.whileRunning();
    const capture = { body: Buffer.alloc(0), isTruncated: false };
    return { status: 200, headers: {}, seconds: 0.25, capture, ...this.run };
  }

  #createStates(): CallStates {
    const states: Pick<CallStates, "tell" | "read"> = {
      tell: (_reference, _id, { state, ...others }) => {
        // When the next run is due has jitter.
        const told = JSON.stringify({ ...others, nextAt: undefined });
        this.events.push(`tell ${state} ${told}`);
      },
      read: () => {
        if (this.readFailure !== undefined) {
          return Promise.reject(this.readFailure);
        }
        const state = this.known;
        const reference = { name: "f", namespace: "openfaas-fn" };
        return Promise.resolve(state && { reference, state });
      },
    };
    return states as CallStates;
  }
}
