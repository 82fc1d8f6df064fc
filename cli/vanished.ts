/** Clusters in Pulumi's state that are missing on this machine: a new disk, a deleted folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type LocalStack, pulumiText, type StackState, type StateResource } from "./local-stack.ts";

interface Cluster {
  urn: string;
  directory: string;
}

/**
 * Removes clusters from the state whose files are missing though they were ready once, with all
 * objects on them, so that the next update creates them again. What is left of their networks and
 * processes is removed, too.
 */
export async function forgetVanishedClusters(
  stack: LocalStack,
  state: StackState,
  say: (line: string) => void,
): Promise<void> {
  for (const { urn, directory } of listReadyClusters(state.deployment.resources ?? [])) {
    if (existsSync(join(directory, "uid"))) {
      continue;
    }
    say(`found no cluster in ${directory}; it is created again, with everything on it`);
    const target = ["--target", urn, "--target-dependents"];
    const options = ["--stack", stack.name, "--yes", "--skip-preview"];
    await pulumiText(stack, ["destroy", ...options, ...target]);
  }
}

/** Clusters that were ready once: they have a provider. Their script has their directory. */
function listReadyClusters(resources: readonly StateResource[]): Cluster[] {
  const isReady = ({ urn }: StateResource): boolean =>
    resources.some((child) => child.type === "pulumi:providers:kubernetes" && child.parent === urn);
  return resources
    .filter((resource) => resource.type === "plonk:index:K3sCluster" && isReady(resource))
    .flatMap(({ urn }) =>
      resources
        .filter((child) => child.parent === urn)
        .flatMap(({ inputs }) => /^DIR='(.+)'$/m.exec(String(inputs?.stdin))?.[1] ?? [])
        .map((directory) => ({ urn, directory })),
    );
}
