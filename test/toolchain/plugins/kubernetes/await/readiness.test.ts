/** Readiness by kind, as a table. */
import { describe, expect, it } from "@jest/globals";
import type { Api } from "../../../../../toolchain/plugins/kubernetes/api.ts";
import { findCheck } from "../../../../../toolchain/plugins/kubernetes/await/readiness.ts";
import { parseToken } from "../../../../../toolchain/plugins/kubernetes/kinds.ts";
import type { Bag } from "../../../../../toolchain/plugins/lib/values.ts";

/** Lists by the last part of their path. */
function toApi(lists: Record<string, Bag[]>): Api {
  const none = (): never => {
    throw new Error("not asked for here");
  };
  const list = (path: string): Promise<Bag[]> =>
    Promise.resolve(lists[path.replace(/.*\//, "").replace(/\?.*/, "")] ?? []);
  return { list, find: none, apply: none, remove: none, isNamespaced: none };
}

async function check(
  token: string,
  object: Bag,
  lists: Record<string, Bag[]> = {},
): Promise<string> {
  const context = { api: toApi(lists), signal: new AbortController().signal };
  const found = findCheck(parseToken(`kubernetes:${token}`), object);
  if (!found) return "no check";
  const { state, reason } = await found(object, context);
  return reason === "" ? state : `${state}: ${reason}`;
}

const GENERATION = { metadata: { name: "a", namespace: "n", generation: 2 } };
const seen = (status: Bag): Bag => ({ status: { observedGeneration: 2, ...status } });
const condition = (type: string, status: string, reason = ""): Bag => ({ type, status, reason });

describe("a workload", () => {
  it.each<[string, string, Bag, string]>([
    [
      "apps/v1:Deployment",
      "unseen",
      { status: { observedGeneration: 1 } },
      "waiting: the controller has not seen the change yet",
    ],
    [
      "apps/v1:Deployment",
      "behind",
      { spec: { replicas: 3 }, ...seen({ updatedReplicas: 1 }) },
      "waiting: 1 of 3 replicas are updated",
    ],
    [
      "apps/v1:Deployment",
      "rolling",
      { spec: { replicas: 1 }, ...seen({ replicas: 2, updatedReplicas: 1 }) },
      "waiting: 1 old replicas are still there",
    ],
    [
      "apps/v1:Deployment",
      "starting",
      seen({ replicas: 1, updatedReplicas: 1 }),
      "waiting: 0 of 1 updated replicas are available",
    ],
    [
      "apps/v1:Deployment",
      "done",
      seen({ replicas: 1, updatedReplicas: 1, availableReplicas: 1 }),
      "ready",
    ],
    ["apps/v1:Deployment", "at zero", { spec: { replicas: 0 }, ...seen({}) }, "ready"],
    [
      "apps/v1:Deployment",
      "stuck",
      seen({ conditions: [condition("Progressing", "False", "ProgressDeadlineExceeded")] }),
      "failed: Progressing=False ProgressDeadlineExceeded",
    ],
    [
      "apps/v1:StatefulSet",
      "starting",
      { spec: { replicas: 2 }, ...seen({ readyReplicas: 1 }) },
      "waiting: 1 of 2 replicas are ready",
    ],
    [
      "apps/v1:StatefulSet",
      "rolling",
      seen({ readyReplicas: 1, updateRevision: "b", currentRevision: "a" }),
      "waiting: 0 of 1 replicas are updated",
    ],
    [
      "apps/v1:StatefulSet",
      "done",
      seen({ readyReplicas: 1, updateRevision: "b", currentRevision: "b" }),
      "ready",
    ],
    [
      "apps/v1:StatefulSet",
      "updated by hand",
      {
        spec: { updateStrategy: { type: "OnDelete" } },
        ...seen({ readyReplicas: 1, updateRevision: "b" }),
      },
      "ready",
    ],
    [
      "apps/v1:StatefulSet",
      "partitioned",
      {
        spec: { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
        ...seen({ readyReplicas: 3, updatedReplicas: 1, updateRevision: "b" }),
      },
      "ready",
    ],
    [
      "apps/v1:DaemonSet",
      "behind",
      seen({ desiredNumberScheduled: 2, updatedNumberScheduled: 1 }),
      "waiting: 1 of 2 nodes run the current pod",
    ],
    [
      "apps/v1:DaemonSet",
      "starting",
      seen({ desiredNumberScheduled: 1, updatedNumberScheduled: 1 }),
      "waiting: 0 of 1 pods are available",
    ],
    ["apps/v1:DaemonSet", "without nodes", seen({ desiredNumberScheduled: 0 }), "ready"],
    [
      "batch/v1:Job",
      "running",
      seen({ succeeded: 1 }),
      "waiting: job is not complete: 1 of 1 pods succeeded",
    ],
    ["batch/v1:Job", "complete", seen({ conditions: [condition("Complete", "True")] }), "ready"],
    [
      "batch/v1:Job",
      "failed",
      seen({ conditions: [condition("Failed", "True", "Backoff")] }),
      "failed: job failed: Failed=True Backoff",
    ],
    ["batch/v1:Job", "suspended", { spec: { suspend: true } }, "ready"],
  ])("%s %s", async (...[token, , object, expected]) => {
    expect(await check(token, { ...GENERATION, ...object })).toBe(expected);
  });
});

describe("a Service", () => {
  const selector = { app: "web" };
  it.each<[string, Bag, Bag[], string]>([
    [
      "without ready pods",
      { selector },
      [{ endpoints: [{ conditions: { ready: false } }] }],
      "waiting: no pod that the Service selects is ready",
    ],
    ["with one", { selector }, [{ endpoints: [{ conditions: { ready: true } }] }], "ready"],
    ["that is headless", { selector, clusterIP: "None" }, [], "ready"],
    ["without selector", {}, [], "ready"],
    ["that is a name", { type: "ExternalName", selector }, [], "ready"],
    [
      "without address",
      { type: "LoadBalancer" },
      [],
      "waiting: the load balancer has no address yet",
    ],
  ])("%s", async (...[, spec, endpointslices, expected]) => {
    const object = { ...GENERATION, spec };
    expect(await check("core/v1:Service", object, { endpointslices })).toBe(expected);
  });
});

describe("a claim", () => {
  const classes = {
    storageclasses: [
      {
        metadata: {
          name: "late",
          annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        volumeBindingMode: "WaitForFirstConsumer",
      },
      { metadata: { name: "now" }, volumeBindingMode: "Immediate" },
    ],
  };
  it.each<[Bag, string]>([
    [{ status: { phase: "Bound" } }, "ready"],
    [{ spec: { storageClassName: "late" } }, "ready"],
    [{ spec: {} }, "ready"],
    [
      { spec: { storageClassName: "now" }, status: { phase: "Pending" } },
      "waiting: claim is Pending",
    ],
  ])("%j is %s", async (object, expected) => {
    expect(await check("core/v1:PersistentVolumeClaim", object, classes)).toBe(expected);
  });
});

describe("others", () => {
  const definition = "apiextensions.k8s.io/v1:CustomResourceDefinition";
  it.each<[string, Bag, string]>([
    ["core/v1:Namespace", { status: { phase: "Active" } }, "ready"],
    [
      "core/v1:Namespace",
      { status: { phase: "Terminating" } },
      "waiting: namespace is Terminating",
    ],
    [definition, {}, "waiting: definition is not established"],
    [definition, { status: { conditions: [condition("Established", "True")] } }, "ready"],
    [
      definition,
      { status: { conditions: [condition("NamesAccepted", "False", "Taken")] } },
      "failed: names are not accepted: NamesAccepted=False Taken",
    ],
    ["core/v1:ConfigMap", {}, "no check"],
    ["openfaas.com/v1:Function", {}, "no check"],
    [
      "apps/v1:Deployment",
      { metadata: { annotations: { "pulumi.com/skipAwait": "true" } } },
      "no check",
    ],
  ])("%s %j: %s", async (token, object, expected) => {
    expect(await check(token, object)).toBe(expected);
  });
});
