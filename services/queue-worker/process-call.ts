/** One call from delivery to its settlement. */
import {
  type CallState,
  isFinal,
  MalformedMessageError,
  QUEUE,
  type RetryPolicy,
} from "../../contract/queue/index.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import { forgetBody } from "../lib/queue/body-store.ts";
import type { CallStates } from "../lib/queue/call-states.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import { type FunctionCalls, NO_ANSWER, type Run } from "./call-function.ts";
import type { Callbacks, Repetitions } from "./callbacks.ts";
import type { Cancellations } from "./cancellations.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Delivery } from "./delivery.ts";
import type { KeptResults } from "./kept-results.ts";
import type { Lane } from "./lane.ts";
import type { Settlement } from "./lanes.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { type FunctionCall, toFunctionCall } from "./queued-call.ts";
import { decide, type Decision } from "./settle.ts";

export interface CallProcessorOptions {
  link: QueueLink;
  calls: FunctionCalls;
  states: CallStates;
  callbacks: Callbacks;
  results: KeptResults;
  letters: DeadLetters;
  cancellations: Cancellations;
  metrics: WorkerMetrics;
  logger: Logger;
  /** What holds where a function says nothing. */
  policy: RetryPolicy;
  /** How long a call is tried that the platform, or a full function, keeps back, milliseconds. */
  maxAgeMs: number;
}

/** Runs that end with their worker, before it is taken that they are the reason. */
const MAX_CUT_RUNS = 5;

/** Time in which a worker that runs a call says that it does, milliseconds. */
const ALIVE_MS = 5000;

/** Wait after a fault of our own, milliseconds. */
const FAULT_WAIT_MS = 5000;

type Known = Pick<CallState, "attempts" | "starts" | "status" | "reason" | "nextAt"> & {
  state?: CallState["state"];
};

const NOTHING_KNOWN: Known = { attempts: 0, starts: 0 };

export class CallProcessor {
  readonly #options: CallProcessorOptions;

  constructor(options: CallProcessorOptions) {
    this.#options = options;
  }

  /** Deals with one message; never rejects. */
  async handle(delivery: Delivery, lane: Lane): Promise<Settlement> {
    const { letters, logger } = this.#options;
    try {
      return await this.#handle(delivery, lane);
    } catch (error) {
      if (error instanceof MalformedMessageError) {
        return letters.bury(delivery, { kind: "malformed", reason: error.message });
      }
      logger.warn({ seq: delivery.sequence, reason: messageOf(error) }, "call given back");
      return { isDone: false, waitMs: FAULT_WAIT_MS };
    }
  }

