/** The end of a gateway: nobody's call is lost, and everybody is told to go elsewhere. */
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL } from "../../../contract/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "../../support/gateway-process.ts";
import { RawConnection, WEB_SOCKET } from "../../support/http-client.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

/** Limit of calls of a gateway whose functions have other ones. */
const SHORT_MS = 100;

/** What a gateway takes beside its calls until it ends by force: it goes on for 3 s, and closes. */
const BESIDE_CALLS_MS = 8000;

const fake = new FakeKubernetes();
let gateway: GatewayProcess;
const held: ServerResponse[] = [];

const atEnd = collectCleanups(afterAll);

beforeAll(async () => {
  await fake.start();
  atEnd(() => fake.stop());
  const pod = createServer((request, response) => {
    if (request.url === "/held") {
      held.push(response);
    } else if (request.url !== "/silent") {
      response.end("at once");
    }
  });
  pod.on("upgrade", (_request, socket) => {
    socket.on("error", () => undefined);
    atEnd(() => socket.destroy());
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
    socket.write("Upgrade: websocket\r\n\r\n");
  });
  const ports = [await listen(pod, 0, "127.0.0.1")];
  declareFunction(fake, "f", { ports });
  declareFunction(fake, "long", { ports, spec: { labels: { [LABEL.callTimeout]: "60s" } } });
  atEnd(() => stopServer(pod));
  gateway = await GatewayProcess.start(fake);
  atEnd(() => gateway.stop());
});

const GET = ["Host: a", "", ""];

describe("a gateway that is told to end", () => {
  test("serves on for a while, and ends when the last call has its answer", async () => {
    const [idle, busy, waiting, socket] = Array.from(
      { length: 4 },
      () => new RawConnection(gateway.url),
    ) as [RawConnection, RawConnection, RawConnection, RawConnection];
    for (const connection of [idle, busy]) {
      await connection.write("GET /function/f HTTP/1.1", ...GET).waitFor("at once");
      expect(connection.text).toContain("Connection: keep-alive");
      connection.text = "";
    }
    waiting.write("GET /function/f/held HTTP/1.1", ...GET);
    await until("the held call", () => held.length === 1);
    const upgrade = [...WEB_SOCKET, ...GET];
    await socket.write("GET /function/f HTTP/1.1", ...upgrade).waitFor("101 Switching");

    const logs = new RawConnection(gateway.url);
    await logs.write("GET /system/logs?name=f&follow=1 HTTP/1.1", ...GET).waitFor("200 OK");

    const exit = gateway.stop("SIGTERM");
    await until("readiness to end", async () => !(await gateway.isReady()));
    // Both at once, as it goes on for three seconds only.
    const late = new RawConnection(gateway.url).write("GET /function/f HTTP/1.1", ...GET);
    busy.write("GET /function/f HTTP/1.1", ...GET);
    await Promise.all([late.waitFor("at once"), busy.waitFor("at once")]);
    expect(busy.text).toContain("Connection: close");
    await busy.waitForEnd();
    expect([idle.isEnded, socket.isEnded]).toEqual([false, false]);

    await socket.waitFor("\x88\x02\x03\xe9");
    await Promise.all([idle.waitForEnd(), logs.waitForEnd()]);
    expect(waiting.isEnded).toBe(false);
    held[0]?.end("after all");
    await waiting.waitFor("after all");
    expect(waiting.text).toContain("Connection: close");
    expect(await exit).toBe(0);
  });

  test("lets a call go on that has a longer limit of its own than the platform's", async () => {
    const env = { upstream_timeout: `${SHORT_MS}ms`, scale_from_zero: "false" };
    const other = await GatewayProcess.start(fake, { env });
    atEnd(() => other.stop());
    const [short, long] = [new RawConnection(other.url), new RawConnection(other.url)];
    await short.write("GET /function/f/silent HTTP/1.1", ...GET).waitFor("504 Gateway Timeout");
    const before = held.length;
    long.write("GET /function/long/held HTTP/1.1", ...GET);
    await until("the held call", () => held.length === before + 1);
    const exit = other.stop("SIGTERM");
    await sleep(SHORT_MS + BESIDE_CALLS_MS + 500);
    expect([other.hasEnded, long.isEnded, long.text]).toEqual([false, false, ""]);
    held.at(-1)?.end("in time");
    await long.waitFor("in time");
    expect(await exit).toBe(0);
    expect(other.output).not.toContain("not shut down in time");
  });
});
