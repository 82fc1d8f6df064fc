import { describe, expect, it } from "@jest/globals";
import { toStatus } from "../../../../../services/operator/controllers/function/status.ts";
import type { Deployment, Pod } from "../../../../../services/operator/kubernetes/types.ts";
import { makeDeployment, makeFunction, makePod } from "./functions.ts";

const NOW = new Date("2026-02-03T04:05:06.789Z");

const readyOf = (observation: Partial<Parameters<typeof toStatus>[1]>) => {
  const status = toStatus(makeFunction(), {
    deployment: undefined,
    pods: [],
    problem: undefined,
    now: NOW,
    ...observation,
  });
  const { status: ready, reason, message } = status.conditions?.[0] ?? {};
  return [ready, reason, message];
};

describe("toStatus", () => {
  it("has all that the scale subresource and readers of conditions need", () => {
    const deployment = makeDeployment(2, { replicas: 2, updatedReplicas: 2, availableReplicas: 2 });
    const observation = { deployment, pods: [], problem: undefined, now: NOW };
    expect(toStatus(makeFunction(), observation)).toStrictEqual({
      observedGeneration: 3,
      replicas: 2,
      availableReplicas: 2,
      selector: "faas_function=resize",
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "Available",
          message: "2 of 2 replicas are ready",
          lastTransitionTime: "2026-02-03T04:05:06Z",
          observedGeneration: 3,
        },
        {
          type: "Progressing",
          status: "False",
          reason: "Complete",
          message: "nothing is under way",
          lastTransitionTime: "2026-02-03T04:05:06Z",
          observedGeneration: 3,
        },
        {
          type: "Degraded",
          status: "False",
          reason: "AsExpected",
          message: "no problem is known",
          lastTransitionTime: "2026-02-03T04:05:06Z",
          observedGeneration: 3,
        },
        {
          type: "Scaled",
          status: "True",
          reason: "WithinLimits",
          message: "2 of 2 replicas are available",
          lastTransitionTime: "2026-02-03T04:05:06Z",
          observedGeneration: 3,
        },
      ],
    });
  });

  it("keeps the times of those conditions whose status is the same, whatever they say", () => {
    const observe = (deployment: Deployment, resource = makeFunction(), now = NOW) =>
      toStatus(resource, { deployment, pods: [], problem: undefined, now });
    const all = makeDeployment(1, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
    const more = makeDeployment(5, { replicas: 5, updatedReplicas: 5, availableReplicas: 1 });
    const resource = makeFunction({}, { status: observe(all) });
    const later = observe(more, resource, new Date("2026-02-03T05:00:00Z"));
    expect(
      later.conditions?.map(({ type, reason, lastTransitionTime }) => [
        ...[type, reason, lastTransitionTime.slice(11, 16)],
      ]),
    ).toStrictEqual([
      ["Ready", "Scaling", "04:05"],
      ["Progressing", "RollingOut", "05:00"],
      ["Degraded", "AsExpected", "04:05"],
      ["Scaled", "TooFewReplicas", "05:00"],
    ]);
    expect(observe(more, makeFunction({}, { status: later }))).toStrictEqual(later);
  });

  it("keeps the time of a condition whose status is the same", () => {
    const status = {
      conditions: [
        {
          type: "Ready",
          status: "False" as const,
          reason: "Progressing",
          message: "",
          lastTransitionTime: "2025-01-01T00:00:00Z",
          observedGeneration: 2,
        },
      ],
    };
    const resource = makeFunction({}, { status });
    const observation = { deployment: undefined, pods: [], now: NOW };
    const problem = { reason: "InvalidSpec", message: "bad" };
    expect(toStatus(resource, { ...observation, problem }).conditions?.[0]).toStrictEqual({
      type: "Ready",
      status: "False",
      reason: "InvalidSpec",
      message: "bad",
      lastTransitionTime: "2025-01-01T00:00:00Z",
      observedGeneration: 3,
    });
  });

  it("is ready with no replicas, if none are wanted", () => {
    expect(readyOf({ deployment: makeDeployment(0) })).toStrictEqual([
      "True",
      "ScaledToZero",
      "ready to start, 0 replicas",
    ]);
  });

  it("says what keeps the operator from going on before anything else", () => {
    const deployment = makeDeployment(1, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
    const problem = { reason: "SecretNotFound", message: "expected a Secret" };
    expect(readyOf({ deployment, problem })).toStrictEqual([
      "False",
      "SecretNotFound",
      "expected a Secret",
    ]);
  });

  it.each([
    ["there is no Deployment yet", undefined, "the Deployment is being updated"],
    [
      "the Deployment's status is of an older generation",
      makeDeployment(1, { observedGeneration: 1, replicas: 1, availableReplicas: 1 }),
      "the Deployment is being updated",
    ],
    [
      "an old replica still serves",
      makeDeployment(1, { replicas: 2, updatedReplicas: 1, availableReplicas: 2 }),
      "1 of 1 replicas are ready",
    ],
    [
      "only old replicas are available",
      makeDeployment(2, { replicas: 2, updatedReplicas: 0, availableReplicas: 2 }),
      "0 of 2 replicas are ready",
    ],
    [
      "a replica is missing",
      makeDeployment(3, { replicas: 3, updatedReplicas: 3, availableReplicas: 2 }),
      "2 of 3 replicas are ready",
    ],
  ])("is not ready while %s", (_case, deployment, message) => {
    expect(readyOf({ deployment })).toStrictEqual(["False", "Progressing", message]);
  });

  describe("of a function that was ready", () => {
    const ready = {
      ...{ type: "Ready", status: "True" as const, reason: "Available", message: "" },
      ...{ lastTransitionTime: "2025-01-01T00:00:00Z", observedGeneration: 2 },
    };
    const again = (deployment: Deployment, pods: Pod[] = []) => {
      const resource = makeFunction({}, { status: { conditions: [ready] } });
      const { conditions } = toStatus(resource, { deployment, pods, problem: undefined, now: NOW });
      const { status, reason, message, lastTransitionTime } = conditions?.[0] ?? {};
      return [status, reason, message, lastTransitionTime];
    };
    const failing = makePod({ state: { waiting: { reason: "ErrImagePull", message: "gone" } } });

    it("stays ready while replicas are added", () => {
      const deployment = makeDeployment(5, {
        replicas: 5,
        updatedReplicas: 5,
        availableReplicas: 1,
      });
      expect(again(deployment)).toStrictEqual([
        ...["True", "Scaling", "1 of 5 replicas are ready", "2025-01-01T00:00:00Z"],
      ]);
    });

    it("stays ready while one pod of several fails, and says why", () => {
      const deployment = makeDeployment(2, {
        replicas: 2,
        updatedReplicas: 2,
        availableReplicas: 1,
      });
      expect(again(deployment, [failing]).slice(0, 3)).toStrictEqual([
        ...["True", "Degraded", "1 of 2 replicas are ready; ErrImagePull: gone"],
      ]);
    });

    it("stays ready in the moment in which only its replicas are new", () => {
      const counts = { replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
      const deployment = makeDeployment(5, { observedGeneration: 1, ...counts });
      const resource = makeFunction({}, { status: { conditions: [ready] } });
      const observe = (isSameTemplate: boolean) => {
        const observation = { deployment, pods: [], problem: undefined, isSameTemplate, now: NOW };
        const { status, reason, message } = toStatus(resource, observation).conditions?.[0] ?? {};
        return [status, reason, message];
      };
      expect(observe(true)).toStrictEqual(["True", "Scaling", "1 of 5 replicas are ready"]);
      expect(observe(false)).toStrictEqual([
        ...["False", "Progressing", "the Deployment is being updated"],
      ]);
    });

    it.each([
      ["all its pods run", [2, 2], ["True", "Available", "2 of 2 replicas are ready"]],
      [
        "some of its pods run",
        [2, 1],
        ["True", "Degraded", "1 of 2 replicas are ready; SecretNotFound: gone"],
      ],
      ["none of its pods runs", [2, 0], ["False", "SecretNotFound", "gone"]],
      ["it has no pods", [0, 0], ["False", "SecretNotFound", "gone"]],
    ])("and has lost a secret, where %s", (_where, [wanted = 0, available = 0], expected) => {
      const counts = { replicas: wanted, updatedReplicas: wanted, availableReplicas: available };
      const lost = { reason: "SecretNotFound", message: "gone" };
      const status = toStatus(makeFunction({}, { status: { conditions: [ready] } }), {
        ...{ deployment: makeDeployment(wanted, counts), pods: [], problem: undefined, lost },
      });
      const [first, , degraded] = status.conditions ?? [];
      expect([first?.status, first?.reason, first?.message]).toStrictEqual(expected);
      expect(degraded).toMatchObject({ type: "Degraded", status: "True", ...lost });
    });

    it.each([
      ["no pod serves", { replicas: 1, updatedReplicas: 1, availableReplicas: 0 }],
      [
        "new pods take the place of old ones",
        { replicas: 3, updatedReplicas: 1, availableReplicas: 3 },
      ],
    ])("is not ready when %s", (_when, counts) => {
      expect(again(makeDeployment(2, counts))[0]).toBe("False");
    });
  });

  it("gives the pods' own reason", () => {
    const deployment = makeDeployment(1, { replicas: 1, updatedReplicas: 1 });
    const pods = [
      makePod({ state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } }),
    ];
    expect(readyOf({ deployment, pods })).toStrictEqual(["False", "ErrImagePull", "no such image"]);
  });
});
