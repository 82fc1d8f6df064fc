import { describe, expect, it } from "@jest/globals";
import {
  judgeDegraded,
  judgeProgressing,
  judgeScaled,
} from "../../../../../services/operator/controllers/function/conditions.ts";
import type { Observation } from "../../../../../services/operator/controllers/function/observation.ts";
import type { Deployment } from "../../../../../services/operator/kubernetes/types.ts";
import { makeDeployment, makeFunction, makePod } from "./functions.ts";

const observe = (
  deployment: Deployment | undefined,
  rest: Partial<Observation> = {},
): Observation => ({ deployment, pods: [], problem: undefined, ...rest });

/** As many replicas as wanted exist, of which so many are ready. */
const running = (wanted: number, available: number, rest: Deployment["status"] = {}) =>
  makeDeployment(wanted, {
    ...{ replicas: wanted, updatedReplicas: wanted, availableReplicas: available },
    ...rest,
  });

const rollout = (status: string, reason: string, message = "") => ({
  conditions: [{ type: "Progressing", status, reason, message }],
});

const ONCE_COMPLETE = rollout("True", "NewReplicaSetAvailable");
const LATE = rollout("False", "ProgressDeadlineExceeded", "ReplicaSet has timed out.");
const NO_SECRET = { reason: "SecretNotFound", message: "expected a Secret, got none" };
const CRASH = makePod({
  state: { waiting: { reason: "CrashLoopBackOff" } },
  lastState: { terminated: { exitCode: 3, message: "no module" } },
});
const COMPLETE = ["False", "Complete", "nothing is under way"];
const UPDATED = "the Deployment is being updated";

describe("Progressing", () => {
  it.each([
    ["nothing was applied yet", observe(undefined), ["True", "RollingOut", UPDATED]],
    [
      "the Deployment's status is about another spec",
      observe(running(1, 1, { observedGeneration: 1 })),
      ["True", "RollingOut", UPDATED],
    ],
    [
      "it is about other replicas",
      observe(running(5, 1, { observedGeneration: 1 }), { isSameTemplate: true }),
      ["True", "Scaling", UPDATED],
    ],
    [
      "the first pod is to come",
      observe(running(1, 0, rollout("True", "ReplicaSetUpdated"))),
      ["True", "RollingOut", "0 of 1 replicas are ready"],
    ],
    [
      "an old pod is there",
      observe(running(1, 2, { replicas: 2 })),
      ["True", "RollingOut", "1 of 1 replicas are ready"],
    ],
    [
      "pods are added",
      observe(running(5, 1, ONCE_COMPLETE)),
      ["True", "Scaling", "1 of 5 replicas are ready"],
    ],
    [
      "pods are to go",
      observe(running(2, 5, { replicas: 5, updatedReplicas: 5, ...ONCE_COMPLETE })),
      ["True", "Scaling", "2 of 2 replicas are ready"],
    ],
    ["all is there", observe(running(3, 3)), COMPLETE],
    ["nothing is wanted", observe(running(0, 0)), COMPLETE],
    [
      "a rollout does not end",
      observe(running(1, 0, LATE)),
      [
        ...["False", "ProgressDeadlineExceeded"],
        "0 of 1 replicas are ready; ReplicaSet has timed out.",
      ],
    ],
    [
      "a scaling does not end",
      observe(running(5, 1, ONCE_COMPLETE), { isOverdue: true }),
      [
        ...["False", "ProgressDeadlineExceeded"],
        "1 of 5 replicas are ready; no progress for longer than a rollout may take",
      ],
    ],
    [
      "something keeps it from being applied",
      observe(running(1, 1), { problem: NO_SECRET }),
      ["False", NO_SECRET.reason, NO_SECRET.message],
    ],
  ])("while %s", (_when, observation, expected) => {
    expect(Object.values(judgeProgressing(observation))).toStrictEqual(expected);
  });
});

describe("Degraded", () => {
  const NOTHING = ["False", "AsExpected", "no problem is known"];

  it.each([
    ["nothing was applied yet", observe(undefined), NOTHING],
    ["all is there, whatever a pod that is left says", observe(running(1, 1)), NOTHING],
    [
      "pods are added that say nothing yet",
      observe(running(5, 1), { pods: [makePod({})] }),
      NOTHING,
    ],
    [
      "one of several pods crashes",
      observe(running(2, 1), { pods: [CRASH] }),
      ["True", "CrashLoopBackOff", "no module (exit code 3)"],
    ],
    [
      "a pod of the revision before crashes",
      observe(running(1, 0, { observedGeneration: 1, ...LATE }), { pods: [CRASH] }),
      ["True", "CrashLoopBackOff", "no module (exit code 3)"],
    ],
    [
      "only the revision before was late",
      observe(running(1, 0, { observedGeneration: 1, ...LATE })),
      NOTHING,
    ],
    [
      "a rollout does not end, and no pod says why",
      observe(running(1, 0, LATE)),
      ["True", "ProgressDeadlineExceeded", "ReplicaSet has timed out."],
    ],
    [
      "a scaling does not end, and no pod says why",
      observe(running(2, 1, ONCE_COMPLETE), { isOverdue: true }),
      [
        ...["True", "ProgressDeadlineExceeded"],
        "1 of 2 replicas are ready; no progress for longer than a rollout may take",
      ],
    ],
    [
      "all pods run, and what new ones need has gone",
      observe(running(2, 2), { lost: NO_SECRET }),
      ["True", NO_SECRET.reason, NO_SECRET.message],
    ],
    [
      "something keeps it from being applied",
      observe(undefined, { problem: NO_SECRET }),
      ["True", NO_SECRET.reason, NO_SECRET.message],
    ],
  ])("while %s", (_when, observation, expected) => {
    expect(Object.values(judgeDegraded(observation))).toStrictEqual(expected);
  });
});

