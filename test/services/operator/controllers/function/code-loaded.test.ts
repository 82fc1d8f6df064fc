/** The condition CodeLoaded. */
import { describe, expect, it } from "@jest/globals";
import { judgeCodeLoaded } from "../../../../../services/operator/controllers/function/code-loaded.ts";
import type { Observation } from "../../../../../services/operator/controllers/function/observation.ts";
import type { ContainerStatus, Pod } from "../../../../../services/operator/kubernetes/types.ts";
import { makeFunction, makePod } from "./functions.ts";

const code = { configMap: "resize-1" };
const SUBJECT = "index.mjs of ConfigMap resize-1";
const LOADED = `${SUBJECT} is loaded`;

function podOf(configMap: string, container: Partial<ContainerStatus>, entry = "index.mjs"): Pod {
  const env = [{ name: "PLONK_FUNCTION_MODULE", value: `/home/app/function/${entry}` }];
  const volumes = [{ configMap: { name: configMap } }];
  return { ...makePod(container), spec: { volumes, containers: [{ env }] } };
}

/** With a sidecar that is ready. */
function beside(pod: Pod): Pod {
  const { containerStatuses = [] } = pod.status ?? {};
  const proxy = { name: "proxy", ready: true, state: {} };
  return { ...pod, status: { ...pod.status, containerStatuses: [proxy, ...containerStatuses] } };
}

function judge(observation: Partial<Observation>, before?: { status: "True"; message: string }) {
  const conditions = before && [
    {
      type: "CodeLoaded",
      reason: "Loaded",
      lastTransitionTime: "2026-01-01T00:00:00Z",
      observedGeneration: 1,
      ...before,
    },
  ];
  const resource = makeFunction({ code }, conditions && { status: { conditions } });
  const found = judgeCodeLoaded(resource, {
    deployment: undefined,
    pods: [],
    problem: undefined,
    ...observation,
  });
  return found && [found.status, found.reason, found.message];
}

const RUNNING = { ready: true, state: { running: {} } };
const CRASHED = {
  restartCount: 1,
  state: { waiting: { reason: "CrashLoopBackOff" } },
  lastState: {
    terminated: { exitCode: 1, message: "x\nwatchdog: index.mjs: expected a handler, got none\n" },
  },
};
const CRASH = "watchdog: index.mjs: expected a handler, got none (exit code 1)";
const GONE = { reason: "CodeNotFound", message: "spec.code.configMap: expected one" };

describe("CodeLoaded", () => {
  it("is no condition of a Function without code", () => {
    const observation = { deployment: undefined, pods: [], problem: undefined };
    expect(judgeCodeLoaded(makeFunction(), observation)).toBeUndefined();
  });

  it.each<[string, Partial<Observation>, string[]]>([
    ["a pod answers", { pods: [podOf("resize-1", RUNNING)] }, ["True", "Loaded", LOADED]],
    [
      "one of two pods answers",
      { pods: [podOf("resize-1", CRASHED), podOf("resize-1", RUNNING)] },
      ["True", "Loaded", LOADED],
    ],
    [
      "only pods of other code answer",
      { pods: [podOf("resize-0", RUNNING)] },
      ["Unknown", "NoPods", `${SUBJECT} was not loaded: it has no pod`],
    ],
    [
      "only pods of another module of it answer",
      { pods: [podOf("resize-1", RUNNING, "other.mjs")] },
      ["Unknown", "NoPods", `${SUBJECT} was not loaded: it has no pod`],
    ],
    [
      "a sidecar of its pod is ready, and it is not",
      { pods: [beside(podOf("resize-1", CRASHED))] },
      ["False", "CrashLoopBackOff", `${SUBJECT} is not loaded: ${CRASH}`],
    ],
    [
      "its pod has not said anything",
      { pods: [podOf("resize-1", { state: { running: {} } })] },
      ["Unknown", "Loading", `${SUBJECT} is not loaded yet`],
    ],
    [
      "its pod ends",
      { pods: [podOf("resize-1", CRASHED), podOf("resize-0", RUNNING)] },
      ["False", "CrashLoopBackOff", `${SUBJECT} is not loaded: ${CRASH}`],
    ],
    [
      "there is no such code",
      { problem: GONE },
      ["False", "CodeNotFound", `${SUBJECT} is not loaded: ${GONE.message}`],
    ],
    [
      "it has gone",
      { lost: GONE },
      ["False", "CodeNotFound", `${SUBJECT} is not loaded: ${GONE.message}`],
    ],
    [
      "something else is wrong",
      { problem: { reason: "InvalidSpec", message: "x" } },
      ["Unknown", "NoPods", `${SUBJECT} was not loaded: it has no pod`],
    ],
  ])("says that %s", (_, observation, expected) => {
    expect(judge(observation)).toEqual(expected);
  });

  it("stays while pods are busy, when they end and when they are gone, but not without code", () => {
    const before = { status: "True", message: LOADED } as const;
    const busy = podOf("resize-1", { state: { running: {} } });
    expect(judge({ pods: [busy] }, before)).toEqual(["True", "Loaded", LOADED]);
    expect(judge({}, before)).toEqual(["True", "Loaded", LOADED]);
    expect(judge({ pods: [podOf("resize-1", CRASHED)] }, before)?.[0]).toBe("True");
    expect(judge({ lost: GONE }, before)?.[0]).toBe("False");
  });

  it("of other code says nothing of this one", () => {
    const message = "index.mjs of ConfigMap resize-10 is loaded";
    expect(judge({}, { status: "True", message })?.[0]).toBe("Unknown");
  });
});
