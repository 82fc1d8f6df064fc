import { describe, expect, it } from "@jest/globals";
import {
  trimDeployment,
  trimFunction,
  trimPod,
  trimService,
  trimToMetadata,
} from "../../../../services/operator/kubernetes/transforms.ts";
import { makeFunction } from "../controllers/function/functions.ts";

const kept = {
  name: "resize",
  namespace: "openfaas-fn",
  uid: "uid-1",
  generation: 3,
  resourceVersion: "7",
  labels: { faas_function: "resize" },
};
const metadata = { ...kept, managedFields: [{ manager: "test" }], ownerReferences: [] };

describe("transforms", () => {
  it("keep of metadata what is read, without the fields that are not set", () => {
    expect(trimToMetadata({ metadata })).toStrictEqual({ metadata: kept });
  });

  it("keep a Function's spec and status whole", () => {
    const status = { replicas: 1 };
    const resource = makeFunction({ replicas: 2 }, { metadata, status });
    expect(trimFunction(resource)).toStrictEqual({ ...resource, metadata: kept });
  });

  it("leave out of a Function's spec what says nothing", () => {
    const limits = { memory: "96Mi", cpu: "" };
    const resource = makeFunction({ handler: "", limits, environment: { EMPTY: "" } });
    expect(trimFunction(resource).spec).toStrictEqual({
      name: "resize",
      image: "registry.example/resize:1",
      limits: { memory: "96Mi" },
      environment: { EMPTY: "" },
    });
  });

  it("keep of a Deployment's spec the replicas alone, also when there are none", () => {
    const status = { replicas: 0 };
    const spec = { replicas: 0, template: {} };
    const { ownerReferences } = metadata;
    expect(trimDeployment({ metadata, spec, status })).toStrictEqual({
      // They tell whether it is still the same Function's.
      metadata: { ...kept, ownerReferences },
      spec: { replicas: 0 },
      status,
    });
    expect(trimDeployment({ metadata: kept })).toStrictEqual({ metadata: kept });
  });

  it("keep of who owns which fields what others own, if anything", () => {
    const managedFields = [{ manager: "x", fieldsV1: { "f:spec": { "f:paused": {} } } }];
    const of = { metadata: { ...kept, managedFields } };
    expect(trimDeployment(of)).toStrictEqual({ metadata: kept, foreign: ["spec.paused (x)"] });
    expect(trimService(of)).toStrictEqual({ metadata: kept, foreign: ["spec.paused (x)"] });
    const { ownerReferences } = metadata;
    expect(trimService({ metadata })).toStrictEqual({ metadata: { ...kept, ownerReferences } });
  });

  it("keep of a Function's own annotations the one that is read", () => {
    const annotations = {
      "plonk/restarted-at": "2026-12-01T00:00:00Z",
      "kubectl.kubernetes.io/x": "{}",
    };
    const resource = makeFunction({}, { metadata: { ...metadata, annotations } });
    const { metadata: trimmed } = trimFunction(resource);
    expect(trimmed.annotations).toStrictEqual({ "plonk/restarted-at": "2026-12-01T00:00:00Z" });
    const others = { ...metadata, annotations: { "kubectl.kubernetes.io/x": "{}" } };
    expect(trimFunction(makeFunction({}, { metadata: others })).metadata).toStrictEqual(kept);
  });

  it("keep of a Deployment's status the numbers, and what the conditions say", () => {
    const said = { type: "Progressing", status: "False", reason: "Late", message: "too late" };
    const numbers = {
      observedGeneration: 3,
      replicas: 2,
      updatedReplicas: 1,
      availableReplicas: 1,
    };
    const status = {
      ...numbers,
      readyReplicas: 1,
      conditions: [{ ...said, lastUpdateTime: "2026-12-01T00:00:00Z" }],
    };
    expect(trimDeployment({ metadata: kept, status })).toStrictEqual({
      metadata: kept,
      status: { ...numbers, conditions: [said] },
    });
  });

  const OF_POD = {
    name: "resize-1",
    namespace: "openfaas-fn",
    uid: "uid-1",
    resourceVersion: "7",
    labels: { faas_function: "resize" },
  };

  it("keep of a pod which code it has, and whose it is", () => {
    const code = { configMap: { name: "resize-1" } };
    const module = { name: "PLONK_FUNCTION_MODULE", value: "/home/app/function/index.mjs" };
    const env = [{ name: "A", value: "b" }, module];
    const spec = { volumes: [{}, code], containers: [{}, { name: "resize", env }] };
    const labels = { ...OF_POD.labels, "pod-template-hash": "a" };
    const whole = { ...OF_POD, labels, annotations: { a: "b" }, managedFields: [], generation: 1 };
    expect(trimPod({ metadata: whole, spec })).toStrictEqual({
      metadata: OF_POD,
      spec: { volumes: [code], containers: [{ env: [module] }] },
    });
    const unlabelled = { name: "resize-1", namespace: "openfaas-fn" };
    expect(trimPod({ metadata: unlabelled })).toStrictEqual({
      metadata: unlabelled,
      spec: { volumes: [] },
    });
  });

  it("keep of a pod's status why it is not ready", () => {
    const terminated = { exitCode: 1, reason: "Error", message: "no such module" };
    const waiting = { reason: "CrashLoopBackOff" };
    const unscheduled = { type: "PodScheduled", status: "False", message: "0/1 nodes" };
    const container = { name: "resize", ready: false, restartCount: 2, state: { waiting } };
    const status = {
      phase: "Pending",
      podIP: "10.42.0.3",
      conditions: [
        { type: "Ready", status: "False" },
        { ...unscheduled, reason: "Unschedulable" },
      ],
      containerStatuses: [
        { ...container, image: "x", lastState: { terminated, running: undefined } },
        { ...container, ready: true, state: { running: { startedAt: "2026-12-01T00:00:00Z" } } },
      ],
    };
    expect(trimPod({ metadata: OF_POD, status }).status).toStrictEqual({
      phase: "Pending",
      conditions: [unscheduled],
      containerStatuses: [
        { ...container, lastState: { terminated } },
        { ...container, ready: true, state: {} },
      ],
    });
  });
});
