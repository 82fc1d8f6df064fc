/** What is kept of applied objects, of which there may be thousands, and when one is sent again. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { Applier } from "../../../../services/operator/kubernetes/applier.ts";
import { NamespaceInformers } from "../../../../services/operator/kubernetes/namespace-informers.ts";
import { trimDeployment } from "../../../../services/operator/kubernetes/transforms.ts";
import type { Deployment } from "../../../../services/operator/kubernetes/types.ts";
import { createKeptLog } from "../../../support/logs.ts";

/** What was sent, by path. */
let sent: string[];
/** Beside what was sent, what the API server answers in metadata. */
let answered: object;
let informers: NamespaceInformers<Deployment>;
let applier: Applier<Deployment>;

beforeEach(() => {
  sent = [];
  answered = { uid: "u", generation: 1, resourceVersion: "5" };
  const client = {
    apply: (path: string, object: { metadata: object }) => {
      sent.push(path);
      const copy = structuredClone(object);
      return Promise.resolve({ ...copy, metadata: { ...copy.metadata, ...answered } });
    },
  } as unknown as KubernetesClient;
  informers = new NamespaceInformers<Deployment>({
    client,
    logger: createKeptLog().logger,
    kind: { group: "apps", plural: "deployments" },
    transform: trimDeployment,
  });
  applier = new Applier({ client, informers });
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
