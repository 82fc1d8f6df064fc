import { describe, expect, it } from "@jest/globals";
import { toStatus } from "../../../../../services/operator/controllers/function/status.ts";
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
      ],
    });
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

  it("gives the pods' own reason", () => {
    const deployment = makeDeployment(1, { replicas: 1, updatedReplicas: 1 });
    const pods = [
      makePod({ state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } }),
    ];
    expect(readyOf({ deployment, pods })).toStrictEqual([
      "False",
      "ImagePullBackOff",
      "no such image",
    ]);
  });
});
