/** A queue that is there goes to no other NATS in silence: what waits in it would stay behind. */
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../components/errors.ts";
import { Queue } from "../../components/index.ts";
import { findMove } from "../../components/queue/queue-move.ts";
import { settle } from "./cluster/mocks.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";
import { fakeCluster, IMAGES, recordRegistrations } from "./support/mocks.ts";

const WORKER = "/apis/apps/v1/namespaces/openfaas/deployments/queue-worker";

const all = recordRegistrations({ isPreview: true });

let api: FakeApi | undefined;

afterEach(() => api?.stop());
afterAll(() => pulumi.runtime.disconnect());

async function serve(answers: Answers): Promise<string> {
  api = await startFakeApi(answers);
  return toKubeconfig(api.url, "here");
}

/** A queue-worker that is on the cluster, with these variables. */
function toWorker(variables: Record<string, string>): Answers {
  const env = Object.entries(variables).map(([name, value]) => ({ name, value }));
  return { [WORKER]: { spec: { template: { spec: { containers: [{ env }] } } } } };
}

describe("the NATS of a queue that is there", () => {
  const find = async (answers: Answers, url: string, isPreview = true): Promise<unknown> =>
    findMove(await serve(answers), { namespace: "openfaas", url }, isPreview);

  it.each([
    [{ nats_url: "tls://nats.openfaas:4222" }, "tls://nats.openfaas:4222"],
    [{ nats_url: "nats://nats.openfaas" }, "tls://NATS.openfaas:4222"],
    [{ nats_url: "tls://[fd00::1]" }, "tls://[fd00::1]:4222"],
    [{ faas_nats_address: "nats.openfaas" }, "tls://nats.openfaas:4222"],
    [{ faas_nats_address: "nats.openfaas", faas_nats_port: "5" }, "nats://nats.openfaas:5"],
    [{}, "tls://nats.openfaas:4222"],
  ])("by %j is the same as %s", async (variables, url) => {
    expect(await find(toWorker(variables), url)).toBeUndefined();
  });

  it.each([
    [{ nats_url: "tls://nats.openfaas:4222" }, "nats.openfaas:4222"],
    [{ nats_url: "nats://other.example:4223" }, "other.example:4223"],
    [{ nats_url: "tls://[fd00::1]:4222" }, "[fd00::1]:4222"],
    [{ faas_nats_address: "nats.openfaas" }, "nats.openfaas:4222"],
    [{ nats_url: "tls://nats.messages:4223" }, "nats.messages:4223"],
  ])("by %j is another one than nats.messages", async (variables, from) => {
    const move = { from, to: "nats.messages:4222" };
    expect(await find(toWorker(variables), "tls://nats.messages")).toEqual(move);
  });

  it("is none where there is no queue-worker", async () => {
    expect(await find({}, "tls://nats.messages", false)).toBeUndefined();
  });

  it("needs an answer: another one does not stand for no queue", async () => {
    await expect(find({ [WORKER]: 403 }, "tls://nats.messages")).rejects.toThrow(
      new ArgumentError("cluster: expected to learn which NATS has the queue, got HTTP 403"),
    );
  });

  it("is not known in the preview of a cluster that does not answer, and has to be in an update", async () => {
    const kubeconfig = await serve({});
    api?.stop();
    const place = { namespace: "openfaas", url: "tls://nats.messages" };
    expect(await findMove(kubeconfig, place, true)).toBeUndefined();
    await expect(findMove(kubeconfig, place, false)).rejects.toThrow(
      /^cluster: expected to learn which NATS has the queue, got E/,
    );
  });
});

describe("a queue", () => {
  const FROM = toWorker({ nats_url: "tls://nats.openfaas:4222" });
  let told: string[];

  beforeEach(() => {
    told = [];
    for (const level of ["warn", "error"] as const) {
      jest.spyOn(pulumi.log, level).mockImplementation((message) => {
        told.push(`${level} ${message}`);
        return Promise.resolve();
      });
    }
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  async function declare(name: string, options: object): Promise<string[]> {
    const kubeconfig = pulumi.secret(await serve(FROM));
    const cluster = { ...fakeCluster(), kubeconfig };
    const queue = new Queue(name, { cluster, namespace: "openfaas", images: IMAGES, ...options });
    await settle();
    expect(queue.urn).toBeDefined();
    return told;
  }

  it("that stays where it is is made, and nothing is said", async () => {
    expect(await declare("same", {})).toEqual([]);
    expect(all.some(({ name }) => name === "same-queue-worker")).toBe(true);
  });

  it("that is said to lose what waits is made, and the preview says what that is", async () => {
    const existing = { url: "tls://nats.messages" };
    expect(await declare("lost", { existing, discardMessages: true })).toEqual([
      'warn discardMessages: calls, callbacks and dead letters in the NATS "nats.openfaas:4222" ' +
        'stay behind, as the queue goes to "nats.messages:4222"',
    ]);
    expect(all.some(({ name }) => name === "lost-queue-worker")).toBe(true);
  });

  it("that may lose what waits and does not move says nothing", async () => {
    expect(await declare("still", { discardMessages: true })).toEqual([]);
  });
});
