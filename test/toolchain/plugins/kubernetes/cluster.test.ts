/** The plugin's methods against a real API server, without the engine: faster, and more of it. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createProvider } from "../../../../toolchain/plugins/kubernetes/provider.ts";
import { PartialFailure, type Provider } from "../../../../toolchain/plugins/lib/provider.ts";
import { Secret, type Bag } from "../../../../toolchain/plugins/lib/values.ts";
import { startApiServer, type ApiServer } from "../../../support/apiserver.ts";

let server: ApiServer;
let provider: Provider;
const said: string[] = [];

beforeAll(async () => {
  server = await startApiServer();
  const log = ({ message }: { message: string }): Promise<void> => {
    said.push(message);
    return Promise.resolve();
  };
  provider = createProvider({ log }, {});
  const inputs = { kubeconfig: new Secret(server.kubeconfig), namespace: "default" };
  await provider.configure?.({ inputs, signal: new AbortController().signal });
}, 120_000);

afterAll(() => server.stop());

/** Parts of a request about one resource. */
function about(token: string, name: string) {
  const type = `kubernetes:${token}`;
  const urn = `urn:pulumi:s::p::${type}::${name}`;
  return { urn, type, name, signal: new AbortController().signal };
}

interface CreateOptions {
  preview?: boolean;
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

function create(token: string, inputs: Bag, options: CreateOptions = {}): Promise<Bag> {
  const metadata: Bag = { namespace: "default", ...(inputs["metadata"] as Bag) };
  const [group = "", kind = ""] = token.split(":");
  const apiVersion = group.replace("core/", "");
  return provider
    .create({
      ...about(token, metadata["name"] as string),
      inputs: { apiVersion, kind, ...inputs, metadata },
      preview: false,
      timeoutSeconds: 0,
      ...options,
    })
    .then(({ id, outputs }) => ({ id, outputs }));
}

function update(token: string, created: Bag, change: Bag & { ignoreChanges?: string[] }) {
  const { ignoreChanges = [], ...changed } = change;
  const oldOutputs = created["outputs"] as Bag;
  const oldInputs = oldOutputs["__inputs"] as Bag;
  const name = (oldInputs["metadata"] as Bag)["name"] as string;
  return provider.update({
    ...about(token, name),
    id: created["id"] as string,
    oldInputs,
    oldOutputs,
    newInputs: { ...oldInputs, ...changed },
    ignoreChanges,
    preview: false,
    timeoutSeconds: 0,
  });
}

async function getJson(kind: string, name: string): Promise<Bag> {
  return JSON.parse(await server.kubectl("get", kind, name, "-o=json")) as Bag;
}

const TEMPLATE = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image: "example.com/web:1" }] },
};
const SELECTOR = { matchLabels: { app: "web" } };

