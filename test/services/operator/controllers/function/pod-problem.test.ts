import { describe, expect, it } from "@jest/globals";
import {
  findProblem,
  toRefusal,
} from "../../../../../services/operator/controllers/function/pod-problem.ts";
import { makeDeployment, makePod } from "./functions.ts";

/** In the words of containerd. */
const NO_IMAGE =
  'rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/a/b:1": failed to resolve reference "registry.example/a/b:1": registry.example/a/b:1: not found';

const NOT_PULLED = { reason: "ErrImagePull", message: NO_IMAGE };

const pulling = (reason: string, message: string) => ({ state: { waiting: { reason, message } } });

/** What Kubernetes 1.34 says, and the part of it that a person needs. */
const SAID = {
  quota: [
    'pods "resize-6f7d9c-x2l4k" is forbidden: exceeded quota: small, requested: limits.memory=128Mi,pods=1, used: limits.memory=896Mi,pods=7, limited: limits.memory=1Gi,pods=7',
    "exceeded quota: small, requested: limits.memory=128Mi,pods=1, used: limits.memory=896Mi,pods=7, limited: limits.memory=1Gi,pods=7",
  ],
  noLimits: [
    'pods "resize-6f7d9c-x2l4k" is forbidden: failed quota: small: must specify limits.cpu for: resize; limits.memory for: resize',
    "failed quota: small: must specify limits.cpu for: resize; limits.memory for: resize",
  ],
  limitRange: [
    'pods "resize-6f7d9c-x2l4k" is forbidden: maximum memory usage per Container is 64Mi, but limit is 128Mi',
    "maximum memory usage per Container is 64Mi, but limit is 128Mi",
  ],
  limitRanges: [
    'pods "resize-6f7d9c-x2l4k" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, maximum memory usage per Pod is 64Mi, but limit is 134217728]',
    "minimum cpu usage per Container is 100m, but request is 50m, maximum memory usage per Pod is 64Mi, but limit is 134217728",
  ],
  ratio: [
    'pods "resize-6f7d9c-x2l4k" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000',
    "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
  ],
  security: [
    'pods "resize-6f7d9c-x2l4k" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    'pods "resize-6f7d9c-x2l4k" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
  ],
  service: [
    'services "resize" is forbidden: exceeded quota: few, requested: services=1, used: services=5, limited: services=5',
    "exceeded quota: few, requested: services=1, used: services=5, limited: services=5",
  ],
  rights: [
    'services "resize" is forbidden: User "x" cannot patch resource "services" in API group "" in the namespace "dev"',
    'services "resize" is forbidden: User "x" cannot patch resource "services" in API group "" in the namespace "dev"',
  ],
} satisfies Record<string, [said: string, message: string]>;

describe("toRefusal", () => {
  it.each([
    ["QuotaExceeded", SAID.quota],
    ["QuotaExceeded", SAID.service],
    ["LimitsMissing", SAID.noLimits],
    ["LimitRangeViolated", SAID.limitRange],
    ["LimitRangeViolated", SAID.limitRanges],
    ["LimitRangeViolated", SAID.ratio],
    ["Forbidden", SAID.security],
    ["Forbidden", SAID.rights],
  ])("gives %s, and what a person needs: %j", (reason, [said, message]) => {
    expect(toRefusal("Forbidden", said)).toStrictEqual({ reason, message });
  });
});

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
      { reason: "Crashed", message: "bad flag (exit code 2)" },
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
    ["an image that was just asked for", pulling("ErrImagePull", NO_IMAGE), NOT_PULLED],
    [
      "an image that is asked for again later",
      pulling("ImagePullBackOff", `Back-off pulling image "a/b:1": ErrImagePull: ${NO_IMAGE}`),
      NOT_PULLED,
    ],
    [
      "a registry that is away",
      pulling(
        "ImagePullBackOff",
        'Back-off pulling image "a/b:1": RegistryUnavailable: image pull failed for a/b:1 because the registry is unavailable: x',
      ),
      {
        reason: "RegistryUnavailable",
        message: "image pull failed for a/b:1 because the registry is unavailable: x",
      },
    ],
    [
      "an image, by a kubelet of which nothing more is known",
      pulling("ImagePullBackOff", 'Back-off pulling image "a/b:1"'),
      { reason: "ErrImagePull", message: 'Back-off pulling image "a/b:1"' },
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
    ["QuotaExceeded", SAID.quota],
    ["LimitsMissing", SAID.noLimits],
    ["LimitRangeViolated", SAID.limitRange],
    ["FailedCreate", SAID.security],
  ])("tells why pods cannot be created: %s", (reason, [said, message]) => {
    const condition = {
      ...{ type: "ReplicaFailure", status: "True", reason: "FailedCreate" },
      message: said,
    };
    expect(findProblem(makeDeployment(1, { conditions: [condition] }), [])).toStrictEqual({
      reason,
      message,
    });
  });

  it("tells that pods cannot be created where nothing says why", () => {
    const conditions = [{ type: "ReplicaFailure", status: "True" }];
    expect(findProblem(makeDeployment(1, { conditions }), [])).toStrictEqual({
      reason: "FailedCreate",
      message: "pods cannot be created",
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
