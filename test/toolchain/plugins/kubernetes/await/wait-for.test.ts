/** `pulumi.com/waitFor`, as a table. */
import { describe, expect, it } from "@jest/globals";
import {
  checkWaitFor,
  findWaitForProblem,
} from "../../../../../toolchain/plugins/kubernetes/await/wait-for.ts";
import type { Bag } from "../../../../../toolchain/plugins/lib/values.ts";

const OBJECT: Bag = {
  metadata: { generation: 3 },
  spec: { size: 2 },
  status: {
    phase: "Running",
    observedGeneration: 3,
    conditions: [
      { type: "Ready", status: "True", observedGeneration: 3 },
      { type: "Stale", status: "True", observedGeneration: 2 },
      { type: "Built", status: "False", reason: "NoImage", message: "it is not there" },
    ],
  },
};

describe("checkWaitFor", () => {
  it.each([
    ["condition=Ready"],
    ["condition=Ready=true"],
    ["condition=Built=False"],
    ["jsonpath={.status.phase}"],
    ["jsonpath={.status.phase}=Running"],
    ["jsonpath={.spec.size}=2"],
    ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=True'],
    ['["condition=Ready", "jsonpath={.status.phase}=Running"]'],
  ])("%s holds", async (annotation) => {
    expect(await checkWaitFor(OBJECT, annotation)).toEqual({ state: "ready", reason: "" });
  });

  it.each([
    ["condition=Built", "Built=False NoImage: it is not there"],
    ["jsonpath={.status.phase}=Done", "waiting for {.status.phase} to be Done"],
    ["jsonpath={.status.nothing}", "waiting for {.status.nothing}"],
    ['["condition=Ready", "condition=Built"]', "Built=False NoImage: it is not there"],
  ])("%s is waited for", async (annotation, reason) => {
    expect(await checkWaitFor(OBJECT, annotation)).toEqual({ state: "waiting", reason });
  });

  it("takes no condition of an older generation for an answer", async () => {
    expect(await checkWaitFor(OBJECT, "condition=Stale")).toMatchObject({
      state: "waiting",
      reason: expect.stringContaining("no current condition Stale; Ready=True"),
    });
    const changed = { ...OBJECT, metadata: { generation: 4 } };
    expect(await checkWaitFor(changed, "condition=Ready")).toMatchObject({ state: "waiting" });
  });

  it("runs no code of a path", async () => {
    const path = "jsonpath={.status[?(process.exit(7))]}";
    const checked = checkWaitFor(OBJECT, path).then(
      ({ state }) => state,
      () => "refused",
    );
    expect(["refused", "waiting"]).toContain(await checked);
  });
});

describe("findWaitForProblem", () => {
  it("names what is neither a condition nor a path", () => {
    expect(findWaitForProblem('["condition=Ready", "phase=Running"]')).toBe(
      "expected condition=<type>[=<status>] or jsonpath={<path>}[=<value>], got phase=Running",
    );
    expect(findWaitForProblem("condition=Ready")).toBeUndefined();
    expect(findWaitForProblem("[broken")).toContain("got [broken");
  });
});
