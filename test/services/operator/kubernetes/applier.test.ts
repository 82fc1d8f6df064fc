/** What is kept of applied objects, of which there may be thousands, and when one is sent again. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type KubernetesClient, KubernetesError } from "../../../../services/lib/kubernetes.ts";
import { Applier, type Drift } from "../../../../services/operator/kubernetes/applier.ts";
import { NamespaceInformers } from "../../../../services/operator/kubernetes/namespace-informers.ts";
import { trimDeployment } from "../../../../services/operator/kubernetes/transforms.ts";
import type { Deployment, Fields } from "../../../../services/operator/kubernetes/types.ts";
import { createKeptLog } from "../../../support/logs.ts";

/** What was sent, by path. */
let sent: string[];
/** Beside what was sent, what the API server answers in metadata. */
let answered: object;
let client: KubernetesClient;
let informers: NamespaceInformers<Deployment>;
let applier: Applier<Deployment>;

/** Bodies of what was stored as a whole, and the drift that was reported. */
let stored: object[];
let reported: Drift[];
/** What others own of the spec, which storing the object as a whole ends but for this. */
let foreign: Fields;
let lasting: Fields;

beforeEach(() => {
  [sent, stored, reported, foreign, lasting] = [[], [], [], {}, {}];
  answered = { uid: "u", generation: 1, resourceVersion: "5" };
  client = {
    apply: (path: string, object: { metadata: object }) => {
      sent.push(path);
      const copy = structuredClone(object);
      const managedFields = [{ manager: "x", fieldsV1: { "f:spec": foreign } }];
      const metadata = { ...copy.metadata, managedFields, ...answered };
      return Promise.resolve({ ...copy, metadata });
    },
    request: (_path: string, { body }: { body: { metadata: object } }) => {
      stored.push(body);
      const managedFields = [{ manager: "x", fieldsV1: { "f:spec": lasting } }];
      answered = { ...answered, generation: 3 };
      return Promise.resolve({
        ...body,
        metadata: { ...body.metadata, managedFields, ...answered },
      });
    },
  } as unknown as KubernetesClient;
  informers = new NamespaceInformers<Deployment>({
    client,
    logger: createKeptLog().logger,
    kind: { group: "apps", plural: "deployments" },
    transform: trimDeployment,
  });
  applier = new Applier({
    client,
    informers,
    shared: [["spec", "kept"]],
    onDrift: (drift) => {
      reported.push(drift);
      return Promise.resolve();
    },
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

const desired = (name: string, env = "x"): object => ({
  metadata: { name, namespace: "fn", labels: { faas_function: name } },
  spec: { replicas: 2, template: { spec: { containers: [{ name, env }] } } },
});

const path = (name: string): string => `/apis/apps/v1/namespaces/fn/deployments/${name}`;

describe("an applied object", () => {
  test("is kept without what nobody asks for", async () => {
    answered = { ...answered, managedFields: [{ manager: "plonk-operator", fieldsV1: {} }] };
    const kept = {
      metadata: {
        name: "f",
        namespace: "fn",
        uid: "u",
        generation: 1,
        resourceVersion: "5",
        labels: { faas_function: "f" },
      },
      spec: { replicas: 2 },
    };
    expect(await applier.apply(desired("f"))).toEqual(kept);
    // The copy, as nothing is sent.
    expect(await applier.apply(desired("f"))).toEqual(kept);
    expect(sent).toEqual([path("f")]);
  });

  test("is sent again when anything of it is another", async () => {
    await applier.apply(desired("f", "x"));
    await applier.apply(desired("f", "y"));
    await applier.apply(desired("f", "y"));
    expect(sent).toEqual([path("f"), path("f")]);
  });

  test.each<[string, () => void]>([
    [
      "it is deleted",
      () => {
        const previous = { metadata: { name: "f", namespace: "fn" } };
        informers.emit("change", { key: "fn/f", current: undefined, previous });
      },
    ],
    ["its namespace is left", () => informers.emit("left", "fn")],
  ])("is forgotten when %s", async (_what, forget) => {
    await applier.apply(desired("f"));
    forget();
    await applier.apply(desired("f"));
    expect(sent).toEqual([path("f"), path("f")]);
  });

  test("takes the memory of a digest, however large it is", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const text = "x".repeat(64 * 1024);
    answered = { ...answered, managedFields: [{ manager: text }] };
    await applier.apply(desired("first", text));
    const before = used();
    for (let index = 0; index < 400; index += 1) {
      await applier.apply(desired(`f-${index}`, `${index}${text}`));
    }
    // Their texts alone would be 25 MiB.
    expect(used() - before).toBeLessThan(4 * 1024 * 1024);
    expect(sent).toHaveLength(401);
  });
});

describe("what others own of the spec", () => {
  const paused = ["spec.paused (x)"];
  const told = { key: "fn/f", isNews: true };

  test("is taken away under the version that the API server has answered", async () => {
    foreign = { "f:paused": {} };
    await applier.apply(desired("f"));
    expect(stored).toMatchObject([{ ...desired("f"), metadata: { resourceVersion: "5" } }]);
    expect(reported).toStrictEqual([{ ...told, fields: paused, result: "repaired" }]);
    foreign = {};
    await applier.apply(desired("f"));
    expect([sent, stored]).toMatchObject([[path("f")], [{}]]);
  });

  test("is no drift where it is as it would be anyway", async () => {
    foreign = lasting = { "f:dnsPolicy": {} };
    await applier.apply(desired("f"));
    expect([stored, reported]).toMatchObject([[{}], []]);
  });

  test("is left when it is back, whatever is sent, and told once", async () => {
    foreign = { "f:paused": {} };
    for (const env of ["x", "y", "z"]) {
      await applier.apply(desired("f", env));
    }
    expect(stored).toHaveLength(1);
    expect(reported.map(({ result }) => result)).toStrictEqual(["repaired", "left"]);
    expect(applier.waitMs("fn/f")).toBeGreaterThan(3_500_000);
  });

  test.each([
    ["is tried again when somebody has written meanwhile", 409],
    ["is tried again when the API server refuses", 403],
  ])("%s", async (_what, status) => {
    foreign = { "f:paused": {} };
    const error = new KubernetesError("no", status, "");
    jest.spyOn(client, "request").mockRejectedValueOnce(error);
    await expect(applier.apply(desired("f"))).rejects.toBe(error);
    expect(reported).toStrictEqual([]);
    await applier.apply(desired("f"));
    expect([sent, reported]).toMatchObject([[path("f"), path("f")], [{ result: "repaired" }]]);
  });

  test("is told as a whole when the first attempt got half-way: applying has undone a part", async () => {
    await applier.apply(desired("f"));
    foreign = { "f:paused": {} };
    const { metadata } = desired("f") as Deployment;
    const live = (generation: number, fields: string[]): Deployment => ({
      metadata: { ...metadata, ...answered, generation },
      foreign: fields,
    });
    const image = "spec.template.spec.containers[f].image (x)";
    const known = jest.spyOn(informers, "get").mockReturnValue(live(2, [image, ...paused]));
    const conflict = new KubernetesError("no", 409, "");
    jest.spyOn(client, "request").mockRejectedValueOnce(conflict);
    await expect(applier.apply(desired("f"))).rejects.toBe(conflict);
    known.mockReturnValue(live(3, paused));
    await applier.apply(desired("f"));
    expect(reported).toStrictEqual([{ ...told, fields: [image, ...paused], result: "repaired" }]);
  });

  test("is told when applying alone has undone it, and waits when it is back at once", async () => {
    const now = performance.now();
    jest.spyOn(performance, "now").mockReturnValue(now);
    await applier.apply(desired("f"));
    let generation = 1;
    const change = async (): Promise<void> => {
      generation += 1;
      const { metadata } = desired("f") as Deployment;
      const live = { metadata: { ...metadata, ...answered, generation }, foreign: paused };
      jest.spyOn(informers, "get").mockReturnValue(live);
      answered = { ...answered, generation };
      await applier.apply(desired("f"));
    };
    await change();
    expect([sent, stored]).toStrictEqual([[path("f"), path("f")], []]);
    expect(reported).toStrictEqual([{ ...told, fields: paused, result: "repaired" }]);
    await change();
    expect([sent.length, reported.length]).toStrictEqual([2, 1]);
    expect(applier.waitMs("fn/f")).toBeGreaterThan(9000);
    jest.spyOn(performance, "now").mockReturnValue(now + 10_000);
    await applier.apply(desired("f"));
    expect([sent.length, reported.length]).toStrictEqual([3, 2]);
    expect(reported[1]).toStrictEqual({
      ...told,
      fields: paused,
      result: "repaired",
      isNews: false,
    });
  });
});
