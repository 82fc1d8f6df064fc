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

  it("keep of a pod's spec the ConfigMaps that it mounts", () => {
    const code = { configMap: { name: "resize-1" } };
    const spec = { volumes: [{}, code], containers: [] };
    expect(trimPod({ metadata, spec })).toStrictEqual({
      metadata: kept,
      spec: { volumes: [code] },
    });
    expect(trimPod({ metadata })).toStrictEqual({ metadata: kept, spec: { volumes: [] } });
  });
});
