/** Clusters that Pulumi's state knows and this machine does not: a new disk, a deleted folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type LocalStack, pulumiText, type StackState, type StateResource } from "./local-stack.ts";

interface Cluster {
  urn: string;
  directory: string;
}

/**
 * Has Pulumi forget each cluster whose directory has lost what a cluster that was once ready has in
 * it, with everything that was on it, so that the next update makes all of it again. What is left
 * of its network and processes is removed.
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
    say(`found no cluster in ${directory}; it is made again, with all that was on it`);
    const target = ["--target", urn, "--target-dependents"];
    const options = ["--stack", stack.name, "--yes", "--skip-preview"];
    await pulumiText(stack, ["destroy", ...options, ...target]);
  }
}

/** Those that once were ready: then they have a provider. Their script says where they are. */
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
