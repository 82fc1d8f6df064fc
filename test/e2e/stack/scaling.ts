/** How functions grow under load, and that Kubernetes' own autoscaler has figures to go by. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startLoad } from "../../support/load.ts";
import { SteadyLoad } from "../../support/steady-load.ts";
import { until } from "../../support/until.ts";
import { expectShaped } from "./shaped.ts";

/** To the gateway's API; a body goes as JSON. */
export interface SystemRequest {
  method?: "GET" | "POST" | "DELETE";
  body?: object;
}

/** The stack as far as it is needed. */
export interface ScaledStack {
  /** Output of a kubectl command on its cluster, with standard input as its last argument. */
  kubectl: (args: readonly string[], input?: string) => string;
  gateway: () => string;
  /** Asks the gateway's API, as its administrator. */
  system: (path: string, request?: SystemRequest) => Promise<Response>;
  readFunction: (name: string) => Promise<{ replicas?: number }>;
}

const BUSY = { namespace: "default", name: "busy" };
const minute = 60_000;

/** A Deployment that has nothing to do with functions, with a pod that takes all it is given. */
function toBusyObjects(image: string): string {
  const labels = { app: BUSY.name };
  const container = {
    name: "main",
    image,
    command: ["node", "-e", "for (;;);"],
    resources: { limits: { cpu: "50m", memory: "64Mi" } },
  };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: BUSY,
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        // It hears no signal.
        spec: { containers: [container], terminationGracePeriodSeconds: 0 },
      },
    },
  };
  const autoscaler = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: BUSY,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: BUSY.name },
      maxReplicas: 2,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "AverageValue", averageValue: "20m" } },
        },
      ],
    },
  };
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: [deployment, autoscaler] });
}

/** A function that is called, and a Deployment beside it; each has an autoscaler of its own. */
export function describeScaling(stack: ScaledStack): void {
  const { kubectl } = stack;

  describe("under load", () => {
    beforeAll(() => {
      const path = "jsonpath={.items[0].spec.containers[0].image}";
      const image = kubectl(["-n", "openfaas-fn", "get", "pods", "-o", path]);
      kubectl(["apply", "-f", "-"], toBusyObjects(image));
    });

    afterAll(() => {
      kubectl(["delete", "-n", BUSY.namespace, `deployment/${BUSY.name}`, `hpa/${BUSY.name}`]);
    });

    // Alerts take most of a minute by the clock: the other function has its turn meanwhile.
    it(
      "a function is scaled by Prometheus' alert, another by its own load, and a third has a profile",
      () =>
        Promise.all([expectScaledFunction(stack), expectAutoscaled(stack), expectShaped(stack)]),
      10 * minute,
    );

    it(
      "kubectl top has figures of a function's pods",
      async () => {
        const top = ["-n", "openfaas-fn", "top", "pods", "-l", "faas_function=markdown"];
        const read = (): string => kubectl([...top, "--no-headers"]);
        await readUntil("figures of the function", read, (text) =>
          /^markdown-\S+\s+\d+m\s+[1-9]\d*Mi\s*$/.test(text),
        );
      },
      4 * minute,
    );

    it(
      "a HorizontalPodAutoscaler adds a pod to its Deployment, and none to a function",
      async () => {
        const describeIt = ["-n", BUSY.namespace, "describe", "hpa", BUSY.name];
        const read = (): string => kubectl(describeIt);
        await readUntil("a second pod", read, (text) => /Deployment pods: +2 current/.test(text));
        expect((await stack.readFunction("hello")).replicas).toBe(1);
      },
      4 * minute,
    );
  });
}

async function expectScaledFunction({ gateway, readFunction }: ScaledStack): Promise<void> {
  const waitForReplicas = async (count: number): Promise<void> => {
    const read = async (): Promise<number> => (await readFunction("hello")).replicas ?? 0;
    // Only to end a hang: rates, alerts and their notifications take most of a minute by the clock.
    const deadline = Date.now() + 3 * minute;
    for (let found = await read(); found !== count; found = await read()) {
      if (Date.now() > deadline) {
        throw new Error(`expected ${count} replicas, got ${found}`);
      }
      await sleep(500);
    }
  };
  await waitForReplicas(1);
  const load = startLoad(`${gateway()}/function/hello`, "world");
  try {
    await waitForReplicas(5); // one and a step of 20 % of the default maximum, 20
  } finally {
    expect((await load.stop()).failures).toEqual([]);
  }
  await waitForReplicas(1);
}

const SPIKY = "spiky";

/** Idle to zero; then a load in two steps of which no call fails, and to zero again. */
async function expectAutoscaled({ gateway, system, kubectl }: ScaledStack): Promise<void> {
  const scale = { zero: "true", "zero-duration": "10s", target: "30", max: "3" };
  const labels = Object.fromEntries(
    Object.entries(scale).map(([name, value]) => [`com.openfaas.scale.${name}`, value]),
  );
  const body = { service: SPIKY, code: "export default () => 'well';", labels };
  const deployed = await system("/system/functions", { method: "POST", body });
  expect([200, 202]).toContain(deployed.status);
  const get = ["-n", "openfaas-fn", "get", `functions.openfaas.com/${SPIKY}`, "-o"];
  const untilReplicas = (replicas: number): Promise<void> =>
    until(
      `${replicas} replicas of ${SPIKY}`,
      () =>
        kubectl([...get, "jsonpath={.spec.replicas}/{.status.availableReplicas}"]) ===
        `${replicas}/${replicas}`,
      3 * minute,
    );
  await untilReplicas(0);
  const url = `${gateway()}/function/${SPIKY}`;
  const first = new SteadyLoad({ url, connections: 10, callsPerSecond: 20 });
  await untilReplicas(1);
  const second = new SteadyLoad({ url, connections: 20, callsPerSecond: 80 });
  await untilReplicas(3);
  const scaled = "jsonpath={.status.conditions[?(@.type=='Scaled')].message}";
  expect(kubectl([...get, scaled])).toContain("last change: LoadRose: from ");
  for (const { calls, failed, outcomes } of [await first.stop(), await second.stop()]) {
    expect({ failed, outcomes }).toEqual({ failed: 0, outcomes: { 200: calls } });
  }
  await untilReplicas(0);
  await system("/system/functions", { method: "DELETE", body: { functionName: SPIKY } });
}

/** What kubectl says once it is as expected; what it said last when that never comes. */
async function readUntil(
  what: string,
  read: () => string,
  isExpected: (text: string) => boolean,
): Promise<string> {
  const deadline = Date.now() + 3 * minute;
  const tryRead = (): string => {
    try {
      return read();
    } catch (error) {
      return String(error);
    }
  };
  for (let text = tryRead(); ; text = tryRead()) {
    if (isExpected(text)) {
      return text;
    }
    if (Date.now() > deadline) {
      throw new Error(`expected ${what}, got ${text}`);
    }
    await sleep(1000);
  }
}
