/** Target `existing`: a cluster that somebody else made, by its kubeconfig. */
import * as pulumi from "@pulumi/pulumi";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ExistingCluster } from "../components/index.ts";
import { acquire } from "../toolchain/acquire.ts";
import { resolveImages } from "../toolchain/artifacts.ts";
import type { StackConfig } from "./config.ts";
import { declarePlatform, type StackOutputs } from "./platform.ts";

/** Declares the platform and the examples on the cluster. */
export async function declareExisting(config: StackConfig): Promise<StackOutputs> {
  const { kubeContext, registry, loadBalancer } = config;
  const cluster = new ExistingCluster("existing", {
    kubeconfig: readKubeconfig(config.kubeconfig),
    ...(kubeContext !== "" && { context: kubeContext }),
    ...(registry !== "" && { registry }),
    capabilities: { loadBalancer },
  });
  // Nodes that have a registry to pull ours from can pull the vendors' too.
  const images = await resolveImages({ preload: false });
  const crane = registry === "" ? undefined : (await acquire("crane")).path;
  return declarePlatform({ config, cluster, images, crane });
}

function readKubeconfig(configured: string): string {
  const standard = process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config");
  const path = configured === "" ? standard : configured;
  if (existsSync(path)) return readFileSync(path, "utf8");
  throw new pulumi.RunError(`plonk:kubeconfig: expected a kubeconfig file, got none at ${path}`);
}
