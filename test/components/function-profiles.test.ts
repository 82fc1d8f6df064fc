/** Profiles of functions: what a platform makes of them, who may read them, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../components/errors.ts";
import { Function, Platform } from "../../components/index.ts";
import { checkFunctionProfile } from "../../components/operator/profiles.ts";
import type { ProfileSpec } from "../../contract/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations, valueOf } from "./support/mocks.ts";
import { withPlatform } from "./support/wrong-platform.ts";

const all = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

let platform: Platform;

beforeAll(async () => {
  platform = new Platform("p", {
    cluster: fakeCluster(),
    images: IMAGES,
    adminPassword: "pw",
    functionProfiles: {
      gpu: {
        tolerations: [{ key: pulumi.output("gpu"), operator: "Exists" }],
        runtimeClassName: "",
        resources: { limits: { "nvidia.com/gpu": "1" } },
      },
    },
    otherProfileNames: ["gvisor"],
  });
  const image = "registry.example/resize:1";
  new Function("resize", { platform, image, profiles: ["gpu", pulumi.output("gvisor")] });
  await settle();
});

describe("profiles of functions", () => {
  it("are objects in the platform's namespace, without fields that say nothing", () => {
    expect(find(all, "p-profile-gpu").inputs).toMatchObject({
      apiVersion: "openfaas.com/v1",
      kind: "Profile",
      metadata: { name: "gpu", namespace: "openfaas" },
      spec: {
        tolerations: [{ key: "gpu", operator: "Exists" }],
        resources: { limits: { "nvidia.com/gpu": "1" } },
      },
    });
    const { spec } = find(all, "p-profile-gpu").inputs as { spec: object };
    expect(spec).not.toHaveProperty("runtimeClassName");
  });

  it("are known to the program, and named by functions in their order", async () => {
    expect(await valueOf(platform.functionProfileNames)).toEqual(["gpu", "gvisor"]);
    expect(find(all, "resize-function").inputs["spec"]).toMatchObject({
      annotations: { "com.openfaas.profile": "gpu,gvisor" },
    });
  });

  it("are the operator's and the gateway's to read, and nobody's to write", () => {
    const rights = ["operator", "gateway"].flatMap((part) => {
      const { rules } = find(all, `p-${part}-platform-role`).inputs as {
        rules: { resources: string[]; verbs: string[] }[];
      };
      return rules.filter(({ resources }) => resources.includes("profiles"));
    });
    expect(rights.map(({ verbs }) => verbs)).toEqual([["get", "list", "watch"], ["get"]]);
  });

  it.each<[ProfileSpec, string]>([
    [
      { tolerations: [{ key: "a", operator: "Exists", value: "b" }] },
      'functionProfiles.gpu.tolerations[0].value: expected none with the operator Exists, got "b"',
    ],
    [
      { strategy: { type: "Never" } },
      'functionProfiles.gpu.strategy.type: expected RollingUpdate or Recreate, got "Never"',
    ],
  ])("are refused with %j", (profile, message) => {
    expect(() => checkFunctionProfile("gpu", profile)).toThrow(new ArgumentError(message));
  });

  it.each([
    [{ functionProfiles: { GPU: {} } }, "functionProfiles"],
    [{ otherProfileNames: ["GPU"] }, "otherProfileNames"],
  ])("are refused under a name that no object can have: %j", (args, field) => {
    const message = `${field}: expected names of 1 to 63 lower-case letters, digits, hyphens and dots, got "GPU"`;
    expect(withPlatform(args)).toThrow(expect.objectContaining({ message, hideStack: true }));
  });
});
