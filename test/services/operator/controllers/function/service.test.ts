import { describe, expect, it } from "@jest/globals";
import { toService } from "../../../../../services/operator/controllers/function/manifests.ts";
import { makeFunction, OWNER } from "./functions.ts";

describe("toService", () => {
  it("makes exactly this", () => {
    expect(toService(makeFunction())).toStrictEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: "resize",
        namespace: "openfaas-fn",
        labels: { faas_function: "resize", "app.kubernetes.io/managed-by": "plonk" },
        ownerReferences: [OWNER],
      },
      spec: {
        type: "ClusterIP",
        selector: { faas_function: "resize" },
        ports: [{ name: "http", port: 8080, targetPort: "http", protocol: "TCP" }],
      },
    });
  });
});
