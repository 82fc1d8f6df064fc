import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Registry } from "../../../../../services/lib/metrics.ts";
import { createDriftReport } from "../../../../../services/operator/controllers/function/drift-report.ts";
import { FakeKubernetes } from "../../../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../../../support/logs.ts";
import { makeFunction } from "./functions.ts";

const fake = new FakeKubernetes();
let events: unknown[];

beforeEach(() => {
  events = [];
  fake.intercept = ({ path, body }, response) => {
    events.push([path, body]);
    response.end("{}");
    return true;
  };
});

afterEach(() => fake.stop());

describe("drift", () => {
  it("is counted, and told in an Event when it is news and its Function is there", async () => {
    const registry = new Registry();
    const client = await fake.start();
    const functions = new Map([["openfaas-fn/resize", makeFunction()]]);
    const { logger } = createKeptLog();
    const report = createDriftReport({ client, logger, identity: "o-1", functions, registry });
    const [deployment, service] = [report("Deployment"), report("Service")];
    const drift = { key: "openfaas-fn/resize", fields: ["a (x)", "b (y)"], isNews: true };
    await deployment({ ...drift, result: "repaired" });
    await deployment({ ...drift, result: "repaired", isNews: false });
    await service({ ...drift, result: "left" });
    await service({ ...drift, result: "left", key: "openfaas-fn/gone" });
    await report("ConfigMap")({ ...drift, fields: ["code-1"], result: "left" });
    const told = {
      type: "Warning",
      reason: "Drifted",
      involvedObject: { kind: "Function", name: "resize", uid: "uid-1" },
    };
    const path = "/api/v1/namespaces/openfaas-fn/events";
    expect(events).toMatchObject([
      [
        path,
        {
          ...told,
          message: "Deployment: others had changed it, which was undone: a (x), b (y)",
        },
      ],
      [
        path,
        {
          ...told,
          message:
            "Service: others have changed it again after that was undone, and it is left for an hour: a (x), b (y)",
        },
      ],
      [
        path,
        {
          ...told,
          message:
            "ConfigMap: others have made it anew with other content, and pods that run have that of before: code-1",
        },
      ],
    ]);
    const text = await registry.metrics();
    expect(text).toContain('operator_drift_total{kind="Deployment",result="repaired"} 2\n');
    expect(text).toContain('operator_drift_total{kind="Service",result="left"} 2\n');
    expect(text).toContain('operator_drift_total{kind="ConfigMap",result="left"} 1\n');
    await client.close();
  });
});
