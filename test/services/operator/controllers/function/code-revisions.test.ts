import { beforeEach, describe, expect, it } from "@jest/globals";
import type { ApplyOptions, KubernetesClient } from "../../../../../services/lib/kubernetes.ts";
import {
  adoptCode,
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

describe("adoptCode", () => {
  const PATH = "/api/v1/namespaces/openfaas-fn/configmaps/code-5";
  let applied: { path: string; object: unknown; options: ApplyOptions }[];
  const client = {
    apply: (path: string, object: unknown, options: ApplyOptions) => {
      applied.push({ path, object, options });
      return Promise.resolve(object);
    },
  } as unknown as KubernetesClient;

  beforeEach(() => {
    applied = [];
  });

  it("is done by a manager of each function: what one of them leaves out is not taken away", async () => {
    const other = makeFunction({ name: "other", code: { configMap: "code-5" } });
    const metadata = { ...other.metadata, name: "other", uid: "uid-2" };
    await adoptCode(client, current, "uid-of-code");
    await adoptCode(client, { ...other, metadata }, "uid-of-code");
    const owner = { apiVersion: "openfaas.com/v1", kind: "Function", name: "resize", uid: "uid-1" };
    const marks = { controller: false, blockOwnerDeletion: false };
    const toApplied = (name: string, uid: string): unknown => ({
      path: PATH,
      object: {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
          name: "code-5",
          namespace: "openfaas-fn",
          uid: "uid-of-code",
          ownerReferences: [{ ...owner, name, uid, ...marks }],
        },
        immutable: true,
      },
      options: {
        fieldManager: `plonk-operator-${name}`,
        force: true,
        as: "PartialObjectMetadata",
      },
    });
    expect(applied).toStrictEqual([toApplied("resize", "uid-1"), toApplied("other", "uid-2")]);
  });

  it("is not done of a function without code of its own", async () => {
    await adoptCode(client, makeFunction(), undefined);
    expect(applied).toStrictEqual([]);
  });
});

function namesOfOld(...args: Parameters<typeof findOldRevisions>): string[] {
  return findOldRevisions(...args).map(({ metadata }) => metadata.name);
}

describe("findOldRevisions", () => {
  it("leaves the current one and the two newest before it", () => {
    expect(namesOfOld(current, maps, [])).toStrictEqual(["code-2", "code-1"]);
  });

  it("leaves the current one even when it is the oldest, as after a rollback", () => {
    const rolledBack = makeFunction({ code: { configMap: "code-1" } });
    expect(namesOfOld(rolledBack, maps, [])).toStrictEqual(["code-3", "code-2"]);
  });

  it("leaves what a pod still mounts", () => {
    const pod = makePod({});
    pod.spec = { volumes: [{ configMap: { name: "code-1" } }] };
    expect(namesOfOld(current, maps, [pod])).toStrictEqual(["code-2"]);
  });

  it("leaves what it does not own", () => {
    const foreign = [makeMap("other-1", 1, "uid-2"), { metadata: { name: "loose" } }, ...maps];
    expect(namesOfOld(current, foreign, [])).toStrictEqual(["code-2", "code-1"]);
  });
});

it("leaves what another function runs as well", () => {
  const shared = makeMap("code-1", 1);
  const other = makeMap("code-1", 1, "uid-2");
  const owners = [shared, other].flatMap(({ metadata }) => metadata.ownerReferences ?? []);
  shared.metadata.ownerReferences = owners;
  expect(namesOfOld(current, [shared, ...maps.slice(1)], [])).toStrictEqual(["code-2"]);
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