describe("create", () => {
  it("does nothing in preview but tells what would be", async () => {
    const created = await create(
      "core/v1:ConfigMap",
      { metadata: { name: "planned" }, data: { a: "b" } },
      { preview: true },
    );
    expect(created["id"]).toBe("");
    expect(created["outputs"]).toMatchObject({ data: { a: "b" } });
    await expect(getJson("configmap", "planned")).rejects.toThrow("not found");
  });

  it("says in preview what the server refuses, without secrets", async () => {
    const labels = { a: new Secret("hunter22!!") };
    const inputs = { metadata: { name: "wrong", labels } };
    const failure = create("core/v1:ConfigMap", inputs, { preview: true });
    await expect(failure).rejects.toThrow(/^v1 ConfigMap "default\/wrong": .*"\[secret\]"/);
    await expect(failure).rejects.not.toThrow("hunter22");
  });

  it("tolerates in preview that namespace and kind are not there yet", async () => {
    const metadata = { name: "early", namespace: "later" };
    const early = await create("core/v1:ConfigMap", { metadata }, { preview: true });
    expect(early["outputs"]).toMatchObject({ metadata });
    const widget = await create("nowhere.example.com/v1:Widget", { metadata }, { preview: true });
    expect(widget["outputs"]).toMatchObject({ metadata });
  });

  it("waits for a namespace that is made at the same time", async () => {
    const metadata = { name: "inner", namespace: "together" };
    const [inner] = await Promise.all([
      create("core/v1:ConfigMap", { metadata }),
      server.kubectl("create", "namespace", "together"),
    ]);
    expect(inner["id"]).toBe("together/inner");
  });

  it("waits for the end of an object of the same name", async () => {
    await server.apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: dying, namespace: default, finalizers: [example.com/hold]}}",
    );
    await server.kubectl("delete", "configmap", "dying", "--wait=false");
    const creating = create("core/v1:ConfigMap", { metadata: { name: "dying" }, data: { a: "b" } });
    while (!said.some((text) => text.includes("to be gone"))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await server.kubectl(
      "patch",
      "configmap",
      "dying",
      "--type=merge",
      '--patch={"metadata":{"finalizers":null}}',
    );
    await creating;
    expect(await getJson("configmap", "dying")).toMatchObject({ data: { a: "b" } });
  });

  it("refuses fields of another manager, unless told to take them over", async () => {
    const manifest = { apiVersion: "v1", kind: "ConfigMap", data: { a: "theirs" } };
    const metadata = { name: "shared", namespace: "default" };
    await server.apply(JSON.stringify({ ...manifest, metadata }), "gitops");
    const inputs = { metadata, data: { a: "ours", b: "new" } };
    await expect(create("core/v1:ConfigMap", inputs)).rejects.toThrow(
      'v1 ConfigMap "default/shared": another field manager owns what is to be applied: data.a is managed by "gitops"',
    );
    const annotations = { "pulumi.com/patchForce": "true" };
    await create("core/v1:ConfigMap", { ...inputs, metadata: { ...metadata, annotations } });
    expect(await getJson("configmap", "shared")).toMatchObject({ data: { a: "ours", b: "new" } });
  });

  it("keeps a Secret's data secret, and decodes nothing into messages", async () => {
    const inputs = { metadata: { name: "key" }, stringData: new Secret({ a: "open" }) };
    const created = await create("core/v1:Secret", inputs);
    expect((created["outputs"] as Bag)["data"]).toEqual(new Secret({ a: "b3Blbg==" }));
    const renamed = { stringData: new Secret({ b: "open" }) };
    await update("core/v1:Secret", created, renamed);
    expect(await getJson("secret", "key")).toMatchObject({ data: { b: "b3Blbg==" } });
    expect((await getJson("secret", "key"))["data"]).not.toHaveProperty("a");
  });
});

describe("readiness", () => {
  it("is awaited, and its lack explained with the state saved", async () => {
    const spec = { replicas: 1, selector: SELECTOR, template: TEMPLATE };
    const failure = await create(
      "apps/v1:Deployment",
      { metadata: { name: "never" }, spec },
      { timeoutSeconds: 2 },
    ).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PartialFailure);
    expect(failure).toMatchObject({
      id: "default/never",
      outputs: { metadata: { uid: expect.any(String) } },
    });
    const [reason, detail] = (failure as PartialFailure).reasons;
    expect(reason).toBe("not ready after 2 s: 0 of 1 updated replicas are available");
    expect(detail).toMatch(/^pod never-\S+: no nodes available to schedule pods/);
  });

  it("is given up on a signal, with the state saved", async () => {
    const stop = new AbortController();
    const metadata = { name: "endless" };
    const spec = { template: { spec: { ...TEMPLATE.spec, restartPolicy: "Never" } } };
    const creating = create("batch/v1:Job", { metadata, spec }, { signal: stop.signal });
    setTimeout(() => stop.abort(), 500);
    await expect(creating).rejects.toMatchObject({
      id: "default/endless",
      reasons: ["cancelled while waiting: job is not complete: 0 of 1 pods succeeded"],
    });
  });

  it("of a Service comes with its endpoints", async () => {
    const ports = [{ port: 80 }];
    const spec = { selector: { app: "web" }, ports };
    const creating = create("core/v1:Service", { metadata: { name: "front" }, spec });
    await server.apply(
      JSON.stringify({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          name: "front-1",
          namespace: "default",
          labels: { "kubernetes.io/service-name": "front" },
        },
        addressType: "IPv4",
        ports: [{ port: 80 }],
        endpoints: [{ addresses: ["10.42.0.9"], conditions: { ready: true } }],
      }),
    );
    expect((await creating)["outputs"]).toMatchObject({ spec: { ports: [{ port: 80 }] } });
  });
});

