/** Target `local`: a cluster of one node on this machine, in a network of its own. */
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { K3sCluster } from "../components/index.ts";
import { type ArtifactsAtHand, findArtifacts, resolveArtifacts } from "../toolchain/artifacts.ts";
import { plonkHome } from "../toolchain/directories.ts";
import type { StackConfig } from "./config.ts";
import { declarePlatform, type StackOutputs, warnOfMissing } from "./platform.ts";
import { loadRegistries } from "./registries.ts";

/** Declares the cluster, the platform and the examples. */
export async function declareLocal(config: StackConfig): Promise<StackOutputs> {
  const artifacts = await getArtifacts();
  const { clusterName, subnet, egress, registries } = config;
  const cluster = new K3sCluster("local", {
    clusterName,
    subnet,
    egress,
    ...(registries !== "" && { registries: pulumi.secret(loadRegistries(registries)) }),
    servers: [
      {
        connection: { local: true },
        directory: join(plonkHome(), "clusters", clusterName),
        // Nothing is installed on the machine, so nothing of it is started at boot either.
        supervised: true,
      },
    ],
    k3s: artifacts.k3s ?? { path: "", version: "" },
  });
  return declarePlatform({ config, cluster, images: artifacts.images });
}

/** A preview takes what is at hand. */
async function getArtifacts(): Promise<ArtifactsAtHand> {
  if (!pulumi.runtime.isDryRun()) {
    return await resolveArtifacts();
  }
  const { k3s, images } = await findArtifacts();
  await warnOfMissing({ k3s, ...images });
  return { k3s, images };
}
