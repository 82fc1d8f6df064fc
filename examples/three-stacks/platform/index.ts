/** Second of three stacks: the platform, on the cluster of the first one. */
import * as pulumi from "@pulumi/pulumi";
import { ExistingCluster, type ImageArtifact, Platform, ServiceImage } from "plonk";

const config = new pulumi.Config();
const clusterStack = new pulumi.StackReference(config.require("clusterStack"));

const cluster = new ExistingCluster("cluster", {
  kubeconfig: clusterStack.requireOutput("kubeconfig") as pulumi.Output<string>,
  capabilities: { networkPolicy: true },
  imageCommand: config.require("imageCommand"),
});

const artifacts = config.requireObject<Record<string, ImageArtifact>>("images");
const deliver = (name: string): pulumi.Output<string> =>
  new ServiceImage(name, { image: artifacts[name], cluster }).reference;

const plonk = new Platform("plonk", {
  cluster,
  images: {
    gateway: deliver("gateway"),
    queueWorker: deliver("queue-worker"),
    operator: deliver("operator"),
    runtime: deliver("runtime"),
    nats: deliver("nats"),
    prometheus: deliver("prometheus"),
    alertmanager: deliver("alertmanager"),
    nodeExporter: deliver("node-exporter"),
  },
  adminPassword: config.requireSecret("adminPassword"),
});

/** For the stacks of those who have functions. */
export const platform = plonk.reference;
