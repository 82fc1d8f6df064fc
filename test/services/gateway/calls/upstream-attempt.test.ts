/** A call on its way: sent, sent again, answered, given up, and counted once. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Phase, type Transfer } from "../../../../services/gateway/calls/time-limits.ts";
import {
  UpstreamAttempt,
  type UpstreamCall,
} from "../../../../services/gateway/calls/upstream-attempt.ts";
import type { Failure } from "../../../../services/gateway/errors.ts";
import type { AnswerHandler } from "../../../../services/gateway/upstream/exchange.ts";
import type { Upstream } from "../../../../services/gateway/upstream/upstream.ts";
import { errorOf, HeldRequest } from "../../../support/call-parts.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { fakeOnly } from "../../../support/clock.ts";

const [A, B] = ["http://192.0.2.1:80", "http://192.0.2.2:80"] as const;

/** The upstreams here tell nobody anything. */
const NOBODY = {} as unknown as AnswerHandler;

/** A call that keeps what it is told. */
class KeptCall implements UpstreamCall {
  readonly failures: Failure[] = [];
  isRepeatable = true;
  isCut = false;
  moving: Partial<Transfer> = {};

  sendTo(upstream: Upstream): void {
    upstream.dispatch({ path: "/", method: "GET", headers: [], body: undefined }, NOBODY);
  }

  mayRepeat(): boolean {
    return this.isRepeatable;
  }

  transfer(): Transfer {
    const still = { isUploading: false, isStuck: false, isUnread: false, isEventStream: false };
    return { ...still, ...this.moving };
  }

  fail(failure: Failure): void {
    this.failures.push(failure);
  }

  cut(): void {
    this.isCut = true;
  }
}

let world: CallWorld;
let call: KeptCall;

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance");
  world = new CallWorld({ readTimeoutMs: 3000, writeTimeoutMs: 4000 });
  call = new KeptCall();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Sends the call, as one that has been let in. */
function send(...pods: string[]): UpstreamAttempt {
  if (pods.length > 0) {
    world.slices.put("f-1", pods);
  }
  const { context, state } = world;
  const attempt = new UpstreamAttempt(call, { context, call: world.begin(), state });
  attempt.send();
  return attempt;
}

const pass = (milliseconds: number): Promise<void> => jest.advanceTimersByTimeAsync(milliseconds);
const codes = (): string[] => call.failures.map(({ code }) => code);

describe("the place of a call that waits for a pod", () => {
  function theWait(): CallWorld["waits"][number] {
    const [wait] = world.waits;
    if (wait === undefined) {
      throw new Error("expected a call that waits, got none");
    }
    return wait;
  }

  const places = (): number[] => [world.state.inFlight, world.state.waiting];

  test("is others' meanwhile, and its own again before it is sent", async () => {
    const attempt = send();
    const { place, resolve } = theWait();
    expect([place.wait(), places()]).toEqual([undefined, [0, 1]]);
    world.slices.put("f-1", [A]);
    expect([place.goOn(), places()]).toEqual([true, [1, 0]]);
    resolve(undefined);
    await pass(0);
    expect(world.sentTo()).toEqual([A]);
    attempt.close(true);
    expect(places()).toEqual([0, 0]);
  });

  test("is given back where it ends while it waits", async () => {
    const attempt = send();
    const { place, signal } = theWait();
    place.wait();
    attempt.close(false);
    expect([places(), signal.aborted, world.admission.waiting]).toEqual([[0, 0], true, 0]);
    await pass(0);
  });
});

describe("a call that is answered", () => {
  test("is sent once, counted once, and leaves nothing behind", () => {
    const attempt = send(A);
    expect(world.sentTo()).toEqual([A]);
    expect([attempt.isFirst, attempt.hasAnswered, attempt.isOver]).toEqual([true, false, false]);
    expect(attempt.started(new HeldRequest())).toBe(true);
    attempt.answered(201);
    expect([attempt.hasAnswered, world.at(A).inFlight]).toEqual([true, 1]);
    attempt.leave();
    attempt.close(true);
    expect(world.counted).toEqual(["start", "end 201"]);
    expect([world.at(A).inFlight, world.state.inFlight, world.admission.inFlight]).toEqual([
      0, 0, 0,
    ]);
    expect(attempt.clockIndex).toBe(-1);
  });

  test("leaves its upstream once, however often it is told to", () => {
    const attempt = send(A);
    attempt.leave();
    attempt.leave();
    attempt.close(false);
    expect(world.at(A).inFlight).toBe(0);
  });

  test("has answered also where it has become a tunnel", () => {
    const attempt = send(A);
    attempt.answered(101, Phase.Tunnelling);
    expect(attempt.hasAnswered).toBe(true);
  });
});

