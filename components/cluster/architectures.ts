/** Which processor architectures the nodes of a cluster have, and which of them have images. */
import type { V1Node } from "@kubernetes/client-node";
import { type Architecture, ARCHITECTURES } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";

/** What is believed where a cluster does not say. */
export const USUAL_ARCHITECTURES: readonly Architecture[] = ["amd64"];

/** What is known of a cluster's architectures, and how. */
export interface ArchitectureReport {
  /** In the order of `ARCHITECTURES`. */
  architectures: readonly Architecture[];
  /** The line of a preview. */
  line: string;
  /** A line for each architecture whose nodes could not run what is scheduled there. */
  warnings: string[];
}

/**
 * @param nodes undefined where they may not be listed
 * @param given what the configuration says; undefined where it says nothing
 * @throws ArgumentError when no node has an architecture that there are images for
 */
export function reportArchitectures(
  nodes: readonly V1Node[] | undefined,
  given: readonly Architecture[] | undefined,
): ArchitectureReport {
  const names = groupByArchitecture(nodes ?? []);
  const found = ARCHITECTURES.filter((architecture) => names.has(architecture));
  const others = [...names.keys()].filter((name) => !isIn(ARCHITECTURES, name));
  if (others.length > 0 && found.length === 0) {
    throw new ArgumentError(
      `kubeconfig: must be of a cluster with nodes of ${ARCHITECTURES.join(" or ")}, ` +
        `got ${others.join(", ")} alone`,
    );
  }
  const { architectures, reason } = choose({ given, found, areListed: nodes !== undefined });
  const missing = [...names].filter(([name]) => !isIn(architectures, name));
  return {
    architectures,
    line: `architectures: ${architectures.join(", ")}, ${reason}`,
    warnings: missing.map(
      ([name, ofIt]) =>
        `no image is made for ${name}, which nodes have ` +
        `(${ofIt.join(", ")}): pods that are scheduled there cannot start`,
    ),
  };
}

function choose(known: {
  given: readonly Architecture[] | undefined;
  found: readonly Architecture[];
  areListed: boolean;
}): { architectures: readonly Architecture[]; reason: string } {
  const { given, found, areListed } = known;
  if (given) {
    return { architectures: given, reason: "as the configuration says" };
  }
  if (found.length > 0) {
    return { architectures: found, reason: "as the nodes say" };
  }
  const why = areListed ? "as there are no nodes yet" : "as nodes may not be listed";
  const reason = `${why}; capabilities.architectures names others`;
  return { architectures: USUAL_ARCHITECTURES, reason };
}

/** Names of nodes by architecture, both in order. */
function groupByArchitecture(nodes: readonly V1Node[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { metadata, status } of nodes) {
    const architecture = status?.nodeInfo?.architecture;
    // A node that has not said anything yet.
    if (architecture === undefined) {
      continue;
    }
    groups.set(architecture, [...(groups.get(architecture) ?? []), metadata?.name ?? ""].sort());
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isIn(list: readonly string[], name: string): boolean {
  return list.includes(name);
}
