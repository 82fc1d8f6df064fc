import { afterEach, describe, expect, it } from "@jest/globals";
import { Registry } from "../../../../../services/lib/metrics.ts";
import {
  NamespaceController,
  type NamespaceControllerOptions,
} from "../../../../../services/operator/controllers/namespace/controller.ts";
import { NAMESPACES, useWorlds, withoutLead, type World, writesOf } from "../../world.ts";

const createWorld = useWorlds(afterEach);

const MARKED = { annotations: { openfaas: "1" } };

function createController(
  { client, informers, log }: World,
  options: Partial<NamespaceControllerOptions> = {},
) {
  const enqueued: string[] = [];
  const controller = new NamespaceController({
    client,
    logger: log.logger,
    informers,
    platformNamespace: "openfaas",
    hasNetworkPolicies: false,
    deniedEgress: [],
    identity: "operator-1",
    registry: new Registry(),
    ...options,
  });
  for (const trigger of controller.informers) {
    trigger((key) => enqueued.push(key));
  }
  return { controller, enqueued };
}

const startWorld = () =>
  createWorld((fake) => {
    fake.put(NAMESPACES, { metadata: { name: "dev", ...MARKED } });
    fake.put(NAMESPACES, { metadata: { name: "other" } });
    fake.put(NAMESPACES, { metadata: { name: "openfaas", ...MARKED } });
    fake.put(NAMESPACES, { metadata: { name: "openfaas-fn", ...MARKED } });
  });

describe("NamespaceController", () => {
  it("is triggered by namespaces that are marked, and by no others", async () => {
    const world = await startWorld();
    const { controller, enqueued } = createController(world);
    await world.informers.start();
    expect(enqueued).toStrictEqual(["dev"]);
    expect(controller.keys()).toStrictEqual(["dev"]);
    world.fake.put(NAMESPACES, { metadata: { name: "other", ...MARKED } });
    world.fake.put(NAMESPACES, { metadata: { name: "third" } });
    await world.fake.settle();
    expect(enqueued).toStrictEqual(["dev", "other"]);
    expect(controller.keys()).toStrictEqual(["dev", "other"]);
  });

  it("sets a namespace up, and looks at it again after a minute", async () => {
    const world = await startWorld();
    const { controller } = createController(world);
    await world.informers.start();
    const { requeueAfterMs } = await controller.reconcile("dev");
    expect(requeueAfterMs).toBeGreaterThanOrEqual(60_000);
    expect(requeueAfterMs).toBeLessThanOrEqual(72_000);
    const bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/dev/rolebindings";
    expect(writesOf(world.fake)).toStrictEqual([
      `PATCH ${bindings}/plonk-gateway-functions`,
      `PATCH ${bindings}/plonk-operator-functions`,
      "PATCH /api/v1/namespaces/dev",
    ]);
  });

  it.each<[string, Partial<NamespaceControllerOptions>, object[]]>([
    [
      "the platform's Prometheus",
      {},
      [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "openfaas" } },
          podSelector: {
            matchLabels: {
              "app.kubernetes.io/name": "prometheus",
              "app.kubernetes.io/instance": "plonk",
            },
          },
        },
      ],
    ],
    [
      "the namespace of another one",
      { metricsNamespace: "monitoring" },
      [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
    ],
  ])("opens the metrics of functions to %s", async (_, options, from) => {
    const world = await startWorld();
    const { controller } = createController(world, { hasNetworkPolicies: true, ...options });
    await world.informers.start();
    await controller.reconcile("dev");
    const policies = "/apis/networking.k8s.io/v1/namespaces/dev/networkpolicies";
    const written = world.fake.requests.filter(
      ({ method, path }) => method === "PATCH" && path.startsWith(`${policies}/`),
    );
    expect(written.map(({ path }) => path.slice(policies.length + 1))).toStrictEqual([
      "default-deny",
      "allow-platform",
      "allow-egress",
    ]);
    expect(written[1]?.body).toMatchObject({
      spec: { ingress: [{ ports: [{ port: 8080 }] }, { ports: [{ port: 8081 }], from }] },
    });
  });

  it("leaves namespaces alone that are not marked, without asking for another turn", async () => {
    const world = await startWorld();
    const { controller } = createController(world);
    await world.informers.start();
    for (const name of ["other", "openfaas", "openfaas-fn", "gone"]) {
      expect(await controller.reconcile(name)).toStrictEqual({});
    }
    expect(writesOf(world.fake)).toStrictEqual([]);
  });

  it("writes nothing once it no longer leads", async () => {
    const world = await startWorld();
    const { controller } = createController(withoutLead(world));
    await world.informers.start();
    await expect(controller.reconcile("dev")).rejects.toThrow("no longer leading");
    expect(writesOf(world.fake)).toStrictEqual([]);
  });
});
