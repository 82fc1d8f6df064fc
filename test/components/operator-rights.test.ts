/** Whom the operator may ask for the load of functions. */
import { expect, it } from "@jest/globals";
import {
  OPERATOR_CLUSTER_RULES,
  OPERATOR_FUNCTION_RULES,
  OPERATOR_PLATFORM_RULES,
} from "../../components/operator/rbac-rules.ts";

it("reads where gateways are, and what pods use, each in its place alone", () => {
  const slices = { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] };
  const usage = { apiGroups: ["metrics.k8s.io"], resources: ["pods"] };
  expect(OPERATOR_PLATFORM_RULES).toContainEqual({ ...slices, verbs: ["get", "list", "watch"] });
  expect(OPERATOR_FUNCTION_RULES).toContainEqual({ ...usage, verbs: ["get", "list"] });
  const wide = OPERATOR_CLUSTER_RULES.flatMap(({ resources }) => resources);
  expect(wide).not.toContain("endpointslices");
  expect(wide).not.toContain("pods");
});
