import { afterEach, describe, expect, it } from "@jest/globals";
import { NamespaceController } from "../../../../../services/operator/controllers/namespace/controller.ts";
import { NAMESPACES, useWorlds, type World, writesOf } from "../../world.ts";

const createWorld = useWorlds(afterEach);

const MARKED = { annotations: { openfaas: "1" } };

function createController({ client, informers, log }: World, assertLeading = () => undefined) {
  const enqueued: string[] = [];
  const controller = new NamespaceController({
    client,
    logger: log.logger,
    informers,
    leadership: { assertLeading },
    platformNamespace: "openfaas",
    hasNetworkPolicies: false,
    deniedEgress: [],
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

  it("sets a namespace up, and again after ten minutes", async () => {
    const world = await startWorld();
    const { controller } = createController(world);
    await world.informers.start();
    expect(await controller.reconcile("dev")).toStrictEqual({ requeueAfterMs: 600_000 });
    const bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/dev/rolebindings";
    expect(writesOf(world.fake)).toStrictEqual([
      `PATCH ${bindings}/plonk-gateway-functions`,
      `PATCH ${bindings}/plonk-operator-functions`,
      "PATCH /api/v1/namespaces/dev",
    ]);
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
    const { controller } = createController(world, () => {
      throw new Error("no longer leading");
    });
    await world.informers.start();
    await expect(controller.reconcile("dev")).rejects.toThrow("no longer leading");
    expect(writesOf(world.fake)).toStrictEqual([]);
  });
});
