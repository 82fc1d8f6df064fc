import { afterEach, describe, expect, it } from "@jest/globals";
import { LABEL, toKey } from "../../../../../contract/index.ts";
import { readConfig } from "../../../../../services/operator/config.ts";
import { FunctionController } from "../../../../../services/operator/controllers/function/controller.ts";
import { FUNCTIONS, putFunction } from "../../../../support/function-objects.ts";
import { until } from "../../../../support/until.ts";
import {
  DEPLOYMENTS,
  NAMESPACES,
  PODS,
  SERVICES,
  useWorlds,
  type World,
  writesOf,
} from "../../world.ts";

const createWorld = useWorlds(afterEach);

const KEY = toKey({ name: "resize", namespace: "openfaas-fn" });

function createController({ client, informers, log }: World, assertLeading = () => undefined) {
  const enqueued: string[] = [];
  const controller = new FunctionController({
    client,
    logger: log.logger,
    informers,
    leadership: { assertLeading },
    timeouts: readConfig({}).timeouts,
    identity: "operator-1",
  });
  for (const trigger of controller.informers) {
    trigger((key) => enqueued.push(key));
  }
  return { controller, enqueued };
}

function readReady({ fake }: World, name = "resize", namespace = "openfaas-fn") {
  const path = `${FUNCTIONS.replace("openfaas-fn", namespace)}/${name}`;
  const { status } = fake.objects.get(path) as { status?: { conditions: { reason: string }[] } };
  return status?.conditions[0]?.reason;
}

const metadata = { name: "resize", labels: { [LABEL.function]: "resize" } };

describe("FunctionController", () => {
  it("applies a Service and a Deployment, and asks for no other turn", async () => {
    const world = await createWorld((fake) => putFunction(fake, "resize"));
    const { controller } = createController(world);
    await world.informers.start();
    expect(controller.keys()).toStrictEqual([KEY]);
    expect(await controller.reconcile(KEY)).toStrictEqual({});
    expect(writesOf(world.fake).slice(0, 3)).toStrictEqual([
      `PATCH ${SERVICES}/resize`,
      `PATCH ${DEPLOYMENTS}/resize`,
      `PATCH ${FUNCTIONS}/resize/status`,
    ]);
    expect(readReady(world)).toBe("Progressing");
  });

  it("applies what was deleted again, and nothing that is there", async () => {
    const world = await createWorld((fake) => putFunction(fake, "resize"));
    const { controller } = createController(world);
    await world.informers.start();
    await controller.reconcile(KEY);
    await world.fake.settle();
    const countApplied = () =>
      writesOf(world.fake).filter((it) => it === `PATCH ${DEPLOYMENTS}/resize`).length;
    await controller.reconcile(KEY);
    expect(countApplied()).toBe(1);
    world.fake.remove(DEPLOYMENTS, "resize");
    await world.fake.settle();
    await controller.reconcile(KEY);
    expect(countApplied()).toBe(2);
  });

  it("asks for another turn after two seconds while something is missing", async () => {
    const world = await createWorld((fake) =>
      putFunction(fake, "resize", { spec: { secrets: ["key"] } }),
    );
    const { controller } = createController(world);
    await world.informers.start();
    expect(await controller.reconcile(KEY)).toStrictEqual({ requeueAfterMs: 2000 });
    await world.fake.settle();
    expect(readReady(world)).toBe("SecretNotFound");
  });

  it("asks for another turn after fifteen seconds when the API server refuses", async () => {
    const world = await createWorld((fake) => putFunction(fake, "resize"));
    world.fake.intercept = ({ method, path }, response) => {
      const isRefused = method === "PATCH" && path.startsWith(DEPLOYMENTS);
      if (isRefused) {
        const body = { kind: "Status", code: 403, reason: "Forbidden", message: "quota" };
        response.writeHead(403, { "content-type": "application/json" }).end(JSON.stringify(body));
      }
      return isRefused;
    };
    const { controller } = createController(world);
    await world.informers.start();
    expect(await controller.reconcile(KEY)).toStrictEqual({ requeueAfterMs: 15_000 });
    await world.fake.settle();
    expect(readReady(world)).toBe("Forbidden");
  });

  it("writes nothing once it no longer leads", async () => {
    const world = await createWorld((fake) => putFunction(fake, "resize"));
    const { controller } = createController(world, () => {
      throw new Error("no longer leading");
    });
    await world.informers.start();
    await expect(controller.reconcile(KEY)).rejects.toThrow("no longer leading");
    expect(writesOf(world.fake)).toStrictEqual([]);
  });

  it("is triggered by what carries the label of a function", async () => {
    const world = await createWorld((fake) => putFunction(fake, "resize"));
    const { enqueued } = createController(world);
    await world.informers.start();
    for (const collection of [DEPLOYMENTS, SERVICES, PODS]) {
      enqueued.length = 0;
      world.fake.put(collection, { metadata });
      await world.fake.settle();
      expect(enqueued).toStrictEqual([KEY]);
      world.fake.remove(collection, "resize");
      await world.fake.settle();
      expect(enqueued).toStrictEqual([KEY, KEY]);
    }
  });

  it("looks at the functions of a namespace again when it is marked, and when it is not", async () => {
    const world = await createWorld((fake) => {
      fake.put(NAMESPACES, { metadata: { name: "dev" } });
      const collection = FUNCTIONS.replace("openfaas-fn", "dev");
      const spec = { name: "late", image: "example/image:1", replicas: 1 };
      fake.put(collection, { metadata: { name: "late" }, spec });
    });
    const { controller, enqueued } = createController(world);
    await world.informers.start();
    await controller.reconcile("dev/late");
    expect(readReady(world, "late", "dev")).toBe("NamespaceNotEnabled");
    enqueued.length = 0;
    const annotations = { openfaas: "1", "plonk/prepared": "1" };
    world.fake.put(NAMESPACES, { metadata: { name: "dev", annotations } });
    const { namespaces } = world.informers;
    await until("the namespace to be served", () => namespaces.state("dev") === "served");
    await until("a trigger", () => enqueued.includes("dev/late"));
    await controller.reconcile("dev/late");
    expect(readReady(world, "late", "dev")).toBe("Progressing");
    world.fake.put(NAMESPACES, { metadata: { name: "dev", annotations: {} } });
    await until("the namespace to be left", () => namespaces.state("dev") === "refused");
    await controller.reconcile("dev/late");
    expect(readReady(world, "late", "dev")).toBe("NamespaceNotEnabled");
  });
});