describe("update", () => {
  it("changes and removes what it owns, and leaves the rest alone", async () => {
    const created = await create("core/v1:ConfigMap", {
      metadata: { name: "partly" },
      data: { a: "1", b: "2" },
    });
    await server.kubectl("patch", "configmap", "partly", '--patch={"data":{"c":"3"}}');
    await update("core/v1:ConfigMap", created, { data: { a: "4" } });
    expect(await getJson("configmap", "partly")).toMatchObject({ data: { a: "4", c: "3" } });
    expect((await getJson("configmap", "partly"))["data"]).not.toHaveProperty("b");
  });

  it("does not fight over fields that the program ignores", async () => {
    const annotations = { "pulumi.com/skipAwait": "true" };
    const labels = { app: "scaled" };
    const template = { ...TEMPLATE, metadata: { labels } };
    const spec = { replicas: 0, selector: { matchLabels: labels }, template };
    const metadata = { name: "scaled", annotations };
    const created = await create("apps/v1:Deployment", { metadata, spec });
    await server.kubectl("scale", "deployment", "scaled", "--replicas=3");
    const change = { spec: { ...spec, minReadySeconds: 5 } };
    await expect(update("apps/v1:Deployment", created, change)).rejects.toThrow(
      "spec.replicas is managed by",
    );
    await update("apps/v1:Deployment", created, { ...change, ignoreChanges: ["spec.replicas"] });
    expect(await getJson("deployment", "scaled")).toMatchObject({
      spec: { replicas: 3, minReadySeconds: 5 },
    });
  });
});

describe("read and delete", () => {
  const remove = (id: string, outputs: Bag, timeoutSeconds = 0): Promise<void> => {
    const oldInputs = {};
    return provider.delete({
      ...about("core/v1:ConfigMap", "x"),
      id,
      oldInputs,
      outputs,
      timeoutSeconds,
    });
  };

  it("find nothing where there is nothing", async () => {
    const call = about("core/v1:ConfigMap", "none");
    const request = { ...call, id: "default/none", inputs: {}, outputs: {}, timeoutSeconds: 0 };
    expect(await provider.read(request)).toBeUndefined();
    await remove("default/none", {});
  });

  it("warn of what is not ready, and save it", async () => {
    const call = about("apps/v1:Deployment", "never");
    const inputs = { spec: { replicas: 1 } };
    const request = { ...call, id: "default/never", inputs, outputs: {}, timeoutSeconds: 0 };
    await expect(provider.read(request)).rejects.toMatchObject({
      id: "default/never",
      inputs: { spec: { replicas: 1 } },
      reasons: [
        "0 of 1 updated replicas are available",
        expect.stringContaining("no nodes available"),
      ],
    });
  });

  it("wait until the object is gone, and name what holds it", async () => {
    const created = await create("core/v1:ConfigMap", {
      metadata: { name: "held", finalizers: ["example.com/hold"] },
    });
    await expect(remove("default/held", created["outputs"] as Bag, 1)).rejects.toThrow(
      'v1 ConfigMap "default/held": still there 1 s after its deletion; finalizers: example.com/hold',
    );
    await server.kubectl(
      "patch",
      "configmap",
      "held",
      "--type=merge",
      '--patch={"metadata":{"finalizers":null}}',
    );
    await remove("default/held", created["outputs"] as Bag);
    await expect(getJson("configmap", "held")).rejects.toThrow("not found");
  });
});

describe("custom resources", () => {
  it("are found by discovery, cluster-wide ones as well", async () => {
    const definition = (kind: string, scope: string): Bag => ({
      metadata: { name: `${kind.toLowerCase()}s.trial.example.com` },
      spec: {
        group: "trial.example.com",
        scope,
        names: { plural: `${kind.toLowerCase()}s`, kind },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: "object" } },
          },
        ],
      },
    });
    const token = "apiextensions.k8s.io/v1:CustomResourceDefinition";
    await create(token, definition("Local", "Namespaced"));
    await create(token, definition("Wide", "Cluster"));
    const created = await Promise.all([
      create("trial.example.com/v1:Local", { metadata: { name: "a" } }),
      create("trial.example.com/v1:Wide", { metadata: { name: "b" } }),
    ]);
    expect(created.map(({ id }) => id)).toEqual(["default/a", "b"]);
    const check = (kind: string): Promise<unknown> =>
      provider.check({
        ...about(`trial.example.com/v1:${kind}`, "c"),
        oldInputs: undefined,
        newInputs: { metadata: { name: "c" } },
        randomSeed: new Uint8Array(),
        autonaming: undefined,
      });
    expect(await check("Local")).toMatchObject({ inputs: { metadata: { namespace: "default" } } });
    expect(await check("Wide")).toMatchObject({ inputs: { metadata: { name: "c" } } });
    expect(await check("Wide")).not.toMatchObject({
      inputs: { metadata: { namespace: "default" } },
    });
  }, 60_000);
});
