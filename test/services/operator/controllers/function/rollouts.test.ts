import { describe, expect, it } from "@jest/globals";
import { Rollouts } from "../../../../../services/operator/controllers/function/rollouts.ts";
import type { Deployment } from "../../../../../services/operator/kubernetes/types.ts";
import { makeDeployment, makeFunction } from "./functions.ts";

const TEMPLATE = { spec: { containers: [{ image: "a" }] } };

function createRollouts() {
  const clock = { now: 1000 };
  const rollouts = new Rollouts(() => clock.now);
  const look = (
    deployment: Deployment | undefined,
    {
      template = TEMPLATE,
      resource = makeFunction(),
    }: { template?: object; resource?: object } = {},
  ) =>
    rollouts.look({
      ...{ key: "k", resource: resource as ReturnType<typeof makeFunction> },
      ...{ deployment, template },
    });
  return { clock, rollouts, look };
}

const CONDITIONS = [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }];

const scaling = (wanted: number, available: number, observedGeneration = 2) =>
  makeDeployment(wanted, {
    ...{ replicas: wanted, updatedReplicas: wanted, availableReplicas: available },
    ...{ observedGeneration, conditions: CONDITIONS },
  });

describe("Rollouts", () => {
  it("knows the template of the last complete rollout, and no other", () => {
    const { look, rollouts } = createRollouts();
    expect(look(scaling(1, 0)).isSameTemplate).toBe(false);
    expect(look(scaling(1, 1)).isSameTemplate).toBe(true);
    expect(look(scaling(5, 1, 1)).isSameTemplate).toBe(true);
    const template = { spec: { containers: [{ image: "b" }] } };
    expect(look(scaling(5, 5, 1), { template }).isSameTemplate).toBe(false);
    expect(look(scaling(5, 5), { template }).isSameTemplate).toBe(true);
    expect(look(scaling(5, 5, 1)).isSameTemplate).toBe(false);
    rollouts.forget("k");
    expect(look(scaling(5, 5, 1), { template }).isSameTemplate).toBe(false);
  });

  it("tells that a scaling is overdue two minutes after its last progress", () => {
    const { clock, look } = createRollouts();
    expect(look(scaling(5, 1))).toMatchObject({ isOverdue: false, waitMs: 120_000 });
    clock.now += 119_000;
    expect(look(scaling(5, 1))).toMatchObject({ isOverdue: false, waitMs: 1000 });
    expect(look(scaling(5, 2))).toMatchObject({ isOverdue: false, waitMs: 120_000 });
    clock.now += 120_000;
    expect(look(scaling(5, 2))).toStrictEqual({ isSameTemplate: false, isOverdue: true });
    expect(look(scaling(5, 5))).toStrictEqual({ isSameTemplate: true, isOverdue: false });
    expect(look(scaling(6, 5))).toMatchObject({ isOverdue: false, waitMs: 120_000 });
  });

  it("leaves rollouts to the Deployment, and asks for no turn without one", () => {
    const { look } = createRollouts();
    const rolling = makeDeployment(1, { replicas: 1, updatedReplicas: 1 });
    const nothing = { isSameTemplate: false, isOverdue: false };
    expect(look(rolling)).toStrictEqual(nothing);
    expect(look(undefined)).toStrictEqual(nothing);
  });

  it("goes on with what an operator before this one has said, until something changes", () => {
    const { look } = createRollouts();
    const condition = {
      ...{ type: "Progressing", status: "False" as const, reason: "ProgressDeadlineExceeded" },
      ...{ message: "", lastTransitionTime: "2026-01-01T00:00:00Z", observedGeneration: 3 },
    };
    const resource = makeFunction({}, { status: { conditions: [condition] } });
    expect(look(scaling(5, 1), { resource }).isOverdue).toBe(true);
    expect(look(scaling(5, 2), { resource }).isOverdue).toBe(false);
  });
});
