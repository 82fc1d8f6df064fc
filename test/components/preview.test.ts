/** The first preview on a cluster that answers: what is to be made says nothing of itself yet. */
import { afterAll, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations } from "./support/mocks.ts";

const registrations = recordRegistrations({ isPreview: true });

afterAll(() => pulumi.runtime.disconnect());

it.each([true, false])("needs no answer of any object, load balancer: %s", async (loadBalancer) => {
  const name = `balanced-${loadBalancer}`;
  const cluster = fakeCluster({ loadBalancer });
  const { gatewayUrl } = new Platform(name, { cluster, images: IMAGES, adminPassword: "pw" });
  await settle();
  const { spec } = find(registrations, `${name}-gateway`).inputs as {
    spec: { template: { metadata: { annotations: Record<string, unknown> } } };
  };
  const revision = spec.template.metadata.annotations["plonk/credentials-revision"];
  expect(pulumi.isUnknown(revision)).toBe(true);
  const { isKnown } = gatewayUrl as unknown as { isKnown: Promise<boolean> };
  expect(await isKnown).toBe(!loadBalancer);
});
