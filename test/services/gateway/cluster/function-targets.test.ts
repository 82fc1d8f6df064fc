/** What Prometheus' HTTP discovery reads from the gateway. */
import { expect, test } from "@jest/globals";
import type { FunctionResource } from "../../../../services/contract/index.ts";
import { listFunctionTargets } from "../../../../services/gateway/cluster/function-targets.ts";

const served = new Map(
  ["openfaas-fn/env", "staging/figlet", "openfaas-fn/idle"].map((key) => {
    const [namespace = "", name = ""] = key.split("/");
    return [key, { metadata: { name, namespace } } as FunctionResource];
  }),
);

test("each function is a group of its pods' watchdogs, under the name that calls are counted by", () => {
  const addresses = function* (): Generator<[string, string[]]> {
    yield ["openfaas-fn/env", ["10.42.0.7", "10.42.0.8"]];
    yield ["staging/figlet", ["[fd00::7]"]];
    yield ["openfaas-fn/idle", []];
  };
  expect(listFunctionTargets(served, { addresses })).toEqual([
    { targets: ["10.42.0.7:8081", "10.42.0.8:8081"], labels: { function_name: "env.openfaas-fn" } },
    { targets: ["[fd00::7]:8081"], labels: { function_name: "figlet.staging" } },
    { targets: [], labels: { function_name: "idle.openfaas-fn" } },
  ]);
});

test("addresses under the name of no function are not scraped", () => {
  const addresses = function* (): Generator<[string, string[]]> {
    yield ["kube-system/figlet", ["169.254.169.254"]];
    yield ["staging/env", ["10.42.0.9"]];
  };
  expect(listFunctionTargets(served, { addresses })).toEqual([]);
});