describe("Scaled", () => {
  const limits = (min: number, max: number) => ({
    labels: { "com.openfaas.scale.min": `${min}`, "com.openfaas.scale.max": `${max}` },
  });

  it.each([
    [3, {}, ["True", "WithinLimits", "3 of 3 replicas are available"]],
    [1, {}, ["True", "AtMinimum", "1 of 1 replicas are available; the minimum is 1"]],
    [20, {}, ["True", "AtMaximum", "20 of 20 replicas are available; the maximum is 20"]],
    [
      ...([2, limits(2, 2)] as const),
      ["True", "AtMaximum", "2 of 2 replicas are available; the minimum is 2; the maximum is 2"],
    ],
    [0, {}, ["True", "ScaledToZero", "0 of 0 replicas are available; the minimum is 1"]],
    [9, limits(1, 4), ["True", "AtMaximum", "9 of 9 replicas are available; the maximum is 4"]],
  ])("with all of %i replicas, and the labels %j", (replicas, spec, expected) => {
    const resource = makeFunction({ replicas, ...spec });
    const state = judgeScaled(resource, observe(running(replicas, replicas)));
    expect(Object.values(state)).toStrictEqual(expected);
  });

  it.each([
    ["there is no Deployment", undefined, ["False", "NotDeployed", "there is no Deployment"]],
    [
      ...(["the Deployment has not heard of it", running(1, 1)] as const),
      ["False", "TooFewReplicas", "1 of 4 replicas are available; the maximum is 4"],
    ],
    [
      ...(["one is not ready", running(4, 3)] as const),
      ["False", "TooFewReplicas", "3 of 4 replicas are available; the maximum is 4"],
    ],
    [
      ...(["one is to go", running(4, 5, { replicas: 5, updatedReplicas: 5 })] as const),
      ["False", "TooManyReplicas", "4 of 4 replicas are available; the maximum is 4"],
    ],
    [
      ...(["one is there for a rollout", running(4, 4, { replicas: 5 })] as const),
      ["True", "AtMaximum", "4 of 4 replicas are available; the maximum is 4"],
    ],
  ])("while %s", (_when, deployment, expected) => {
    const resource = makeFunction({ replicas: 4, ...limits(1, 4) });
    expect(Object.values(judgeScaled(resource, observe(deployment)))).toStrictEqual(expected);
  });

  const LAST = "last change: LoadRose: from 1 to 3 replicas, as rps is 130 (45 for each)";
  const before = (message: string) => ({
    status: {
      conditions: [
        {
          ...{ type: "Scaled", status: "True" as const, reason: "WithinLimits", message },
          ...{ lastTransitionTime: "", observedGeneration: 1 },
        },
      ],
    },
  });
  const judge = (labels: Record<string, string>, news: Observation["scaling"], message = "") =>
    judgeScaled(
      makeFunction({ replicas: 3, labels }, before(message)),
      observe(running(3, 3), { scaling: news }),
    );
  const byLoad = { "com.openfaas.scale.type": "rps" };
  const last = LAST.replace("last change: ", "");

  it("tells what was decided last of a function that its load scales", () => {
    expect(judge(byLoad, { last })).toStrictEqual({
      status: "True",
      reason: "WithinLimits",
      message: `3 of 3 replicas are available; ${LAST}`,
    });
  });

  it("keeps what another instance has decided, and nothing where alerts scale it", () => {
    const message = `1 of 1 replicas are available; the minimum is 1; ${LAST}`;
    expect(judge(byLoad, undefined, message).message).toBe(
      `3 of 3 replicas are available; ${LAST}`,
    );
    expect(judge({}, { unknown: "rps" }, message)).toMatchObject({
      reason: "WithinLimits",
      message: "3 of 3 replicas are available",
    });
  });

  it("tells of loads that are unknown", () => {
    expect(judge(byLoad, { unknown: "queue, signals[1]", last })).toStrictEqual({
      status: "True",
      reason: "LoadUnknown",
      message:
        "3 of 3 replicas are available; " +
        `there will be no fewer while a load is unknown (queue, signals[1]); ${LAST}`,
    });
  });
});
