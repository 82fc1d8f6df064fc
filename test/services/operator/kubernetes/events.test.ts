import { describe, expect, it } from "@jest/globals";
import type { Condition } from "../../../../contract/index.ts";
import { isTransition } from "../../../../services/operator/kubernetes/events.ts";

const ready = (status: Condition["status"], reason: string): Condition => ({
  ...{ type: "Ready", status, reason, message: "" },
  ...{ lastTransitionTime: "2026-01-01T00:00:00Z", observedGeneration: 1 },
});

describe("an Event", () => {
  it("tells the first condition, another status and another reason", () => {
    expect(isTransition(undefined, ready("False", "Progressing"))).toBe(true);
    expect(isTransition(ready("False", "Progressing"), ready("True", "Available"))).toBe(true);
    expect(isTransition(ready("True", "Available"), ready("True", "Degraded"))).toBe(true);
    expect(isTransition(ready("False", "ErrImagePull"), ready("False", "Crashed"))).toBe(true);
    expect(isTransition(ready("False", "Crashed"), ready("False", "Crashed"))).toBe(false);
  });

  it.each([
    ["the load changes", "True", ["Available", "Scaling", "Available"]],
    ["a container crashes again and again", "False", ["Crashed", "CrashLoopBackOff", "Restarting"]],
    ["it has too little memory", "False", ["OOMKilled", "CrashLoopBackOff", "Restarting"]],
    ["it cannot start", "False", ["RunContainerError", "CrashLoopBackOff", "StartError"]],
    ["a registry answers now and then", "False", ["ErrImagePull", "RegistryUnavailable"]],
  ] as const)("tells it once while %s", (_while, status, reasons) => {
    const turns = [...reasons, reasons[0]].map((reason) => ready(status, reason));
    const told = turns.slice(1).filter((it, index) => isTransition(turns[index], it));
    expect(told).toStrictEqual([]);
  });
});
