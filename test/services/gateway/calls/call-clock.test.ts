/** The clock that has an eye on the time limits of all calls. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { CallClock, NOT_TIMED, type Timed } from "../../../../services/gateway/calls/call-clock.ts";

class Recorder implements Timed {
  clockIndex = NOT_TIMED;
  readonly times: number[] = [];
  readonly faults: unknown[] = [];
  readonly #act: () => void;

  constructor(act: () => void = () => undefined) {
    this.#act = act;
  }

  checkTime(now: number): void {
    this.times.push(now);
    this.#act();
  }

  fault(error: unknown): void {
    this.faults.push(error);
  }
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe("a call clock", () => {
  test("looks at each of what it has at every tick, and at nothing that has left", () => {
    const clock = new CallClock();
    const [first, second, third] = [new Recorder(), new Recorder(), new Recorder()];
    [first, second, third].forEach((timed) => clock.add(timed));
    jest.advanceTimersByTime(100);
    clock.delete(first);
    jest.advanceTimersByTime(100);
    clock.delete(third);
    jest.advanceTimersByTime(100);
    expect([first, second, third].map(({ times }) => times.length)).toEqual([1, 3, 2]);
    expect(second.times.at(-1)).toBe(clock.now);
  });

  test("looks at each once, also when some leave while it looks", () => {
    const clock = new CallClock();
    const timed: Recorder[] = Array.from({ length: 5 }, (_, index) => {
      return new Recorder(() => {
        if (index % 2 === 0) {
          clock.delete(timed[index] ?? new Recorder());
        }
      });
    });
    timed.forEach((each) => clock.add(each));
    jest.advanceTimersByTime(100);
    expect(timed.map(({ times }) => times.length)).toEqual([1, 1, 1, 1, 1]);
    jest.advanceTimersByTime(100);
    expect(timed.map(({ times }) => times.length)).toEqual([1, 2, 1, 2, 1]);
  });

  test("takes a second end of the same for none, and can be told of it anew", () => {
    const clock = new CallClock();
    const [stays, leaves] = [new Recorder(), new Recorder()];
    clock.add(leaves);
    clock.add(stays);
    clock.delete(leaves);
    clock.delete(leaves);
    jest.advanceTimersByTime(100);
    expect([stays.times.length, leaves.times.length]).toEqual([1, 0]);
    clock.add(leaves);
    jest.advanceTimersByTime(100);
    expect([stays.times.length, leaves.times.length]).toEqual([2, 1]);
  });

  test("goes on with all others where one fails, and looks at that one no more", () => {
    const clock = new CallClock();
    const fault = new Error("a fault of ours");
    const [first, failing, last] = [
      new Recorder(),
      new Recorder(() => {
        throw fault;
      }),
      new Recorder(),
    ];
    [first, failing, last].forEach((timed) => clock.add(timed));
    jest.advanceTimersByTime(200);
    expect([first, failing, last].map(({ times }) => times.length)).toEqual([2, 1, 2]);
    expect([first, failing, last].map(({ faults }) => faults)).toEqual([[], [fault], []]);
  });

  test("stops when there is nothing to look at", () => {
    const clock = new CallClock();
    const timed = new Recorder();
    clock.add(timed);
    clock.delete(timed);
    jest.advanceTimersByTime(100);
    expect(jest.getTimerCount()).toBe(0);
  });
});
