/** The autoscaler over the small Kubernetes API, with a gateway that a test plays. */
import { type afterEach, expect } from "@jest/globals";
import type { GatewayLoads } from "../../../../../contract/gateway-loads.ts";
import { Registry } from "../../../../../services/lib/metrics.ts";
import { AutoscalerController } from "../../../../../services/operator/controllers/autoscaler/controller.ts";
import { ScaleDecisions } from "../../../../../services/operator/scale-decisions.ts";
import { collectCleanups } from "../../../../support/cleanup.ts";
import { FakeGateway, locateGateway } from "../../../../support/fake-gateway.ts";
import type { FakeKubernetes } from "../../../../support/fake-kubernetes.ts";
import { FUNCTIONS } from "../../../../support/function-objects.ts";
import { useWorlds, withoutLead, type World } from "../../world.ts";

/** The function of most tests. */
export const NAME = "resize.openfaas-fn";
export const KEY = "openfaas-fn/resize";
export const SCALE = `${FUNCTIONS}/resize/scale`;

export const HOUR = 3_600_000;

/** Labels of a scale, part of a spec. @param values - by the last part of their names */
export const labels = (values: Record<string, string>): { labels: Record<string, string> } => ({
  labels: Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`com.openfaas.scale.${name}`, value]),
  ),
});

/** One that looks when a test has it look. */
export interface Autoscaler extends World {
  gateway: FakeGateway;
  decisions: ScaleDecisions;
  registry: Registry;
  clock: { now: number; wall: number };
  usage: Map<string, { cpu: number; pods: number }>;
  answers: Map<string, number | Error>;
  changed: string[];
  /** A second later it looks, at what the gateway says then. */
  look: (load?: Partial<GatewayLoads>) => Promise<void>;
  /** The same, and waits for nothing that it begins to write. */
  lookOnly: (load?: Partial<GatewayLoads>) => Promise<void>;
  /** Waits for what is being written. */
  settle: () => Promise<void>;
  /** So many calls a second from now on, for so many seconds. */
  call: (rps: number, seconds: number) => Promise<void>;
  replicas: (name?: string) => number | undefined;
}

/** Returns what starts one beside a fake that `prepare` fills before. */
export function useAutoscalers(hook: typeof afterEach) {
  const atEnd = collectCleanups(hook);
  const createWorld = useWorlds(hook);
  return async (prepare: (fake: FakeKubernetes) => void, isLeading = true): Promise<Autoscaler> => {
    const world = await createWorld(prepare);
    const gateway = await FakeGateway.start();
    atEnd(() => gateway.stop());
    return start({ world: isLeading ? world : withoutLead(world), gateway, atEnd });
  };
}

interface Start {
  world: World;
  gateway: FakeGateway;
  atEnd: ReturnType<typeof collectCleanups>;
}

async function start({ world, gateway, atEnd }: Start): Promise<Autoscaler> {
  const decisions = new ScaleDecisions();
  const registry = new Registry();
  const clock = { now: 0, wall: Date.parse("2027-01-04T05:00:00Z") };
  const usage = new Map<string, { cpu: number; pods: number }>();
  const answers = new Map<string, number | Error>();
  const changed: string[] = [];
  decisions.on("change", (key) => changed.push(key));
  const controller = new AutoscalerController({
    ...{ ...world, decisions, registry, logger: world.log.logger },
    identity: "operator-1",
    gateways: () => [gateway.endpoint],
    locateGateway,
    readUsage: () => Promise.resolve(usage),
    prometheus: {
      querySum: async (query) => {
        const answer = answers.get(query);
        return answer instanceof Error ? Promise.reject(answer) : answer;
      },
      close: () => Promise.resolve(),
    },
    // However busy the machine is.
    ...{ gatewayTimeoutMs: 60_000, writeTimeoutMs: 60_000 },
    now: () => clock.now,
    wallNow: () => clock.wall,
  });
  atEnd(() => controller.close());
  await world.informers.start();
  let started = 0;
  const lookOnly: Autoscaler["lookOnly"] = async (load = {}) => {
    clock.now += 1000;
    clock.wall += 1000;
    gateway.answer = { ageMs: HOUR + clock.now, functions: {}, ...load };
    expect(await controller.reconcile()).toStrictEqual({ requeueAfterMs: 1000 });
  };
  const settle = async (): Promise<void> => {
    await controller.settle();
    await world.fake.settle();
  };
  const look: Autoscaler["look"] = async (load) => {
    await lookOnly(load);
    await settle();
  };
  const call: Autoscaler["call"] = async (rps, seconds) => {
    for (let second = 0; second < seconds; second++) {
      started += rps;
      await look({ functions: { [NAME]: [started, rps > 0 ? 1 : 0, 0, 0] } });
    }
  };
  const replicas: Autoscaler["replicas"] = (name = "resize") =>
    (world.fake.objects.get(`${FUNCTIONS}/${name}`)?.["spec"] as { replicas?: number }).replicas;
  return {
    ...{ ...world, gateway, decisions, registry, clock, usage, answers, changed },
    ...{ look, lookOnly, settle, call, replicas },
  };
}

/** Events that were written, in their order. */
export const eventsOf = ({ fake }: World): unknown[] =>
  fake.requests
    .filter(({ method, path }) => method === "POST" && path.endsWith("/events"))
    .map(({ body }) => {
      const { type, reason, message } = body as Record<string, string>;
      return { type, reason, message };
    });

/** Value of a line of the metrics. */
export async function valueOf({ registry }: Autoscaler, line: string): Promise<string | undefined> {
  const text = await registry.metrics();
  return text
    .split("\n")
    .find((each) => each.startsWith(`${line} `))
    ?.slice(line.length + 1);
}
