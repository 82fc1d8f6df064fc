/**
 * What calls and upgrades share on their way to an upstream: one is chosen, another one is tried
 * when it fails, time limits are kept, and what happens is counted.
 */
import { endByFault } from "../../lib/faults.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Failure, failures } from "../errors.ts";
import type { CallControl } from "../upstream/exchange.ts";
import { Upstream } from "../upstream/upstream.ts";
import type { Admission, Admitted, Place } from "./admission.ts";
import type { Call } from "./call.ts";
import { type CallClock, NOT_TIMED, type Timed } from "./call-clock.ts";
import type { FunctionState } from "./function-states.ts";
import { findOverdue, Phase, type Transfer } from "./time-limits.ts";
import { CLIENT_GONE, codeOf, isFault, mayRetry, timedOut, toFailure } from "./upstream-error.ts";
import {
  type FailedAttempt,
  UpstreamSelector,
  type UpstreamSelectorContext,
} from "./upstream-selector.ts";

export interface UpstreamContext extends UpstreamSelectorContext {
  admission: Admission;
  clock: CallClock;
  logger: Logger;
  /** Longest time to receive a body, or silence where it is streamed, milliseconds. */
  readTimeoutMs: number;
  /** Longest time for which a client may leave its answer unread, milliseconds. */
  writeTimeoutMs: number;
}

/** What is sent to an upstream. */
export interface UpstreamCall {
  /** Sends the request. Called each time that it is sent. */
  sendTo(upstream: Upstream): void;
  /** Whether it may be sent again although an upstream may have received it. */
  mayRepeat(): boolean;
  /** How its bytes move. */
  transfer(): Transfer;
  /** Answers the caller with a failure; breaks the answer off if that has begun. */
  fail(failure: Failure): void;
  /** Destroys the caller's connection. */
  cut(): void;
}

interface AttemptOptions {
  context: UpstreamContext;
  call: Call;
  state: FunctionState;
  /** What it has been let in as. @default a call */
  kind?: Admitted;
}

/** How often a call that may have reached an upstream is sent at most. */
const MAX_ATTEMPTS = 4;

export class UpstreamAttempt implements Timed, Place {
  clockIndex = NOT_TIMED;
  /** When the whole call is late, by the clock. */
  deadline = Infinity;
  readonly #call: UpstreamCall;
  readonly #options: AttemptOptions;
  #upstream: Upstream | undefined;
  #selector: UpstreamSelector | undefined;
  #controller: CallControl | undefined;
  /** Why the call waits for another upstream. */
  #lastFailure: Failure | undefined;
  #count = 0;
  /** A full upstream that has refused the call: another one is looked for. */
  #avoided: ReadonlySet<Upstream> | undefined;
  #isSent = false;
  #isWaiting = false;
  #isOver = false;
  #phase: Phase = Phase.Searching;
  #movedAt: number;
  #status = CLIENT_GONE;
  /** How long it took, where that is known before its end. */
  #seconds: number | undefined;

