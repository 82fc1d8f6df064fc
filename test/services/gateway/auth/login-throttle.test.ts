/** How guessing is slowed down. */
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { LoginThrottle } from "../../../../services/gateway/auth/login-throttle.ts";

let now: number;
let throttle: LoginThrottle;

beforeEach(() => {
  now = 1_000_000;
  throttle = new LoginThrottle(() => now);
});

function fail(times: number, user = "admin", peer = "10.0.0.1"): (number | undefined)[] {
  return Array.from({ length: times }, () => throttle.begin(user, peer));
}

describe("LoginThrottle", () => {
  test("lets five failures pass, and waits twice as long after each further one", () => {
    expect(fail(5)).toEqual(Array(5).fill(undefined));
    const waits = [];
    for (let turn = 0; turn < 9; turn += 1) {
      const wait = throttle.begin("admin", "10.0.0.1") ?? 0;
      waits.push(wait);
      now += wait * 1000;
      expect(throttle.begin("admin", "10.0.0.1")).toBeUndefined();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test("does not let knocking at the door extend the wait", () => {
    fail(6);
    fail(100);
    now += 1000;
    expect(fail(1)).toEqual([undefined]);
  });

  test("counts each user and each peer by itself", () => {
    fail(6);
    expect(fail(1, "other")).toEqual([undefined]);
    expect(fail(1, "admin", "10.0.0.2")).toEqual([undefined]);
    expect(fail(1)).toEqual([1]);
  });

  test.each([
    ["2001:db8:1:2::7", "2001:db8:1:2:ffff::1", true],
    ["2001:db8:1:2::7", "2001:0DB8:0001:0002:3:4:5:6", true],
    ["2001:db8::7", "2001:db8:0:0:1::", true],
    ["2001:db8:1:2::7", "2001:db8:1:3::7", false],
    ["fe80::1%eth0", "fe80::2%eth0", true],
    ["::1", "1::", false],
  ])("counts %s and %s, of one IPv6 network or not, together: %s", (one, other, isOne) => {
    fail(6, "admin", one);
    expect(fail(1, "admin", other)).toEqual([isOne ? 1 : undefined]);
  });

  test("counts time by a clock that nobody sets", () => {
    const own = new LoginThrottle();
    Array.from({ length: 6 }, () => own.begin("admin", "10.0.0.1"));
    jest.spyOn(Date, "now").mockReturnValue(0);
    jest.spyOn(performance, "now").mockReturnValue(performance.now() + 1000);
    expect(own.begin("admin", "10.0.0.1")).toBeUndefined();
    jest.restoreAllMocks();
  });

  test("starts anew after a success", () => {
    fail(5);
    throttle.succeed("admin", "10.0.0.1");
    expect(fail(5)).toEqual(Array(5).fill(undefined));
  });

  test("does not count what was not looked at", () => {
    fail(5);
    for (let turn = 0; turn < 10; turn += 1) {
      throttle.cancel("admin", "10.0.0.1");
      expect(fail(1)).toEqual([undefined]);
    }
    throttle.cancel("nobody", "10.0.0.1");
  });

  test("forgets after ten quiet minutes", () => {
    fail(6);
    now += 10 * 60_000 + 1001;
    expect(fail(5)).toEqual(Array(5).fill(undefined));
  });

  test("remembers ten thousand pairs, the latest ones", () => {
    fail(6, "first");
    for (let index = 0; index < 10_000; index += 1) {
      throttle.begin(`user-${index}`, "10.0.0.1");
    }
    expect(fail(1, "first")).toEqual([undefined]);
    fail(6, "last");
    expect(fail(1, "last")).toEqual([1]);
  });

  test("takes a very long name for what it begins with, and never for a user of another peer", () => {
    const long = "u".repeat(300);
    fail(6, long);
    expect(fail(1, `${long.slice(0, 256)}x`)).toEqual([1]);
    expect(fail(1, long.slice(0, 255))).toEqual([undefined]);
    // The peer's address comes first, so that no name can be made to look like another pair.
    fail(6, "b\nc", "a");
    expect([fail(1, "c", "a\nb"), fail(1, "c", "b"), fail(1, "b", "a")]).toEqual([
      [1],
      [undefined],
      [undefined],
    ]);
  });

  test("says how long to wait in whole seconds, which are enough", () => {
    fail(8);
    const wait = throttle.begin("admin", "10.0.0.1") ?? 0;
    now += wait * 1000 - 999;
    expect(throttle.begin("admin", "10.0.0.1")).toBe(1);
    now += 999;
    expect(throttle.begin("admin", "10.0.0.1")).toBeUndefined();
  });

  test("looks at one password a minute in the end, however patient the guesser is", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { minLength: 50, maxLength: 300 }), (pauses) => {
        let time = 0;
        const guarded = new LoginThrottle(() => time);
        let looked = 0;
        for (const pause of pauses) {
          time += pause;
          looked += guarded.begin("admin", "x") === undefined ? 1 : 0;
        }
        // Five at once, and six until the wait is a minute.
        expect(looked).toBeLessThanOrEqual(5 + 6 + 1 + time / 60_000);
      }),
    );
  });
});
