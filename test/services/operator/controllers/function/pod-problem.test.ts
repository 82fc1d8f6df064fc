import { describe, expect, it } from "@jest/globals";
import { findProblem } from "../../../../../services/operator/controllers/function/pod-problem.ts";
import { makeDeployment, makePod } from "./functions.ts";

describe("findProblem", () => {
  it.each([
    ["a pod that starts", { state: { waiting: { reason: "ContainerCreating" } } }, undefined],
    ["a pod that has no state yet", {}, undefined],
    ["a pod that runs, not ready yet", { state: { running: {} } }, undefined],
    [
      "a crash",
      {
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s restarting" } },
        lastState: {
          terminated: { exitCode: 1, message: "Error: x\n    at y\nwatchdog: failed to load: x\n" },
        },
      },
      { reason: "CrashLoopBackOff", message: "watchdog: failed to load: x (exit code 1)" },
    ],
    [
      "a crash without any output",
      { state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: {} },
      { reason: "CrashLoopBackOff", message: "the container has ended" },
    ],
    [
      "the first crash, before the back-off",
      { state: { terminated: { exitCode: 2, reason: "Error", message: "bad flag" } } },
      { reason: "Error", message: "bad flag (exit code 2)" },
    ],
    [
      "too little memory",
      { state: { terminated: { exitCode: 137, reason: "OOMKilled" } } },
      { reason: "OOMKilled", message: "out of memory" },
    ],
    [
      "a pod that comes back after crashes",
      {
        state: { running: {} },
        restartCount: 2,
        lastState: { terminated: { exitCode: 1, message: "boom" } },
      },
      { reason: "Restarting", message: "restarted 2 times; boom (exit code 1)" },
    ],
    [
      "an image that cannot be had",
      { state: { waiting: { reason: "ErrImagePull", message: "rpc error:\n  not found" } } },
      { reason: "ErrImagePull", message: "rpc error: not found" },
    ],
  ])("of %s tells %j", (_case, container, expected) => {
    expect(findProblem(undefined, [makePod(container)])).toStrictEqual(expected);
  });

  it("tells why no node takes a pod", () => {
    const pod = makePod({});
    pod.status = {
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" },
      ],
    };
    expect(findProblem(undefined, [pod])).toStrictEqual({
      reason: "FailedScheduling",
      message: "0/1 nodes",
    });
  });

  it("tells of an evicted pod", () => {
    const pod = makePod({});
    pod.status = { phase: "Failed", reason: "Evicted", message: "low on memory" };
    expect(findProblem(undefined, [pod])).toStrictEqual({
      reason: "Evicted",
      message: "low on memory",
    });
  });

  it.each([
    ["pods is forbidden: exceeded quota: small", "QuotaExceeded"],
    ["pods is forbidden: violates PodSecurity", "FailedCreate"],
  ])("tells why pods cannot be created: %s", (message, reason) => {
    const condition = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
    expect(findProblem(makeDeployment(1, { conditions: [condition] }), [])).toStrictEqual({
      reason,
      message,
    });
  });

  it("tells that pods do not come in time, where they say nothing themselves", () => {
    const late = {
      ...{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" },
      message: "ReplicaSet has timed out progressing.",
    };
    const deployment = makeDeployment(1, { conditions: [late] });
    expect(findProblem(deployment, [makePod({})])).toStrictEqual({
      reason: "ProgressDeadlineExceeded",
      message: "ReplicaSet has timed out progressing.",
    });
    expect(findProblem(makeDeployment(1, { conditions: [{ ...late, status: "True" }] }), [])).toBe(
      undefined,
    );
  });

  it("tells why a pod has no containers yet, of that pod alone", () => {
    const pod = makePod({ state: { waiting: { reason: "ContainerCreating" } } });
    pod.metadata.uid = "pod-1";
    const said = { reason: "FailedMount", message: 'secret "key"\nnot found' };
    expect(findProblem(undefined, [pod], { podUid: "pod-1", ...said })).toStrictEqual({
      reason: "FailedMount",
      message: 'secret "key" not found',
    });
    expect(findProblem(undefined, [pod], { podUid: "pod-2", ...said })).toBeUndefined();
  });

  it("looks at the newest pod first, and at none that is on its way out", () => {
    const old = makePod({ state: { waiting: { reason: "ErrImagePull", message: "old" } } });
    const newest = makePod({ state: { waiting: { reason: "ErrImagePull", message: "new" } } });
    newest.metadata.creationTimestamp = "2026-01-02T00:00:00Z";
    expect(findProblem(undefined, [old, newest])?.message).toBe("new");
    newest.metadata.deletionTimestamp = "2026-01-03T00:00:00Z";
    expect(findProblem(undefined, [old, newest])?.message).toBe("old");
  });

  it("cuts a very long message", () => {
    const pod = makePod({ state: { waiting: { reason: "X", message: "y".repeat(5000) } } });
    expect(findProblem(undefined, [pod])?.message).toHaveLength(1001);
  });
});
