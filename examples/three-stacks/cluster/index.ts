/**
 * First of three stacks: a cluster, for those who look after machines. Others only need its
 * kubeconfig.
 */
import * as pulumi from "@pulumi/pulumi";
import { type K3sBinary, K3sCluster } from "plonk";

const config = new pulumi.Config();

const cluster = new K3sCluster("cluster", {
  clusterName: config.require("name"),
  subnet: config.require("subnet"),
  servers: [
    {
      connection: { local: true },
      directory: config.require("directory"),
      supervised: true,
    },
  ],
  k3s: config.requireObject<K3sBinary>("k3s"),
});

export const { kubeconfig } = cluster;
