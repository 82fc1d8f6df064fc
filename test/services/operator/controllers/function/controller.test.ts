import { afterEach, describe, expect, it } from "@jest/globals";
import { LABEL, toKey } from "../../../../../contract/index.ts";
import { Registry } from "../../../../../services/lib/metrics.ts";
import { readConfig } from "../../../../../services/operator/config.ts";
import { FunctionController } from "../../../../../services/operator/controllers/function/controller.ts";
import { ScaleDecisions } from "../../../../../services/operator/scale-decisions.ts";
import { FUNCTIONS, putFunction } from "../../../../support/function-objects.ts";
import { until } from "../../../../support/until.ts";
import {
  DEPLOYMENTS,
  NAMESPACES,
  PODS,
  SERVICES,
  useWorlds,
  withoutLead,
  type World,
  writesOf,
} from "../../world.ts";

const createWorld = useWorlds(afterEach);

const KEY = toKey({ name: "resize", namespace: "openfaas-fn" });

function createController({ client, informers, log }: World) {
  const enqueued: string[] = [];
  const controller = new FunctionController({
    platformNamespace: "openfaas",
    client,
    logger: log.logger,
    informers,
    timeouts: readConfig({}).timeouts,
    imagePullSecrets: ["everybody"],
    identity: "operator-1",
    registry: new Registry(),
    decisions: new ScaleDecisions(),
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

  describe("with other limits of its scale", () => {
    const scale = (limits: Record<string, string>): Record<string, string> =>
      Object.fromEntries(
        Object.entries(limits).map(([name, value]) => [`com.openfaas.scale.${name}`, value]),
      );
    const replicasOf = (object: unknown) =>
      (object as { spec: { replicas?: number } } | undefined)?.spec.replicas;
    const appliedReplicas = ({ fake }: World) =>
      replicasOf(
        fake.requests.findLast(({ path }) => path === `${DEPLOYMENTS}/resize`)?.body ?? {},
      );
    /** Replicas of Function and Deployment once what `after` says has been worked on. */
    const change = async (before: object, after: object) => {
      const world = await createWorld((fake) => putFunction(fake, "resize", { spec: before }));
      const { controller, enqueued } = createController(world);
      await world.informers.start();
      await controller.reconcile(KEY);
      await world.fake.settle();
      putFunction(world.fake, "resize", { spec: { ...before, ...after } });
      await world.fake.settle();
      while (enqueued.length > 0) {
        enqueued.length = 0;
        await controller.reconcile(KEY);
        await world.fake.settle();
      }
      const resource = world.fake.objects.get(`${FUNCTIONS}/resize`);
      return [replicasOf(resource), appliedReplicas(world)];
    };

    it.each([
      {
        what: "a raised minimum",
        before: { replicas: 1 },
        after: { labels: scale({ min: "3" }) },
        expected: 3,
      },
      {
        what: "a raised minimum, from none",
        before: { replicas: 0, labels: scale({ min: "0" }) },
        after: { labels: scale({ min: "1" }) },
        expected: 1,
      },
      {
        what: "a lowered maximum",
        before: { replicas: 9 },
        after: { labels: scale({ max: "4" }) },
        expected: 4,
      },
      {
        what: "the usual maximum instead of a higher one",
        before: { replicas: 30, labels: scale({ max: "40" }) },
        after: { labels: {} },
        expected: 20,
      },
      {
        what: "a lowered maximum, at none",
        before: { replicas: 0 },
        after: { labels: scale({ max: "4" }) },
        expected: 0,
      },
      {
        what: "a lowered minimum",
        before: { replicas: 3, labels: scale({ min: "3" }) },
        after: { labels: scale({ min: "1" }) },
        expected: 3,
      },
      {
        what: "another label, beyond the limits by hand",
        before: { replicas: 30 },
        after: { labels: { a: "b" } },
        expected: 30,
      },
      {
        what: "another label, at none by hand",
        before: { replicas: 0 },
        after: { labels: { a: "b" } },
        expected: 0,
      },
    ])("$what: replicas follow at once", async ({ before, after, expected }) => {
      expect(await change(before, after)).toStrictEqual([expected, expected]);
    });

    it.each([
      ["other limits", { replicas: 1 }],
      ["the first replicas", { replicas: undefined }],
    ])("does not undo by %s what somebody has scaled meanwhile", async (_what, before) => {
      const world = await createWorld((fake) => putFunction(fake, "resize"));
      const { controller } = createController(world);
      await world.informers.start();
      await controller.reconcile(KEY);
      await world.fake.settle();
      const spec = { labels: scale({ min: "3" }) };
      putFunction(world.fake, "resize", { spec: { ...spec, ...before } });
      await world.fake.settle();
      world.fake.intercept = ({ path }) => {
        if (path.endsWith("/scale")) {
          world.fake.intercept = () => false;
          putFunction(world.fake, "resize", { spec: { ...spec, replicas: 5 } });
        }
        return false;
      };
      await expect(controller.reconcile(KEY)).rejects.toThrow("Conflict");
      await world.fake.settle();
      await controller.reconcile(KEY);
      await world.fake.settle();
      expect(appliedReplicas(world)).toBe(5);
    });
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

  it("removes the Deployment of a function of this name that is gone, then makes its own", async () => {
    const world = await createWorld((fake) => {
      putFunction(fake, "resize");
      const owner = { kind: "Function", name: "resize", uid: "uid-of-the-one-before" };
      fake.put(DEPLOYMENTS, { metadata: { ...metadata, ownerReferences: [owner] } });
    });
    const { controller, enqueued } = createController(world);
    await world.informers.start();
    expect(await controller.reconcile(KEY)).toStrictEqual({ requeueAfterMs: 2000 });
    expect(writesOf(world.fake)[0]).toBe(`DELETE ${DEPLOYMENTS}/resize`);
    const [removal] = world.fake.requests.filter(({ method }) => method === "DELETE");
    expect(removal?.body).toStrictEqual({
      preconditions: { uid: "uid-resize" },
      propagationPolicy: "Background",
    });
    await world.fake.settle();
    expect(enqueued).toContain(KEY);
    await controller.reconcile(KEY);
    const { uid } = (world.fake.objects.get(`${FUNCTIONS}/resize`) ?? { metadata: {} })
      .metadata as {
      uid?: string;
    };
    expect(
      world.fake.objects.get(`${DEPLOYMENTS}/resize`)?.metadata["ownerReferences"],
    ).toMatchObject([{ uid }]);
  });

  it.each([
    ["a label", { labels: { [LABEL.function]: "resize" } }],
    ["an annotation", { annotations: { note: "another" } }],
  ])("applies again where somebody has changed %s of the Deployment", async (_what, changed) => {
    const spec = { labels: { team: "a" }, annotations: { note: "mine" } };
    const world = await createWorld((fake) => putFunction(fake, "resize", { spec }));
    const { controller } = createController(world);
    await world.informers.start();
    const countApplied = () =>
      writesOf(world.fake).filter((it) => it === `PATCH ${DEPLOYMENTS}/resize`).length;
    const touch = async (marks: object) => {
      const known = world.fake.objects.get(`${DEPLOYMENTS}/resize`);
      world.fake.put(DEPLOYMENTS, {
        ...known,
        metadata: { name: "resize", generation: 1, ...marks },
      });
      await world.fake.settle();
      await controller.reconcile(KEY);
    };
    await controller.reconcile(KEY);
    await world.fake.settle();
    const { metadata: own } = world.fake.objects.get(`${DEPLOYMENTS}/resize`) ?? { metadata: {} };
    const { labels, annotations } = own as { labels?: object; annotations?: object };
    await touch({ labels, annotations });
    const before = countApplied();
    const marks = { labels: { ...labels, more: "b" } };
    await touch({ ...marks, annotations: { ...annotations, more: "b" } });
    expect(countApplied()).toBe(before);
    await touch({ ...marks, ...changed });
    expect(countApplied()).toBe(before + 1);
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

  it.each([
    ["kubernetes.io/dockerconfigjson", ["key", "everybody"], false],
    ["kubernetes.io/dockercfg", ["key", "everybody"], false],
    ["Opaque", ["everybody"], true],
  ])("pulls images by a secret of type %s: %j", async (type, pulledBy, isMounted) => {
    const world = await createWorld((fake) => {
      putFunction(fake, "resize", { spec: { secrets: ["key"] } });
      fake.put("/api/v1/namespaces/openfaas-fn/secrets", { metadata: { name: "key" }, type });
    });
    const { controller } = createController(world);
    await world.informers.start();
    await controller.reconcile(KEY);
    await world.fake.settle();
    const { spec } = world.fake.objects.get(`${DEPLOYMENTS}/resize`) as {
      spec?: { template: { spec: { imagePullSecrets: object[]; volumes?: object[] } } };
    };
    const pod = spec?.template.spec;
    expect(pod?.imagePullSecrets).toStrictEqual(pulledBy.map((name) => ({ name })));
    expect(pod?.volumes !== undefined).toBe(isMounted);
    // Printed as a table, a secret has its type and no value.
    const asked = world.fake.requests.filter(({ path }) => path.includes("/secrets"));
    expect([...new Set(asked.map(({ accept }) => accept?.split(";")[1]))]).toEqual(["as=Table"]);
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
    const { controller } = createController(withoutLead(world));
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
