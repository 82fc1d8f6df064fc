/** The processor architectures of a cluster's nodes, and which of them Plonk has images for. */
import type { V1Node } from "@kubernetes/client-node";
import { type Architecture, ARCHITECTURES, quote } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";

/** The default when a cluster does not report its architectures. */
export const USUAL_ARCHITECTURES: readonly Architecture[] = ["amd64"];

/** A cluster's architectures, and where they are known from. */
export interface ArchitectureReport {
  /** In the order of `ARCHITECTURES`. */
  architectures: readonly Architecture[];
  /** A line for the preview. */
  line: string;
  /** A line for each architecture that Plonk has no images for. */
  warnings: string[];
}

/** Each architecture with the names of the nodes that have it, both in order. */
export type NodesByArchitecture = readonly (readonly [name: string, nodes: readonly string[]])[];

/**
 * @param nodes undefined where they may not be listed
 * @param given the configured architectures; undefined if none are configured
 * @throws ArgumentError when no node has an architecture with images, or none is configured
 */
export function reportArchitectures(
  nodes: NodesByArchitecture | undefined,
  given: readonly Architecture[] | undefined,
): ArchitectureReport {
  const names = new Map(nodes);
  const found = ARCHITECTURES.filter((architecture) => names.has(architecture));
  const others = [...names.keys()].filter((name) => !isIn(ARCHITECTURES, name));
  if (others.length > 0 && found.length === 0) {
    throw new ArgumentError(
      `kubeconfig: expected a cluster with nodes of ${ARCHITECTURES.join(" or ")}, ` +
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
  if (given?.length === 0) {
    throw new ArgumentError(
      `capabilities.architectures: expected one of ${ARCHITECTURES.join(", ")} at least, got none`,
    );
  }
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

/** What nodes say of themselves. */
export function groupByArchitecture(nodes: readonly V1Node[]): NodesByArchitecture {
  const groups = new Map<string, string[]>();
  for (const { metadata, status } of nodes) {
    const architecture = status?.nodeInfo?.architecture;
    // A node whose kubelet has not reported yet.
    if (architecture === undefined) {
      continue;
    }
    groups.set(architecture, [...(groups.get(architecture) ?? []), metadata?.name ?? ""].sort());
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What is wrong with the name of an architecture; undefined where nothing is. */
export function findArchitectureMistake(name: string): string | undefined {
  return isIn(ARCHITECTURES, name)
    ? undefined
    : `expected one of ${ARCHITECTURES.join(", ")}, got ${quote(name)}`;
}

function isIn(list: readonly string[], name: string): boolean {
  return list.includes(name);
}