  async #handle(delivery: Delivery, lane: Lane): Promise<Settlement> {
    const call = toFunctionCall(delivery);
    const known = await this.#recall(delivery, call, lane);
    if (known !== undefined && "isOver" in known) {
      return { isDone: true };
    }
    const facts = known ?? NOTHING_KNOWN;
    const waitMs = findWaitMs(delivery, call, facts);
    if (waitMs > 0) {
      return { isDone: false, waitMs };
    }
    const death = this.#findDeath(call, facts);
    return death === undefined
      ? this.#run(delivery, { call, lane, ...facts })
      : this.#end(delivery, call, { death, known: facts });
  }

  /** Why a call is not to be run any more. */
  #findDeath(call: FunctionCall, known: Known): Death | undefined {
    const { attempts, starts, status, reason = "" } = known;
    if (Date.now() >= (call.queued.expiresAt ?? Infinity)) {
      return { state: "expired", reason: "it was not begun in time", attempts };
    }
    if (starts >= MAX_CUT_RUNS) {
      return { reason: `its worker ended ${starts} times while it ran`, attempts, starts };
    }
    // It has had its last run, after which there was no room for its letter.
    return attempts >= this.#policyOf(call).attempts
      ? { reason, attempts, ...(status !== undefined && { status }) }
      : undefined;
  }

  #policyOf({ queued }: FunctionCall): RetryPolicy {
    return { ...this.#options.policy, ...queued.retry };
  }

  /** Ends a call that is not run any more; its caller hears of it, as of every other end. */
  async #end(
    delivery: Delivery,
    call: FunctionCall,
    { death, known }: { death: Death; known: Known },
  ): Promise<Settlement> {
    const { attempts, reason } = death;
    // It was said before there was no room for its letter.
    if (known.reason !== reason) {
      const repetitions = this.#repetitionsOf(call, attempts);
      const problem = await this.#queueCallback(call, {
        ...explain(NO_ANSWER, reason),
        repetitions,
      });
      if (problem !== undefined) {
        return this.#bury(delivery, call, { ...death, reason: problem });
      }
    }
    return this.#bury(delivery, call, death);
  }

  #repetitionsOf(call: FunctionCall, attempts: number): Repetitions {
    return { count: Math.max(0, attempts - 1), max: this.#policyOf(call).attempts - 1 };
  }

  /** What was told of a call that was, or may have been, given to a worker before. */
  async #recall(
    { deliveryCount, storedAt }: Delivery,
    { id }: FunctionCall,
    lane: Lane,
  ): Promise<Known | { isOver: true } | undefined> {
    // A consumer counts its own deliveries; one that it was made after may have had others.
    if (deliveryCount === 1 && storedAt > lane.madeAt) {
      return undefined;
    }
    const state = (await this.#options.states.read(id))?.state;
    return state !== undefined && isFinal(state) ? { isOver: true } : state;
  }

  async #run(
    delivery: Delivery,
    { call, lane, attempts, starts }: { call: FunctionCall; lane: Lane } & Known,
  ): Promise<Settlement> {
    const { calls, states, metrics, cancellations } = this.#options;
    const { signal } = cancellations.begin(call.id);
    const isCancelled = (): boolean => signal.aborted;
    if (isCancelled()) {
      return this.#cancel(call, attempts);
    }
    states.tell(call.reference, call.id, { state: "running", attempts, starts: starts + 1 });
    const dueAt = call.queued.notBefore ?? call.queued.acceptedAt;
    metrics.begin(call.functionName, (Date.now() - dueAt) / 1000);
    const { generation } = lane.limit;
    const running = calls.run(call, signal);
    // The gateway keeps its function's limit, and knows that of today.
    const run = await (call.queued.isUnlimited ? running : delivery.limited(running));
    cancellations.end(call.id);
    metrics.end(call.functionName, run.seconds);
    if (isCancelled()) {
      await forgetBody(this.#options.link, run.capture.body);
      return this.#cancel(call, attempts);
    }
    const policy = this.#policyOf(call);
    const facts = {
      attempts,
      deliveryCount: delivery.deliveryCount,
      ageMs: Date.now() - dueAt,
    };
    const decision = decide(run, facts, { policy, maxAgeMs: this.#options.maxAgeMs });
    if (decision.kind === "retry" && decision.why === "busy") {
      lane.limit.refuse(generation, lane.running);
    } else if (run.status !== 0) {
      lane.limit.succeed();
    }
    return this.#settle(delivery, { call, run, decision, runs: attempts + starts + 1 });
  }

  /** The gateway that was asked has taken the message away; what was told meanwhile is over. */
  #cancel(call: FunctionCall, attempts: number): Settlement {
    this.#options.states.tell(call.reference, call.id, { state: "cancelled", attempts, starts: 0 });
    return { isDone: true };
  }

  async #settle(delivery: Delivery, { call, run, decision, runs }: Settling): Promise<Settlement> {
    const { link, states, metrics, logger } = this.#options;
    const { status, seconds } = run;
    const facts = {
      functionName: call.functionName,
      id: call.id,
      callId: call.callId,
      status,
      seconds,
      attempt: runs,
    };
    if (decision.kind === "retry") {
      const { waitMs, why, attempts } = decision;
      metrics.retried(call.functionName, why);
      logger.warn({ ...facts, why, waitMs }, "call failed, trying again later");
      const nextAt = Date.now() + waitMs;
      const told = { state: "retrying" as const, attempts, starts: 0, status, reason: why, nextAt };
      states.tell(call.reference, call.id, told);
      await forgetBody(link, run.capture.body);
      return { isDone: false, waitMs };
    }
    const attempts = decision.kind === "dead" ? decision.attempts : runs;
    const repetitions = this.#repetitionsOf(call, attempts);
    const told = decision.kind === "dead" ? explain(run, decision.reason) : run;
    const problem = await this.#queueCallback(call, { ...told, repetitions });
    const isKept = await this.#keepResult(call, run);
    // A callback deletes it when it is sent.
    const isOnItsWay = call.queued.callback !== undefined && problem === undefined;
    await (isOnItsWay ? undefined : forgetBody(link, run.capture.body));
    if (problem !== undefined) {
      return this.#bury(delivery, call, { reason: problem, attempts, status });
    }
    metrics.processed(call.functionName, status);
    if (decision.kind === "dead") {
      const { reason, attempts } = decision;
      const { body } = run.capture;
      const answer = Buffer.isBuffer(body) ? body.subarray(0, ANSWER_BYTES) : Buffer.alloc(0);
      return this.#bury(delivery, call, { reason, attempts, status, answer });
    }
    logger.info(facts, "call done");
    const end = { state: "done" as const, attempts: 0, starts: 0, status };
    states.tell(call.reference, call.id, { ...end, ...(!isKept && { reason: RESULT_LOST }) });
    await forgetBody(link, call.queued.body);
    return { isDone: true };
  }

  /** Resolves to the reason where a callback is wanted that can never be queued. */
  async #queueCallback(
    call: FunctionCall,
    run: Run & { repetitions: Repetitions },
  ): Promise<string | undefined> {
    const { callback } = call.queued;
    try {
      await (callback && this.#options.callbacks.queue(call, callback, run));
      return undefined;
    } catch (error) {
      if (error instanceof MalformedMessageError) {
        return `its callback cannot be queued: ${error.message}`;
      }
      throw error;
    }
  }

  /** Resolves to false where a result is lost that its caller wanted. */
  async #keepResult(call: FunctionCall, run: Run): Promise<boolean> {
    const { keepResultSeconds } = call.queued;
    return keepResultSeconds === undefined || run.status === 0
      ? true
      : this.#options.results.keep(call, run, keepResultSeconds);
  }

  async #bury(
    delivery: Delivery,
    call: FunctionCall,
    { state = "dead", starts = 0, ...cause }: Death,
  ): Promise<Settlement> {
    const { letters, states } = this.#options;
    const { reason, attempts, status } = cause;
    const settlement = await letters.bury(delivery, { kind: "call", id: call.id, ...cause });
    const told = { attempts, starts, reason, ...(status !== undefined && { status }) };
    states.tell(call.reference, call.id, {
      state: settlement.isDone ? state : "retrying",
      ...told,
    });
    return settlement;
  }
}

