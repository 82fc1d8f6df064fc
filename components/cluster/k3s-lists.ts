/** Lists of `K3sCluster` that k3s reads from its configuration: each entry is checked. */
import { isIP } from "node:net";
import type * as pulumi from "@pulumi/pulumi";
import { DNS_NAME, KUBELET_FLAG, TAINT } from "../../contract/grammar.ts";
import { isMatch, quote } from "../../contract/index.ts";
import { type ArgumentChecks, gather } from "../errors.ts";
import { checkLabels } from "../labels.ts";
import { checkEntries, type Entries, type FindMistake } from "../lists.ts";
import type { K3sHost } from "./k3s-args.ts";

/** What a node is told of itself. */
export interface NodeMarks {
  labels: pulumi.Input<Record<string, string>>;
  taints: Entries;
}

/** Returns the labels and taints of the one server. */
export function checkMarks(checks: ArgumentChecks, host: K3sHost): NodeMarks {
  const { labels = {}, taints = [] } = host;
  return {
    labels: checks.verify(gather(labels), (known) => checkLabels("servers[0].labels", known)),
    taints: checkEntries(checks, { field: "servers[0].taints", find: findTaintMistake }, taints),
  };
}

/** Returns the names in the certificate of the API server. */
export function checkTlsSans(checks: ArgumentChecks, names: Entries): Entries {
  return checkEntries(checks, { field: "tlsSans", find: findNameMistake }, names);
}

/** Returns the flags of kubelet. */
export function checkKubeletArgs(checks: ArgumentChecks, flags: Entries): Entries {
  return checkEntries(checks, { field: "kubeletArgs", find: findFlagMistake }, flags);
}

const findTaintMistake = toFinder(
  (entry) => isMatch(TAINT, entry),
  "key=value:effect with the effect NoSchedule, PreferNoSchedule or NoExecute",
);

const findNameMistake = toFinder(
  (entry) => isIP(entry) !== 0 || (entry.length <= 253 && isMatch(DNS_NAME, entry)),
  "an address or a name such as k3s.example.com",
);

const findFlagMistake = toFinder(
  (entry) => isMatch(KUBELET_FLAG, entry),
  "a flag such as max-pods=50",
);

function toFinder(isRight: (entry: string) => boolean, expected: string): FindMistake {
  return (entry) => (isRight(entry) ? undefined : `expected ${expected}, got ${quote(entry)}`);
}
