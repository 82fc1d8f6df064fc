/** What `destroy` leaves on a cluster that outlives the program: what others may have filled. */
import { afterAll, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { type Cluster, Platform, type PlatformArgs } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, IMAGES, recordRegistrations } from "./support/mocks.ts";

recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

/** Logical names of the objects that the next stack takes over, whatever its name is. */
async function findShared(
  name: string,
  args: Pick<PlatformArgs, "cluster" | "adopt">,
): Promise<string[]> {
  const shared: string[] = [];
  const record: pulumi.ResourceTransformation = ({ name: child, props }) => {
    const { metadata } = props as { metadata?: { annotations?: Record<string, string> } };
    if (metadata?.annotations?.["pulumi.com/patchForce"] === "true") {
      shared.push(child);
    }
    return undefined;
  };
  const opts = { transformations: [record] };
  new Platform(name, { ...args, images: IMAGES, adminPassword: "pw" }, opts);
  await settle();
  return shared.sort();
}

/** Logical names of the objects that stay when the platform is destroyed. */
async function findRetained(name: string, cluster: Cluster): Promise<string[]> {
  const retained: string[] = [];
  const record: pulumi.ResourceTransformation = ({ name: child, opts }) => {
    if (opts.retainOnDelete === true) {
      retained.push(child);
    }
    return undefined;
  };
  const opts = { transformations: [record] };
  new Platform(name, { cluster, images: IMAGES, adminPassword: "pw" }, opts);
  await settle();
  return retained.sort();
}

it("leaves the definition, the namespaces and the volumes of a cluster that was there before", async () => {
  expect(await findRetained("e", fakeCluster())).toEqual([
    "e-functions",
    "e-nats-volume",
    "e-openfaas",
    "e-openfaas-fn",
    "e-profiles",
    "e-prometheus-volume",
  ]);
});

it("deletes no volume by itself on a cluster that goes with the program, and all else", async () => {
  const deletedWith = new pulumi.ComponentResource("test:index:Host", "host");
  expect(await findRetained("k", { ...fakeCluster(), deletedWith })).toEqual([
    "k-nats-volume",
    "k-prometheus-volume",
  ]);
});

it("what it leaves is taken over by a stack of any name", async () => {
  const left = await findRetained("s", fakeCluster());
  expect(await findShared("s", { cluster: fakeCluster() })).toEqual(left);
});

it("takes a foreign definition over only when told to", async () => {
  const deletedWith = new pulumi.ComponentResource("test:index:Host", "other-host");
  const cluster = { ...fakeCluster(), deletedWith };
  const volumes = ["f-nats-volume", "f-prometheus-volume"];
  expect(await findShared("f", { cluster })).toEqual(volumes);
  expect(await findShared("f", { cluster, adopt: true })).toEqual([
    "f-functions",
    volumes[0],
    "f-profiles",
    volumes[1],
  ]);
});
