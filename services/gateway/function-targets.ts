/** Where Prometheus finds the functions: their pods' watchdogs, as its HTTP discovery reads it. */
import { PORT } from "../contract/index.ts";
import type { Endpoints } from "./endpoints.ts";

/** An element of the list that Prometheus' `http_sd_configs` reads. */
export interface TargetGroup {
  targets: string[];
  labels: { function_name: string };
}

/** The watchdogs of all pods that take calls, one group a function, named `name.namespace`. */
export function listFunctionTargets(endpoints: Pick<Endpoints, "addresses">): TargetGroup[] {
  return Array.from(endpoints.addresses(), ([key, addresses]) => {
    const [namespace = "", name = ""] = key.split("/");
    return {
      targets: addresses.map((address) => `${address}:${PORT.functionMetrics}`),
      labels: { function_name: `${name}.${namespace}` },
    };
  });
}
