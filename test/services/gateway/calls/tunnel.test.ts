/** Two sockets joined: what passes, when a connection ends, and in which words. */
import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { CallClock } from "../../../../services/gateway/calls/call-clock.ts";
import { Tunnel, Tunnels, watchForEnd } from "../../../../services/gateway/calls/tunnel.ts";
import { fakeOnly } from "../../../support/clock.ts";

/** A server's close frame, 1001. */
const GOODBYE = "880203e9";

let clock: CallClock;
let tunnels: Tunnels;
let browser: Duplex;
let pod: Duplex;
/** The gateway's ends of the two connections. */
let inner: { client: Duplex; upstream: Duplex };
let received: { browser: Buffer[]; pod: Buffer[] };

function start(idleMs = 0): Tunnel {
  const tunnel = new Tunnel({ ...inner, tunnels, clock, idleMs });
  tunnel.start();
  return tunnel;
}

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance");
  clock = new CallClock();
  tunnels = new Tunnels();
  const [client, far] = duplexPair();
  const [upstream, function_] = duplexPair();
  [browser, pod, inner] = [far, function_, { client, upstream }];
  received = { browser: [], pod: [] };
  browser.on("data", (chunk: Buffer) => received.browser.push(chunk));
  pod.on("data", (chunk: Buffer) => received.pod.push(chunk));
  [browser, pod, client].forEach((socket) => socket.on("error", () => undefined));
});

afterEach(() => {
  [browser, pod, inner.client, inner.upstream].forEach((socket) => socket.destroy());
  jest.useRealTimers();
});

/** Lets streams do what they have to. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function pass(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
  await settle();
}

const hex = (side: "browser" | "pod"): string => Buffer.concat(received[side]).toString("hex");

/** An unmasked text frame, as servers send it. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
}

describe("a tunnel", () => {
  test("carries bytes both ways as they are", async () => {
    start();
    browser.write("up\0\xff");
    pod.write(frame("down"));
    await settle();
    expect(hex("pod")).toBe(Buffer.from("up\0\xff").toString("hex"));
    expect(hex("browser")).toBe(frame("down").toString("hex"));
  });

  test("is closed as soon as it is there where the gateway is going away already", async () => {
    tunnels.closeAll();
    start();
    await settle();
    expect(hex("browser")).toBe(GOODBYE);
    await pass(2000);
    expect([tunnels.size, inner.upstream.destroyed]).toEqual([0, true]);
  });

  test("is counted until its client has gone", async () => {
    start();
    expect([tunnels.size, inner.upstream.destroyed]).toEqual([1, false]);
    inner.client.destroy();
    await settle();
    expect([tunnels.size, inner.upstream.destroyed]).toEqual([0, true]);
    await pass(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  test.each<["browser" | "pod"]>([["browser"], ["pod"]])(
    "ends on both sides where the %s ends",
    async (side) => {
      start();
      (side === "browser" ? browser : pod).end();
      await settle();
      expect([inner.client.destroyed, inner.upstream.destroyed, tunnels.size]).toEqual([
        true,
        true,
        0,
      ]);
    },
  );

  test("brings the function's last bytes before it ends", async () => {
    start();
    pod.end(frame("last"));
    await settle();
    expect(hex("browser")).toBe(frame("last").toString("hex"));
  });

  test("survives a function's connection that breaks", async () => {
    start();
    inner.upstream.destroy(new Error("ECONNRESET"));
    await settle();
    expect([inner.client.destroyed, tunnels.size]).toEqual([true, 0]);
  });
});

describe("a tunnel that is closed", () => {
  test("says goodbye at once where no frame is in the way", async () => {
    start().close();
    await settle();
    expect(hex("browser")).toBe(GOODBYE);
  });

  test("says goodbye after the frame that has begun, and nothing after it", async () => {
    const tunnel = start();
    const whole = frame("hello");
    pod.write(whole.subarray(0, 3));
    await settle();
    tunnel.close();
    await settle();
    expect(hex("browser")).toBe(whole.subarray(0, 3).toString("hex"));
    pod.write(whole.subarray(3));
    await settle();
    pod.write(frame("too late"));
    await settle();
    expect(hex("browser")).toBe(whole.toString("hex") + GOODBYE);
  });

  test("says goodbye once, however often it is asked", async () => {
    const tunnel = start();
    tunnel.close();
    tunnel.close();
    tunnels.closeAll();
    await settle();
    expect(hex("browser")).toBe(GOODBYE);
  });

  test("brings the client's own goodbye to the function", async () => {
    start().close();
    browser.write("bye");
    await settle();
    expect(hex("pod")).toBe(Buffer.from("bye").toString("hex"));
  });

  test("is cut after two seconds where the client does not agree", async () => {
    start().close();
    await pass(1999);
    expect(inner.client.destroyed).toBe(false);
    await pass(1);
    expect([inner.client.destroyed, inner.upstream.destroyed]).toEqual([true, true]);
  });

  test("is cut, too, in the middle of a frame that does not end", async () => {
    const tunnel = start();
    pod.write(frame("hello").subarray(0, 4));
    await settle();
    tunnel.close();
    await pass(2000);
    expect([hex("browser"), inner.client.destroyed]).toEqual(["81056865", true]);
  });

  test("leaves no timer where the client agrees", async () => {
    start().close();
    browser.end();
    await settle();
    await pass(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("is all that is open when all are closed", async () => {
    start();
    const [client, far] = duplexPair();
    const [upstream] = duplexPair();
    new Tunnel({ client, upstream, tunnels, clock, idleMs: 0 }).start();
    expect(tunnels.size).toBe(2);
    tunnels.closeAll();
    await settle();
    expect((far.read() as Buffer).toString("hex")).toBe(GOODBYE);
    expect(hex("browser")).toBe(GOODBYE);
    client.destroy();
  });
});

describe("silence", () => {
  test("ends a tunnel after its time, in words", async () => {
    start(1000);
    await pass(1000);
    expect(hex("browser")).toBe("");
    await pass(100);
    expect(hex("browser")).toBe(GOODBYE);
  });

  test.each<["browser" | "pod"]>([["browser"], ["pod"]])(
    "is broken by any byte of the %s",
    async (side) => {
      start(1000);
      for (let turn = 0; turn < 5; turn++) {
        await pass(800);
        (side === "browser" ? browser : pod).write(side === "browser" ? "x" : frame(""));
        await settle();
      }
      expect(hex("browser").endsWith(GOODBYE)).toBe(false);
      await pass(1200);
      expect(hex("browser").endsWith(GOODBYE)).toBe(true);
    },
  );

  test("may last where there is no limit", async () => {
    start(0);
    await pass(3_600_000);
    expect([hex("browser"), inner.client.destroyed]).toEqual(["", false]);
  });
});

describe("a socket that nobody reads", () => {
  test("is destroyed as soon as its other end has gone", async () => {
    watchForEnd(inner.client);
    browser.end();
    await settle();
    expect(inner.client.destroyed).toBe(true);
  });

  test("keeps what was sent, to be read later", async () => {
    const stop = watchForEnd(inner.client);
    browser.write("early");
    await settle();
    stop();
    expect(String(inner.client.read())).toBe("early");
    expect(inner.client.destroyed).toBe(false);
  });

  test("is left alone when the watch has ended", async () => {
    watchForEnd(inner.client)();
    expect(inner.client.listenerCount("end")).toBe(0);
    inner.client.resume();
    browser.end();
    await once(inner.client, "end");
    expect(inner.client.destroyed).toBe(false);
  });
});
