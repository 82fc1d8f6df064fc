/** The rights of the gateway over namespaces, on a real API server. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  BINDING_SPEC,
  NAMESPACE_GUARD,
  toPolicySpec,
} from "../../../components/gateway/namespace-guard.ts";
import { GATEWAY_CLUSTER_RULES } from "../../../components/gateway/rbac-rules.ts";
import { type KubernetesClient, KubernetesError } from "../../../services/lib/kubernetes.ts";
import { type ApiServer, createTokenClient, startApiServer } from "../../support/apiserver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll, 60_000);
const NAMESPACES = "/api/v1/namespaces";
const REFUSAL = 'the gateway changes namespaces only that are marked openfaas: "1"';

let api: ApiServer;
/** With the token of the account `gateway` of a namespace. */
let gateway: KubernetesClient;

beforeAll(async () => {
  api = await startApiServer();
  atEnd(() => api.stop());
  await api.kubectl("create", "namespace", "openfaas");
  await api.kubectl("create", "serviceaccount", "gateway", "-n", "openfaas");
  const rbac = "rbac.authorization.k8s.io";
  const metadata = { name: "plonk-gateway" };
  const role = { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata };
  await api.apply(JSON.stringify({ ...role, rules: GATEWAY_CLUSTER_RULES }));
  await api.apply(
    JSON.stringify({
      ...{ ...role, kind: "ClusterRoleBinding" },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", name: "gateway", namespace: "openfaas" }],
    }),
  );
  const token = await api.kubectl("create", "token", "gateway", "-n", "openfaas");
  gateway = createTokenClient(api.kubeconfigPath, token);
  atEnd(() => gateway.close());
  const admission = "admissionregistration.k8s.io/v1";
  const guard = { apiVersion: admission, metadata: { name: NAMESPACE_GUARD } };
  const policy = {
    ...guard,
    kind: "ValidatingAdmissionPolicy",
    spec: toPolicySpec(["openfaas", "openfaas-fn"]),
  };
  await api.apply(JSON.stringify(policy));
  const kind = "ValidatingAdmissionPolicyBinding";
  await api.apply(JSON.stringify({ ...guard, kind, spec: BINDING_SPEC }));
  await api.kubectl("create", "namespace", "others");
  // Rights and a policy take a moment each to be in force, and without the rights there is another
  // refusal. What is let in until then marks nothing.
  const probe = { labels: { probe: "1" } };
  await until("the refusal", async () => (await patch("others", probe)).includes(REFUSAL));
}, 120_000);

/** `done`, or what the API server says. */
async function attempt(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    expect(error).toBeInstanceOf(KubernetesError);
    return (error as KubernetesError).message;
  }
}

const patch = (name: string, metadata: object): Promise<string> =>
  attempt(gateway.mergePatch(`${NAMESPACES}/${name}`, { metadata }, "plonk-gateway"));

const mark = (name: string): Promise<string> => patch(name, { annotations: { openfaas: "1" } });

const remove = (name: string): Promise<string> =>
  attempt(gateway.request(`${NAMESPACES}/${name}`, { method: "DELETE" }));

test.each(["others", "default", "kube-system", "openfaas"])(
  "do not reach the namespace %s, which is not marked",
  async (name) => {
    expect(await mark(name)).toContain(REFUSAL);
    expect(await patch(name, { labels: { openfaas: "1" } })).toContain(REFUSAL);
    expect(await remove(name)).not.toBe("done");
  },
);

test.each(["annotations", "labels"])("reach one that is marked by its %s", async (field) => {
  const name = `marked-${field}`;
  const body = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, [field]: { openfaas: "1" } },
  };
  expect(await attempt(gateway.request(NAMESPACES, { method: "POST", body }))).toBe("done");
  expect(await patch(name, { labels: { team: "a" } })).toBe("done");
  expect(await remove(name)).toBe("done");
});

test("reach the platform's own for functions, marked or not", async () => {
  await api.kubectl("create", "namespace", "openfaas-fn");
  expect(await mark("openfaas-fn")).toBe("done");
});

test("reach what somebody else has marked", async () => {
  await api.kubectl("annotate", "namespace", "others", "openfaas=1");
  expect(await patch("others", { labels: { team: "a" } })).toBe("done");
});
