/** Target `local`: a cluster of one node on this machine, in a network of its own. */
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { Egress, K3sCluster } from "../../components/index.ts";
import { CLUSTER_NAME, CLUSTER_NAME_WORDS } from "../../contract/grammar.ts";
import {
  type ArtifactsAtHand,
  findArtifacts,
  resolveArtifacts,
} from "../../toolchain/artifacts.ts";
import { plonkHome } from "../../toolchain/directories.ts";
import { defineTarget, type TargetConfig } from "../config.ts";
import { declarePlatform, type StackOutputs, warnOfMissing } from "../platform.ts";
import { choice, type Settings, text } from "../settings.ts";
import { loadRegistries } from "./registries.ts";

const settings = {
  clusterName: text({
    default: "local",
    pattern: CLUSTER_NAME,
    description:
      "name of the cluster and of its network namespace, `plonk-<name>`; `npm run up` writes the stack's name",
    expected: CLUSTER_NAME_WORDS,
  }),
  subnet: text({
    default: "198.18.0.0/24",
    pattern: "^198\\.1[89]\\.[0-9]{1,3}\\.0/24$",
    description:
      "addresses of the cluster's own network, a /24 of 198.18.0.0/15; `npm run up` writes the first that is free; another one replaces the cluster, with all that is on it",
    expected: "a /24 of 198.18.0.0/15, e.g. 198.18.0.0/24",
  }),
  egress: choice([Egress.Nat, Egress.None], {
    default: Egress.None,
    description:
      "whether functions and nodes reach other machines, `nat` (through this one, by an nftables table `plonk-<name>`) or `none`; `npm run up` writes `nat` on an open network",
  }),
  registries: text({
    pattern: "^(/.*)?$",
    description:
      "path of a `registries.yaml` of k3s, with mirrors, authorities and logins of the registries that functions' images come from; its content becomes part of the state, encrypted",
    expected: "an absolute path",
  }),
} satisfies Settings;

/** A cluster on this machine. */
export const local = defineTarget({
  description: "a cluster on this machine",
  settings,
  declare,
});

type Config = TargetConfig<typeof settings>;

/** Declares the cluster, the platform and the examples. */
async function declare(config: Config): Promise<StackOutputs> {
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
        // Nothing is installed on the machine, so nothing is started at boot.
        supervised: true,
      },
    ],
    k3s: artifacts.k3s ?? { path: "", version: "" },
  });
  // Whoever tries things out on this machine waits for the results on this machine.
  const callbackHosts = [subnet.replace(/\.0\/24$/, ".1")];
  return declarePlatform({ config, cluster, images: artifacts.images, callbackHosts });
}

/** Resolves the artifacts; a preview uses only those that are available locally. */
async function getArtifacts(): Promise<ArtifactsAtHand> {
  if (!pulumi.runtime.isDryRun()) {
    return await resolveArtifacts();
  }
  const { k3s, images } = await findArtifacts();
  await warnOfMissing({ k3s, ...images });
  return { k3s, images };
}