interface Death {
  /** @default "dead" */
  state?: "dead" | "expired";
  reason: string;
  attempts: number;
  /** Of runs that were cut. @default 0 */
  starts?: number;
  status?: number;
  answer?: Buffer;
}

interface Settling {
  call: FunctionCall;
  run: Run;
  decision: Decision;
  /** With this one: neither delays nor what the platform kept back are any. */
  runs: number;
}

/**
 * Longest wait that there is, milliseconds. It goes by the time of day, which is 1970 where a
 * machine without a clock of its own begins: the queue would keep the call for as long.
 */
const LONGEST_WAIT_MS = QUEUE.maxSeconds * 1000;

/** How long a call has to wait, milliseconds. */
function findWaitMs(
  { deliveryCount }: Delivery,
  { queued }: FunctionCall,
  { state, nextAt = 0 }: Known,
): number {
  // Given for the first time by a consumer that was made anew: that does not know of waits, and a
  // worker that runs the call says so each second, upon which nobody else is given it.
  const isNew = deliveryCount === 1;
  const waitMs = Math.max(
    (queued.notBefore ?? 0) - Date.now(),
    isNew ? nextAt - Date.now() : 0,
    isNew && state === "running" ? ALIVE_MS : 0,
  );
  return Math.min(waitMs, LONGEST_WAIT_MS);
}

/** Of a call that has died without an answer, the reason is what its caller gets. */
function explain(run: Run, reason: string): Run {
  return run.status === 0
    ? {
        ...run,
        headers: { "content-type": "text/plain; charset=utf-8" },
        capture: { body: Buffer.from(`${reason}\n`), isTruncated: false },
      }
    : run;
}

/** What is told of a call that is done, and of which its caller gets no more. */
const RESULT_LOST = "its result could not be kept";

/** Beginning of the last answer that a dead letter keeps, bytes. */
const ANSWER_BYTES = 4096;
