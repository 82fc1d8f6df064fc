/** A function with a profile: what its pods are, their code, and how many may be taken away. */
import { expect } from "@jest/globals";
import { until } from "../../support/until.ts";
import type { ScaledStack } from "./scaling.ts";

const SHAPED = "shaped";
const NAMESPACE = ["-n", "openfaas-fn"];

const PROFILE = {
  apiVersion: "openfaas.com/v1",
  kind: "Profile",
  metadata: { name: "searching", namespace: "openfaas" },
  spec: {
    dnsConfig: { searches: ["profile.example"] },
    tolerations: [{ key: "profile.example/only", operator: "Exists" }],
  },
};

/** Of a function that kubectl and the REST API have made, with two pods. */
export async function expectShaped({ gateway, system, kubectl }: ScaledStack): Promise<void> {
  const body = {
    service: SHAPED,
    code: "import { readFileSync } from 'node:fs';\nexport default () => readFileSync('/etc/resolv.conf', 'utf8');",
    labels: { "com.openfaas.scale.min": "2" },
    annotations: { "com.openfaas.profile": PROFILE.metadata.name },
  };
  const refused = await system("/system/functions", { method: "POST", body });
  expect([refused.status, await refused.text()]).toEqual([
    400,
    expect.stringContaining('expected a Profile in namespace openfaas, got "searching"'),
  ]);
  kubectl(["apply", "-f", "-"], JSON.stringify(PROFILE));
  const deployed = await system("/system/functions", { method: "POST", body });
  expect(deployed.status).toBe(202);
  const status = (path: string): string =>
    kubectl([...NAMESPACE, "get", `functions.openfaas.com/${SHAPED}`, "-o", `jsonpath=${path}`]);
  const states = "{.status.conditions[?(@.type=='Ready')].status}{.status.availableReplicas}";
  await until(`two pods of ${SHAPED}`, () => status(states) === "True2", 180_000);
  expect(status("{.status.conditions[?(@.type=='CodeLoaded')].reason}")).toBe("Loaded");
  const answer = await fetch(`${gateway()}/function/${SHAPED}`);
  expect(await answer.text()).toContain("profile.example");
  expectBudget(kubectl);
  await system("/system/functions", { method: "DELETE", body: { functionName: SHAPED } });
  kubectl(["delete", "-n", PROFILE.metadata.namespace, `profile/${PROFILE.metadata.name}`]);
}

/** One of two pods may be taken away at a time, as by `kubectl drain`. */
function expectBudget(kubectl: ScaledStack["kubectl"]): void {
  const selector = ["get", "pods", "-l", `faas_function=${SHAPED}`, "-o"];
  const names = kubectl([...NAMESPACE, ...selector, "jsonpath={.items[*].metadata.name}"]);
  const [first = "", second = ""] = names.split(" ");
  const evict = (name: string): string => {
    const path = `/api/v1/namespaces/openfaas-fn/pods/${name}/eviction`;
    const metadata = { name, namespace: "openfaas-fn" };
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata };
    return kubectl(["create", "--raw", path, "-f", "-"], JSON.stringify(eviction));
  };
  expect(evict(first)).toContain("Success");
  expect(() => evict(second)).toThrow(/violate the pod's disruption budget/);
}
