/** Previews without an answer of objects: they are to be made, or the cluster does not answer. */
import { afterAll, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations } from "./support/mocks.ts";

afterAll(() => pulumi.runtime.disconnect());

it.each([
  { loadBalancer: true, isThere: false },
  { loadBalancer: false, isThere: false },
  { loadBalancer: true, isThere: true },
  { loadBalancer: false, isThere: true },
])("needs no answer of any object: %j", async ({ loadBalancer, isThere }) => {
  const registrations = recordRegistrations({ isPreview: true, isThere });
  const name = `balanced-${loadBalancer}-${isThere}`;
  const cluster = fakeCluster({ loadBalancer });
  const { gatewayUrl, functionNamespace } = new Platform(name, {
    cluster,
    images: IMAGES,
    adminPassword: "pw",
    functionProfiles: { gpu: { runtimeClassName: "nvidia" } },
  });
  await settle();
  const { spec } = find(registrations, `${name}-gateway`).inputs as {
    spec: { template: { metadata: { annotations: Record<string, unknown> } } };
  };
  const revision = spec.template.metadata.annotations["plonk/credentials-revision"];
  expect(pulumi.isUnknown(revision)).toBe(true);
  expect(await isKnown(gatewayUrl)).toBe(!loadBalancer);
  // Functions wait for profiles, and are previewed beside new ones all the same.
  expect(await isKnown(functionNamespace)).toBe(true);
});

function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
  return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}