  /** Begins with a call that has been admitted; `close` must follow. */
  constructor(call: UpstreamCall, options: AttemptOptions) {
    this.#call = call;
    this.#options = options;
    options.context.clock.add(this);
    this.#movedAt = options.context.clock.now;
    options.state.metrics.start();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the answer has begun. */
  get hasAnswered(): boolean {
    return this.#phase === Phase.Answering || this.#phase === Phase.Tunnelling;
  }

  /** Whether no upstream has failed the call. */
  get isFirst(): boolean {
    return this.#count === 1;
  }

  /** Notes that bytes have moved. */
  moved(): void {
    this.#movedAt = this.#options.context.clock.now;
  }

  /** Notes what the call waits for from now on. */
  enter(phase: Phase): void {
    this.#phase = phase;
    this.moved();
  }

  /** Sends the call to an upstream, or waits for one. */
  send(): void {
    const { context, state } = this.#options;
    this.enter(Phase.Searching);
    const upstream = context.endpoints.pick(state.key, this.#avoided);
    if (upstream === undefined) {
      this.#select(undefined);
    } else {
      this.#sendTo(upstream);
    }
  }

  /** The request is being sent. Returns false when the call is over. */
  started(controller: CallControl): boolean {
    this.#controller = controller;
    this.#isSent = true;
    if (this.#isOver) {
      controller.abort(new Error("the call is over"));
      return false;
    }
    this.enter(Phase.Waiting);
    return true;
  }

  /** The answer has begun; after it no other upstream is tried. */
  answered(status: number, phase: Phase = Phase.Answering): void {
    this.#status = status;
    if (phase === Phase.Tunnelling) {
      // What follows may take days, and is no measure of anything.
      this.#seconds = this.#age();
    }
    this.enter(phase);
  }

  /** The upstream has failed: tries another one, or answers with the failure. */
  failed(error: Error): void {
    const upstream = this.#upstream;
    this.leave();
    this.#controller = undefined;
    if (this.#isOver) {
      return;
    }
    if (isFault(error)) {
      this.fault(error);
      return;
    }
    const { context, state } = this.#options;
    const functionName = state.displayName;
    const { origin } = upstream ?? {};
    context.logger.debug({ functionName, upstream: origin, code: codeOf(error) }, "call failed");
    const failure = toFailure(error, functionName);
    if (upstream !== undefined && this.#mayRetry(error)) {
      this.enter(Phase.Searching);
      this.#select({ upstream, failure });
    } else {
      this.#fail(failure);
    }
  }

  /** Ends the call by a fault of ours: with 500, or with its connection. Never throws. */
  fault(error: unknown): void {
    endByFault(error, () => {
      try {
        this.#fail(failures.internal());
      } catch (further) {
        endByFault(further, () => this.#call.cut());
      }
    });
    this.leave();
  }

  /**
   * The upstream is full, and has refused the call before anything ran. Returns whether another one
   * is tried, once in the life of a call: then `resend` follows, when the refusal has been read.
   */
  refused(): boolean {
    const { context, state } = this.#options;
    const full = this.#upstream;
    if (this.#isOver || this.#avoided !== undefined || full === undefined) {
      return false;
    }
    this.#avoided = new Set([full]);
    const other = context.endpoints.pick(state.key, this.#avoided);
    return other?.isEjected === false;
  }

  /** Sends a refused call to another upstream; to the full one where there is no other any more. */
  resend(): void {
    this.leave();
    this.#controller = undefined;
    if (!this.#isOver) {
      this.send();
    }
  }

  /** No pod is there, and the call waits for one. */
  wait(): Failure | undefined {
    const { context, state, kind = "inFlight" } = this.#options;
    const failure = context.admission.wait(state, kind);
    this.#isWaiting = failure === undefined;
    return failure;
  }

  goOn(): boolean {
    const { context, state, kind = "inFlight" } = this.#options;
    this.#isWaiting = !context.admission.goOn(state, kind);
    return !this.#isWaiting;
  }

  checkTime(now: number): void {
    if (this.#isOver) {
      return;
    }
    const { context, state } = this.#options;
    const overdue = findOverdue(this.#phase, {
      sinceMs: now - this.#movedAt,
      isLate: now > this.deadline,
      transfer: this.#call.transfer(),
      timeouts: state.timeouts,
      readMs: context.readTimeoutMs,
      writeMs: context.writeTimeoutMs,
    });
    if (overdue !== undefined) {
      this.#fail(this.#lastFailure ?? timedOut(overdue, state.displayName));
    }
  }

  /** The upstream has done its part. */
  leave(): void {
    if (this.#upstream !== undefined) {
      this.#upstream.inFlight -= 1;
      this.#upstream = undefined;
    }
  }

  /** The call has ended. @param isWhole - the caller has its answer; false where it has gone */
  close(isWhole: boolean): void {
    const { context, state, kind } = this.#options;
    context.clock.delete(this);
    context.admission.leave(state, this.#isWaiting ? "waiting" : kind);
    try {
      if (!isWhole) {
        this.#end("client gone");
      }
    } finally {
      if (!isWhole) {
        this.leave();
      }
      state.metrics.end(this.#status, this.#seconds ?? this.#age());
    }
  }

  /** Time since the call came in, seconds. */
  #age(): number {
    return (performance.now() - this.#options.call.startedAt) / 1000;
  }

  #select(failed: FailedAttempt | undefined): void {
    const { context, state } = this.#options;
    this.#lastFailure = failed?.failure;
    this.#selector ??= new UpstreamSelector(context, state, this);
    this.#selector.find(
      failed,
      (found) => {
        if (found instanceof Upstream) {
          this.#sendTo(found);
        } else {
          this.#fail(found);
        }
      },
      (error) => this.fault(error),
    );
  }

  #sendTo(upstream: Upstream): void {
    this.#lastFailure = undefined;
    this.#isSent = false;
    this.#count += 1;
    this.#upstream = upstream;
    this.#controller = undefined;
    upstream.inFlight += 1;
    this.#call.sendTo(upstream);
  }

  #mayRetry(error: Error): boolean {
    const isSent = this.#isSent;
    const mayBeSent = !isSent || (!this.hasAnswered && this.#count < MAX_ATTEMPTS);
    return mayBeSent && mayRetry(error, { isSent, mayRepeat: this.#call.mayRepeat() });
  }

  #fail(failure: Failure): void {
    if (!this.hasAnswered) {
      this.#status = failure.status;
    }
    this.#end(failure.message);
    this.#call.fail(failure);
  }

  /** Ends the search and the request to the upstream. */
  #end(reason: string): void {
    this.#isOver = true;
    this.#selector?.cancel();
    this.#controller?.abort(new Error(reason));
  }
}
