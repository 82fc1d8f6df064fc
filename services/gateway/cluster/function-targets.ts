/** Where Prometheus finds the functions: their pods' watchdogs, as its HTTP discovery reads it. */
import { PORT } from "../../contract/index.ts";
import type { Endpoints } from "./endpoints.ts";
import type { FunctionWatch } from "./functions.ts";
import { toDisplayName } from "./names.ts";

/** An element of the list that Prometheus' `http_sd_configs` reads. */
export interface TargetGroup {
  targets: string[];
  labels: { function_name: string };
}

/**
 * The watchdogs of all pods that take calls, one group a function, named `name.namespace`. Only
 * of functions that are served: anybody who may write an EndpointSlice could name any address.
 */
export function listFunctionTargets(
  functions: Pick<FunctionWatch, "get">,
  endpoints: Pick<Endpoints, "addresses">,
): TargetGroup[] {
  const groups: TargetGroup[] = [];
  for (const [key, addresses] of endpoints.addresses()) {
    const resource = functions.get(key);
    if (resource !== undefined) {
      const { name, namespace } = resource.metadata;
      groups.push({
        targets: addresses.map((address) => `${address}:${PORT.functionMetrics}`),
        labels: { function_name: toDisplayName({ name, namespace }) },
      });
    }
  }
  return groups;
}
