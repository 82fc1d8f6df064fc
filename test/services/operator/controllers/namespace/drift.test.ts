import { afterEach, describe, expect, it } from "@jest/globals";
import { POD_SECURITY, PREPARED, toFunctionPolicies } from "../../../../../contract/index.ts";
import { Registry } from "../../../../../services/lib/metrics.ts";
import { NamespaceController } from "../../../../../services/operator/controllers/namespace/controller.ts";
import type { ManagedFields } from "../../../../../services/operator/kubernetes/types.ts";
import { send, sendStatus } from "../../../../support/kubernetes-answers.ts";
import { NAMESPACES, useWorlds, writesOf } from "../../world.ts";

const createWorld = useWorlds(afterEach);

const POLICIES = "/apis/networking.k8s.io/v1/namespaces/dev/networkpolicies";
const BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/dev/rolebindings";
const EVENTS = "/api/v1/namespaces/dev/events";
const ROLE = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole" };
const MARK = { name: "dev", annotations: { openfaas: "1", [PREPARED]: "1" }, labels: POD_SECURITY };

const [, platform] = toFunctionPolicies({ platformNamespace: "openfaas", denied: [] });

/** What a manager has set of an object. */
const set = (fieldsV1: ManagedFields["fieldsV1"] & object, manager = "kubectl-edit") => ({
  ...{ manager, operation: "Update", fieldsV1 },
});

/** A namespace that was set up, by this controller. */
async function createSetUp() {
  const { fake, client, informers, log } = await createWorld((world) => {
    world.put(NAMESPACES, { metadata: MARK });
  });
  const registry = new Registry();
  const start = () =>
    new NamespaceController({
      ...{ client, informers, logger: log.logger, registry, identity: "operator-1" },
      platformNamespace: "openfaas",
      hasNetworkPolicies: true,
      deniedEgress: [],
    });
  const controller = start();
  await informers.start();
  await controller.reconcile("dev");
  await fake.settle();
  fake.requests.length = 0;
  const told = () =>
    fake.requests
      .filter(({ method, path }) => method === "POST" && path === EVENTS)
      .map(({ body }) => (body as { message: string }).message);
  const counted = async () =>
    (await registry.metrics())
      .split("\n")
      .filter((line) => line.startsWith("operator_drift_total{"));
  /** Writes into an object that is there, as somebody else. */
  const change = (collection: string, name: string, fields: Record<string, object>) => {
    const known = fake.objects.get(`${collection}/${name}`);
    const metadata = { ...known?.metadata, name, ...fields["metadata"] };
    fake.put(collection, { ...known, ...fields, metadata });
  };
  return { fake, registry, controller, start, told, counted, change };
}

