/** A connection on which nothing comes any more, and nobody says so. */
import { PassThrough } from "node:stream";
import { afterEach, expect, jest, test } from "@jest/globals";
import type { KubernetesClient, KubernetesRequest } from "../../../services/lib/kubernetes.ts";
import { FRESH_SECONDS, ResourceWatch } from "../../../services/lib/watch.ts";
import { fakeOnly } from "../../support/clock.ts";
import { createKeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";

afterEach(() => {
  jest.useRealTimers();
});

/** Streams that stay open in silence, with what was asked for them. */
class SilentServer {
  readonly asked: NonNullable<KubernetesRequest["query"]>[] = [];

  get client(): KubernetesClient {
    const page = { metadata: { resourceVersion: "7" }, items: [] };
    return {
      request: () => Promise.resolve(page),
      stream: (_path: string, { query = {}, signal }: KubernetesRequest) => {
        this.asked.push(query);
        const stream = new PassThrough();
        signal?.addEventListener("abort", () => stream.destroy(new Error("stopped")));
        return Promise.resolve(stream);
      },
    } as unknown as KubernetesClient;
  }
}

test.each([
  ["what calls depend on within half a minute", FRESH_SECONDS, 30],
  ["all else within five minutes and a bit", undefined, 300],
])("is given up for a new one: %s", async (_what, renewSeconds, limitSeconds) => {
  fakeOnly("setTimeout", "clearTimeout");
  const server = new SilentServer();
  const watch = new ResourceWatch({
    client: server.client,
    path: "/api/v1/pods",
    logger: createKeptLog().logger,
    backoff: { initialMs: 1, maxMs: 1 },
    ...(renewSeconds !== undefined && { renewSeconds }),
  }).start();
  await watch.waitForSync();
  await until("a limit of the watch", () => jest.getTimerCount() === 1);
  const [first] = server.asked;
  expect(Number(first?.["timeoutSeconds"])).toBeLessThan(limitSeconds);
  jest.advanceTimersByTime(limitSeconds * 1000);
  await until("another watch", () => server.asked.length === 2);
  expect(server.asked[1]?.["resourceVersion"]).toBe("7");
  await watch.stop();
  expect(jest.getTimerCount()).toBe(0);
});
