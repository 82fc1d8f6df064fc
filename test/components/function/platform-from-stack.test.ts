/** Functions of one stack on the platform of another. */
import { afterAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import {
  Function,
  FunctionSecret,
  Platform,
  platformFromStack,
} from "../../../components/index.ts";
import {
  fakeCluster,
  find,
  IMAGES,
  recordRegistrations,
  reveal,
  valueOf,
  waitForCount,
} from "../support/mocks.ts";

const EXPORTED = {
  queueNames: ["slow"],
  functionProfileNames: ["gpu"],
  gatewayUrl: "http://gateway.example",
  functionNamespace: "openfaas-fn",
  runtimeImage: "plonk.local/runtime:1@sha256:04",
  kubeconfig: "the kubeconfig",
  clusterIdentity: "existing/1234",
};

const all = recordRegistrations({
  stacks: {
    "acme/platform/prod": { platform: EXPORTED },
  },
});

afterAll(() => pulumi.runtime.disconnect());

describe("platformFromStack", () => {
  it("gives functions the platform, and a provider for its cluster", async () => {
    const platform = platformFromStack("acme/platform/prod");
    const code = import.meta.resolve("../fixtures/greeter.ts");
    const greeter = new Function("greeter", { platform, code });
    new FunctionSecret("key", { platform, value: "s3cret" });
    await waitForCount(all, 6);
    for (const name of ["greeter-function", "greeter-code", "key-secret"]) {
      expect(find(all, name).provider).toBe("acme/platform/prod");
    }
    expect(find(all, "greeter-function").inputs["spec"]).toMatchObject({
      image: EXPORTED.runtimeImage,
    });
    expect(await valueOf(greeter.url)).toBe("http://gateway.example/function/greeter");
    expect(await pulumi.isSecret(greeter.url)).toBe(false);
    const { inputs } = find(all, "acme/platform/prod");
    expect(reveal(inputs)).toMatchObject({
      kubeconfig: "the kubeconfig",
      clusterIdentifier: "existing/1234",
      enableServerSideApply: "true",
      enableSecretMutable: "true",
      upsertExistingObjects: "true",
    });
    expect(inputs["kubeconfig"]).not.toBe("the kubeconfig");
  });

  it("knows the queues and the profiles of the platform", async () => {
    const { queueNames, functionProfileNames } = platformFromStack("acme/platform/prod");
    expect(await valueOf(pulumi.output(queueNames))).toEqual(["slow"]);
    expect(await valueOf(pulumi.output(functionProfileNames))).toEqual(["gpu"]);
  });

  it("takes what a Platform has to export", async () => {
    const { reference } = new Platform("p", {
      cluster: fakeCluster(),
      images: IMAGES,
      adminPassword: "pw",
    });
    const exported = await valueOf(reference);
    expect(Object.keys(exported).sort()).toEqual(Object.keys(EXPORTED).sort());
    expect(exported).toMatchObject({ functionNamespace: "openfaas-fn", clusterIdentity: "fake" });
  });
});