describe("a call that cannot be sent", () => {
  test("goes to another pod, also where it may not be repeated", async () => {
    call.isRepeatable = false;
    const attempt = send(A, B);
    attempt.failed(errorOf("ECONNREFUSED"));
    await pass(0);
    expect(world.sentTo()).toEqual([A, B]);
    expect([world.at(A).inFlight, world.at(B).inFlight]).toEqual([0, 1]);
    expect([attempt.isFirst, codes()]).toEqual([false, []]);
  });

  test("is tried for two seconds however often, and then answered with the reason", async () => {
    const attempt = send(A);
    for (let turn = 0; turn < 40 && call.failures.length === 0; turn++) {
      attempt.failed(errorOf("ECONNREFUSED"));
      await pass(1000);
    }
    expect(world.sentTo()).toHaveLength(3);
    expect(call.failures).toEqual([
      { status: 502, code: "PLONK_UPSTREAM_FAILED", message: "Can't reach f.fn." },
    ]);
    attempt.close(true);
    expect(world.counted).toEqual(["start", "end 502"]);
  });

  test("by its own fault is answered at once", () => {
    send(A, B).failed(errorOf("UPSTREAM_REQUEST"));
    expect([codes(), world.sentTo()]).toEqual([["PLONK_BAD_REQUEST"], [A]]);
  });

  test("because there is no pod waits for one", async () => {
    const attempt = send();
    world.slices.put("f-1", [B]);
    world.coldStarts[0]?.(undefined);
    await pass(0);
    expect([world.sentTo(), attempt.isFirst]).toEqual([[B], true]);
  });

  test("is logged with the function and the code, for who looks for it", () => {
    send(A).failed(errorOf("ECONNREFUSED"));
    const { functionName, upstream, code, msg } = JSON.parse(world.log.text()) as Record<
      string,
      unknown
    >;
    expect({ functionName, upstream, code, msg }).toEqual({
      functionName: "f.fn",
      upstream: A,
      code: "ECONNREFUSED",
      msg: "call failed",
    });
  });
});

describe("a call that was sent and lost", () => {
  test.each([
    [true, [A, B], []],
    [false, [A], ["PLONK_UPSTREAM_FAILED"]],
  ])("may it be repeated: %s", async (isRepeatable, sent, failures) => {
    call.isRepeatable = isRepeatable;
    const attempt = send(A, B);
    attempt.started(new HeldRequest());
    attempt.failed(errorOf("ECONNRESET"));
    await pass(0);
    expect([world.sentTo(), codes()]).toEqual([sent, failures]);
  });

  test("is sent four times at most", async () => {
    const attempt = send(A);
    for (let turn = 0; turn < 6; turn++) {
      attempt.started(new HeldRequest());
      attempt.failed(errorOf("ECONNRESET"));
      await pass(300);
    }
    expect([world.sentTo().length, codes()]).toEqual([4, ["PLONK_UPSTREAM_FAILED"]]);
  });

  test("is not sent again once its answer has begun", async () => {
    const attempt = send(A, B);
    attempt.started(new HeldRequest());
    attempt.answered(200);
    attempt.failed(errorOf("ECONNRESET"));
    await pass(100);
    expect([world.sentTo(), codes()]).toEqual([[A], ["PLONK_UPSTREAM_FAILED"]]);
    attempt.close(false);
    // What the caller saw of it was a 200.
    expect(world.counted).toEqual(["start", "end 200"]);
  });

  test("counts anew from the pod that it is sent to next", async () => {
    const attempt = send(A, B);
    attempt.started(new HeldRequest());
    attempt.failed(errorOf("ECONNRESET"));
    await pass(0);
    call.isRepeatable = false;
    // Nothing of it has been sent there.
    attempt.failed(errorOf("ECONNREFUSED"));
    await pass(100);
    expect([world.sentTo().length, codes()]).toEqual([3, []]);
  });
});