describe("what a namespace is set up with", () => {
  it("is read, and not written again as long as it is as it is wanted", async () => {
    const { fake, controller, told, counted } = await createSetUp();
    await controller.reconcile("dev");
    expect(writesOf(fake)).toStrictEqual([]);
    expect(told()).toStrictEqual([]);
    expect(await counted()).toStrictEqual([]);
  });

  it("is as before when somebody changes it, and who it was is told on the Namespace", async () => {
    const { fake, controller, told, counted, change } = await createSetUp();
    change(POLICIES, "allow-platform", {
      metadata: { managedFields: [set({ "f:spec": { "f:ingress": {} } })] },
      spec: { ...platform?.spec, ingress: [{}] },
    });
    change(BINDINGS, "plonk-gateway-functions", {
      metadata: { managedFields: [set({ "f:subjects": {} }, "argo")] },
      subjects: [{ kind: "ServiceAccount", name: "mine", namespace: "dev" }],
    });
    await controller.reconcile("dev");
    expect(writesOf(fake)).toStrictEqual([
      `PATCH ${BINDINGS}/plonk-gateway-functions`,
      `PATCH ${POLICIES}/allow-platform`,
      `POST ${EVENTS}`,
      `POST ${EVENTS}`,
    ]);
    expect(fake.objects.get(`${POLICIES}/allow-platform`)?.["spec"]).toStrictEqual(platform?.spec);
    expect(told()).toStrictEqual([
      "RoleBinding plonk-gateway-functions: others had changed it, which was undone: subjects (argo)",
      "NetworkPolicy allow-platform: others had changed it, which was undone: spec.ingress (kubectl-edit)",
    ]);
    expect(fake.requests.find(({ path }) => path === EVENTS)?.body).toMatchObject({
      type: "Warning",
      reason: "Drifted",
      metadata: { generateName: "dev.", namespace: "dev" },
      involvedObject: {
        ...{ apiVersion: "v1", kind: "Namespace" },
        ...{ name: "dev", namespace: "dev", uid: "uid-dev" },
      },
      reportingInstance: "operator-1",
    });
    expect(await counted()).toStrictEqual([
      'operator_drift_total{kind="RoleBinding",result="repaired"} 1',
      'operator_drift_total{kind="NetworkPolicy",result="repaired"} 1',
    ]);
  });

  it("loses what somebody adds, which applying does not take away", async () => {
    const { fake, controller, told, change } = await createSetUp();
    const policy = fake.objects.get(`${POLICIES}/default-deny`);
    const spec = { ...(policy?.["spec"] as object), ingress: [{}] };
    const managedFields = [set({ "f:spec": { "f:ingress": {} } })];
    change(POLICIES, "default-deny", { metadata: { managedFields }, spec });
    const patches: unknown[] = [];
    fake.intercept = ({ method, path, body }, response) => {
      if (method !== "PATCH" || !path.endsWith("/default-deny")) {
        return false;
      }
      patches.push(body);
      send(response, 200, { ...policy, spec });
      return true;
    };
    await controller.reconcile("dev");
    expect(patches).toMatchObject([
      { kind: "NetworkPolicy", spec: policy?.["spec"] },
      [{ op: "replace", path: "/spec", value: policy?.["spec"] }],
    ]);
    expect(told()).toStrictEqual([
      "NetworkPolicy default-deny: others had changed it, which was undone: spec.ingress (kubectl-edit)",
    ]);
  });

  it("is made again when somebody deletes it", async () => {
    const { fake, controller, told, counted } = await createSetUp();
    fake.remove(POLICIES, "default-deny");
    await controller.reconcile("dev");
    expect(fake.objects.has(`${POLICIES}/default-deny`)).toBe(true);
    expect(told()).toStrictEqual([
      "NetworkPolicy default-deny: others had deleted it, and it was made again",
    ]);
    expect(await counted()).toStrictEqual([
      'operator_drift_total{kind="NetworkPolicy",result="repaired"} 1',
    ]);
  });

  it("is made anew of its role when somebody has made it of another one", async () => {
    const { fake, controller, told, change } = await createSetUp();
    const managedFields = [set({ "f:roleRef": {}, "f:subjects": {} })];
    const roleRef = { ...ROLE, name: "cluster-admin" };
    change(BINDINGS, "plonk-operator-functions", { metadata: { managedFields }, roleRef });
    await controller.reconcile("dev");
    expect(writesOf(fake).slice(0, 2)).toStrictEqual([
      `DELETE ${BINDINGS}/plonk-operator-functions`,
      `PATCH ${BINDINGS}/plonk-operator-functions`,
    ]);
    const removal = fake.requests.find(({ method }) => method === "DELETE");
    expect(removal?.body).toStrictEqual({ preconditions: { uid: "uid-plonk-operator-functions" } });
    expect(fake.objects.get(`${BINDINGS}/plonk-operator-functions`)).toMatchObject({
      metadata: { uid: "uid-plonk-operator-functions-2" },
      roleRef: { ...ROLE, name: "plonk-operator-functions" },
    });
    expect(told()).toStrictEqual([
      "RoleBinding plonk-operator-functions: others had changed it, which was undone: roleRef (kubectl-edit)",
    ]);
  });

  it.each([
    [
      "is written by others, too",
      { labels: { "app.kubernetes.io/managed-by": "plonk", a: "b" } },
      0,
    ],
    ["lost the operator's label", { labels: { a: "b" } }, 1],
  ])("is told by nothing where its metadata %s", async (_what, metadata, writes) => {
    const { fake, controller, told, counted, change } = await createSetUp();
    change(POLICIES, "default-deny", { metadata });
    change(BINDINGS, "plonk-gateway-functions", { metadata });
    await controller.reconcile("dev");
    expect(writesOf(fake)).toHaveLength(2 * writes);
    expect([told(), await counted()]).toStrictEqual([[], []]);
  });

  it("is another one by an operator with other settings, which is no drift", async () => {
    const { fake, controller, told, change } = await createSetUp();
    change(POLICIES, "allow-platform", {
      metadata: { managedFields: [set({ "f:spec": { "f:ingress": {} } }, "plonk-operator")] },
      spec: { ...platform?.spec, ingress: [] },
    });
    await controller.reconcile("dev");
    expect(writesOf(fake)).toStrictEqual([`PATCH ${POLICIES}/allow-platform`]);
    expect(told()).toStrictEqual([]);
  });

  it.each<[string, boolean, string[]]>([
    [
      "by one that has seen it",
      true,
      [
        "NetworkPolicy allow-platform: others had changed it, which was undone: spec.ingress (unknown)",
      ],
    ],
    ["by one that begins with it", false, []],
  ])("lacks a field that nobody has set, which is told %s", async (_by, isSame, expected) => {
    const { fake, controller, start, told, change } = await createSetUp();
    const { podSelector, policyTypes } = platform?.spec ?? {};
    change(POLICIES, "allow-platform", { spec: { podSelector, policyTypes } });
    await (isSame ? controller : start()).reconcile("dev");
    expect(writesOf(fake)).toContain(`PATCH ${POLICIES}/allow-platform`);
    expect(told()).toStrictEqual(expected);
  });

  it("is told as changed also where that was done while no operator ran, and not as deleted", async () => {
    const { fake, start, told, change } = await createSetUp();
    change(POLICIES, "allow-platform", {
      metadata: { managedFields: [set({ "f:spec": { "f:ingress": {} } })] },
      spec: { ...platform?.spec, ingress: [{}] },
    });
    fake.remove(POLICIES, "allow-egress");
    await start().reconcile("dev");
    expect(fake.objects.has(`${POLICIES}/allow-egress`)).toBe(true);
    expect(told()).toStrictEqual([
      "NetworkPolicy allow-platform: others had changed it, which was undone: spec.ingress (kubectl-edit)",
    ]);
  });

  it("is told once all is as it was, when that takes several attempts", async () => {
    const { fake, controller, told, counted } = await createSetUp();
    fake.remove(BINDINGS, "plonk-operator-functions");
    fake.intercept = ({ path }, response) => {
      if (!path.startsWith(POLICIES)) {
        return false;
      }
      sendStatus(response, 403, "Forbidden");
      return true;
    };
    await expect(controller.reconcile("dev")).rejects.toThrow("Forbidden");
    expect([told(), await counted()]).toStrictEqual([[], []]);
    fake.intercept = () => false;
    await controller.reconcile("dev");
    await controller.reconcile("dev");
    expect(told()).toStrictEqual([
      "RoleBinding plonk-operator-functions: others had deleted it, and it was made again",
    ]);
  });

  it("is told once where it is changed again and again, and counted each time", async () => {
    const { fake, controller, told, counted } = await createSetUp();
    for (let round = 1; round <= 3; round += 1) {
      fake.remove(BINDINGS, "plonk-gateway-functions");
      await controller.reconcile("dev");
    }
    expect(told()).toHaveLength(1);
    expect(await counted()).toStrictEqual([
      'operator_drift_total{kind="RoleBinding",result="repaired"} 3',
    ]);
  });

  it("is told again where it is deleted after it was changed", async () => {
    const { fake, controller, told, change } = await createSetUp();
    change(POLICIES, "allow-platform", {
      metadata: { managedFields: [set({ "f:spec": { "f:ingress": {} } })] },
      spec: { ...platform?.spec, ingress: [{}] },
    });
    await controller.reconcile("dev");
    fake.remove(POLICIES, "allow-platform");
    await controller.reconcile("dev");
    expect(told()).toStrictEqual([
      "NetworkPolicy allow-platform: others had changed it, which was undone: spec.ingress (kubectl-edit)",
      "NetworkPolicy allow-platform: others had deleted it, and it was made again",
    ]);
  });

  it("goes with its namespace, which is told by nothing when there is another one", async () => {
    const { fake, controller, told } = await createSetUp();
    for (const name of ["default-deny", "allow-platform", "allow-egress"]) {
      fake.remove(POLICIES, name);
    }
    fake.remove(NAMESPACES, "dev");
    fake.put(NAMESPACES, { metadata: MARK });
    await fake.settle();
    await controller.reconcile("dev");
    expect(fake.objects.has(`${POLICIES}/default-deny`)).toBe(true);
    expect(told()).toStrictEqual([]);
  });
});
