import { afterEach, describe, expect, it } from "@jest/globals";
import { type Condition, LABEL, toKey } from "../../../../../contract/index.ts";
import { Registry } from "../../../../../services/lib/metrics.ts";
import { readConfig } from "../../../../../services/operator/config.ts";
import { FunctionController } from "../../../../../services/operator/controllers/function/controller.ts";
import { ScaleDecisions } from "../../../../../services/operator/scale-decisions.ts";
import { FUNCTIONS, putFunction } from "../../../../support/function-objects.ts";
import { sendStatus } from "../../../../support/kubernetes-answers.ts";
import { DEPLOYMENTS, PODS, useWorlds, writesOf } from "../../world.ts";

const createWorld = useWorlds(afterEach);
const SECRETS = "/api/v1/namespaces/openfaas-fn/secrets";
const KEY = toKey({ name: "resize", namespace: "openfaas-fn" });

/** A function with a secret, which has all of its replicas; `turn` reconciles it. */
async function createReady() {
  const world = await createWorld((fake) => {
    putFunction(fake, "resize", { spec: { secrets: ["key"] } });
    fake.put(SECRETS, { metadata: { name: "key" }, type: "Opaque" });
  });
  const { fake, client, informers, log } = world;
  const clock = { now: 0 };
  const controller = new FunctionController({
    platformNamespace: "openfaas",
    ...{ client, informers, logger: log.logger, timeouts: readConfig({}).timeouts },
    identity: "operator-1",
    registry: new Registry(),
    decisions: new ScaleDecisions(),
    now: () => clock.now,
  });
  await informers.start();
  const turn = async (): Promise<number | undefined> => {
    const { requeueAfterMs } = await controller.reconcile(KEY);
    await fake.settle();
    return requeueAfterMs;
  };
  const conditions = (): string[] => {
    const { status } = fake.objects.get(`${FUNCTIONS}/resize`) as {
      status?: { conditions: Condition[] };
    };
    return (status?.conditions ?? []).map((it) => `${it.type} ${it.status} ${it.reason}`);
  };
  await turn();
  /** One replica runs, of so many that are wanted. */
  const run = async (replicas: number): Promise<void> => {
    const deployment = fake.objects.get(`${DEPLOYMENTS}/resize`);
    const counts = { replicas, updatedReplicas: replicas, availableReplicas: 1 };
    fake.put(DEPLOYMENTS, {
      ...deployment,
      metadata: { ...deployment?.metadata, name: "resize", generation: 1 },
      spec: { ...(deployment?.["spec"] as object), replicas },
      status: { observedGeneration: 1, ...counts },
    });
    await fake.settle();
  };
  await run(1);
  return { fake, clock, turn, run, conditions };
}

const FINE = [
  "Ready True Available",
  "Progressing False Complete",
  "Degraded False AsExpected",
  "Scaled True AtMinimum",
];

describe("a function that has all of its replicas", () => {
  it("is looked at again after minutes, and nothing is written as long as nothing changes", async () => {
    const { fake, clock, turn, conditions } = await createReady();
    const waitMs = await turn();
    expect(waitMs).toBeGreaterThanOrEqual(300_000);
    expect(conditions()).toStrictEqual(FINE);
    const before = writesOf(fake);
    clock.now = 400_000;
    expect(await turn()).toBeGreaterThanOrEqual(300_000);
    expect(writesOf(fake)).toStrictEqual(before);
    expect(fake.requests.some(({ path }) => path.endsWith("/events"))).toBe(
      before.some((write) => write.endsWith("/events")),
    );
  });

  it("says that its secret has gone, while it can serve, and that it is there again", async () => {
    const { fake, clock, turn, conditions } = await createReady();
    await turn();
    fake.remove(SECRETS, "key");
    clock.now = 400_000;
    expect(await turn()).toBeLessThanOrEqual(18_000);
    expect(conditions()).toStrictEqual(FINE.with(2, "Degraded True SecretNotFound"));
    const before = writesOf(fake);
    await turn();
    expect(writesOf(fake)).toStrictEqual(before);
    fake.put(SECRETS, { metadata: { name: "key" }, type: "Opaque" });
    await turn();
    expect(conditions()).toStrictEqual(FINE);
  });

  it("can serve without a budget that the API server refuses, and says so", async () => {
    const { fake, turn, run, conditions } = await createReady();
    await turn();
    fake.intercept = ({ method, path }, response) => {
      const isRefused = method === "PATCH" && path.includes("/poddisruptionbudgets/");
      if (isRefused) {
        sendStatus(response, 403, "Forbidden");
      }
      return isRefused;
    };
    putFunction(fake, "resize", {
      spec: { secrets: ["key"], replicas: 2 },
      extra: { status: fake.objects.get(`${FUNCTIONS}/resize`)?.["status"] },
    });
    await run(2);
    expect(await turn()).toBe(15_000);
    expect(conditions()[0]).toMatch(/^Ready True/);
    expect(conditions()[2]).toBe("Degraded True Forbidden");
    fake.intercept = () => false;
    await turn();
    expect(conditions()[2]).toBe("Degraded False AsExpected");
  });

  it("asks why a pod hangs that is created beside it, and for another turn before", async () => {
    const { fake, clock, turn, run, conditions } = await createReady();
    await turn();
    fake.put(PODS, {
      metadata: { name: "resize-2", uid: "pod-2", labels: { [LABEL.function]: "resize" } },
      status: { phase: "Pending", conditions: [{ type: "PodScheduled", status: "True" }] },
    });
    putFunction(fake, "resize", {
      spec: { secrets: ["key"], replicas: 2 },
      extra: { status: fake.objects.get(`${FUNCTIONS}/resize`)?.["status"] },
    });
    await run(2);
    expect(await turn()).toBe(5000);
    expect(conditions().slice(0, 3)).toStrictEqual([
      ...["Ready True Scaling", "Progressing True RollingOut", "Degraded False AsExpected"],
    ]);
    const event = { metadata: {}, reason: "FailedMount", message: "no such volume" };
    fake.intercept = ({ method, path }, response) => {
      const isAsked = method === "GET" && path.endsWith("/events");
      if (isAsked) {
        response.end(JSON.stringify({ items: [event] }));
      }
      return isAsked;
    };
    clock.now = 5000;
    await turn();
    expect(conditions()[2]).toBe("Degraded True FailedMount");
  });
});