describe("a caller that goes away", () => {
  test("ends the request to the function, and counts as such", () => {
    const request = new HeldRequest();
    const attempt = send(A);
    attempt.started(request);
    attempt.close(false);
    expect([request.aborted, request.reason?.message]).toEqual([true, "client gone"]);
    expect(world.counted).toEqual(["start", "end 499"]);
    expect([world.at(A).inFlight, attempt.isOver, codes()]).toEqual([0, true, []]);
  });

  test("while a connection is opened ends the request as soon as there is one", () => {
    const request = new HeldRequest();
    const attempt = send(A);
    attempt.close(false);
    expect(attempt.started(request)).toBe(false);
    expect(request.aborted).toBe(true);
  });

  test("while another pod is searched is not sent anywhere", async () => {
    const attempt = send(A);
    attempt.failed(errorOf("ECONNREFUSED"));
    attempt.close(false);
    world.slices.put("f-1", [A, B]);
    await pass(3000);
    expect([world.sentTo(), codes()]).toEqual([[A], []]);
  });

  test("hears of no failure that comes after", () => {
    const attempt = send(A, B);
    attempt.started(new HeldRequest());
    attempt.close(false);
    attempt.failed(new Error("client gone"));
    expect([codes(), world.sentTo(), world.at(A).inFlight]).toEqual([[], [A], 0]);
  });
});

describe("time", () => {
  test("for the first byte begins when the request is sent, and at each byte of it", async () => {
    world.state.timeouts.firstByteMs = 1000;
    const request = new HeldRequest();
    const attempt = send(A);
    await pass(5000);
    expect(codes()).toEqual([]);
    attempt.started(request);
    await pass(900);
    attempt.moved();
    await pass(900);
    expect(codes()).toEqual([]);
    await pass(300);
    expect(codes()).toEqual(["PLONK_UPSTREAM_TIMEOUT"]);
    expect(request.reason?.message).toBe("f.fn did not answer in time.");
  });

  test("that is over is told once", async () => {
    world.state.timeouts.firstByteMs = 1000;
    const attempt = send(A);
    attempt.started(new HeldRequest());
    await pass(5000);
    attempt.failed(new Error("client gone"));
    expect(codes()).toEqual(["PLONK_UPSTREAM_TIMEOUT"]);
    attempt.close(true);
    expect(world.counted).toEqual(["start", "end 504"]);
  });

  test("of a caller that does not send is the caller's", async () => {
    call.moving = { isUploading: true };
    const attempt = send(A);
    attempt.started(new HeldRequest());
    await pass(2900);
    expect(codes()).toEqual([]);
    await pass(300);
    expect(codes()).toEqual(["PLONK_REQUEST_TIMEOUT"]);
  });

  test("of a caller that does not read is the caller's, and its answer keeps its status", async () => {
    call.moving = { isUnread: true };
    const attempt = send(A);
    attempt.started(new HeldRequest());
    attempt.answered(200);
    await pass(3900);
    expect(codes()).toEqual([]);
    await pass(300);
    expect(codes()).toEqual(["PLONK_REQUEST_TIMEOUT"]);
    attempt.close(false);
    expect(world.counted).toEqual(["start", "end 200"]);
  });

  test("of the whole call goes on while it is sent a second time", async () => {
    const attempt = send(A);
    attempt.deadline = world.clock.now + 350;
    attempt.failed(errorOf("ECONNREFUSED"));
    await pass(300);
    expect([world.sentTo(), codes()]).toEqual([[A, A], []]);
    await pass(100);
    expect(codes()).toEqual(["PLONK_UPSTREAM_TIMEOUT"]);
  });

  test("of the whole call does not hide why the last pod has failed", async () => {
    const attempt = send(A);
    attempt.failed(errorOf("ECONNREFUSED"));
    attempt.deadline = world.clock.now;
    attempt.checkTime(world.clock.now + 1);
    expect(codes()).toEqual(["PLONK_UPSTREAM_FAILED"]);
    await pass(3000);
    expect(world.sentTo()).toEqual([A]);
  });
});
