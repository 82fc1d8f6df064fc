import { describe, expect, it } from "@jest/globals";
import {
  findOldRevisions,
  listMountedMaps,
} from "../../../../../services/operator/controllers/function/code-revisions.ts";
import type { ConfigMap } from "../../../../../services/operator/kubernetes/types.ts";
import { makeFunction, makePod } from "./functions.ts";

const makeMap = (name: string, day: number, uid = "uid-1"): ConfigMap => ({
  metadata: {
    name,
    creationTimestamp: `2026-01-0${day}T00:00:00Z`,
    ownerReferences: [{ apiVersion: "openfaas.com/v1", kind: "Function", name: "resize", uid }],
  },
});

const maps = [1, 2, 3, 4, 5].map((day) => makeMap(`code-${day}`, day));
const current = makeFunction({ code: { configMap: "code-5" } });

describe("findOldRevisions", () => {
  it("leaves the current one and the two newest before it", () => {
    expect(findOldRevisions(current, maps, [])).toStrictEqual(["code-2", "code-1"]);
  });

  it("leaves the current one even when it is the oldest, as after a rollback", () => {
    const rolledBack = makeFunction({ code: { configMap: "code-1" } });
    expect(findOldRevisions(rolledBack, maps, [])).toStrictEqual(["code-3", "code-2"]);
  });

  it("leaves what a pod still mounts", () => {
    const pod = makePod({});
    pod.spec = { volumes: [{ configMap: { name: "code-1" } }] };
    expect(findOldRevisions(current, maps, [pod])).toStrictEqual(["code-2"]);
  });

  it("leaves what it does not own", () => {
    const foreign = [makeMap("other-1", 1, "uid-2"), { metadata: { name: "loose" } }, ...maps];
    expect(findOldRevisions(current, foreign, [])).toStrictEqual(["code-2", "code-1"]);
  });
});

describe("listMountedMaps", () => {
  it("names what pods mount, each once and always in the same order", () => {
    const [one, other, plain] = [makePod({}), makePod({}), makePod({})];
    one.spec = { volumes: [{ configMap: { name: "code-2" } }, {}] };
    other.spec = {
      volumes: [{ configMap: { name: "code-1" } }, { configMap: { name: "code-2" } }],
    };
    expect(listMountedMaps([one, other, plain])).toStrictEqual(["code-1", "code-2"]);
    expect(listMountedMaps([other, one])).toStrictEqual(["code-1", "code-2"]);
    expect(listMountedMaps([])).toStrictEqual([]);
  });
});
