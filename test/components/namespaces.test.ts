/** Namespaces of one's own, and an Ingress, on a real API server by the real engine. */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type ApiServer, startApiServer } from "../support/apiserver.ts";
import { createEngine, type Engine } from "../support/pulumi.ts";
import { toPlatformProgram } from "./support/platform-program.ts";

const minutes = 60_000;

let api: ApiServer;
let engine: Engine;

beforeAll(async () => {
  api = await startApiServer();
  engine = await createEngine({ plugins: ["kubernetes"] });
}, 3 * minutes);

afterAll(async () => {
  await engine.remove();
  await api.stop();
});

async function update(args: object): Promise<void> {
  await engine.program(toPlatformProgram(api.kubeconfig, args));
  const { code, output } = await engine.up();
  expect(code === 0 ? "" : output).toBe("");
}

async function findPlaces(): Promise<string[]> {
  const text = await api.kubectl("get", "deployments,rolebindings", "--all-namespaces", "-o=json");
  const { items } = JSON.parse(text) as { items: { metadata: Metadata }[] };
  const places = items
    .map(({ metadata }) => metadata)
    .filter(({ labels }) => labels?.["app.kubernetes.io/part-of"] === "plonk")
    .map(({ namespace }) => namespace);
  return [...new Set(places)].sort();
}

interface Metadata {
  namespace: string;
  labels?: Record<string, string>;
}

it(
  "a platform is where it is said to be",
  async () => {
    await update({ namespace: "plonk", functionNamespace: "jobs" });
    expect(await findPlaces()).toEqual(["jobs", "plonk"]);
    expect((await engine.preview()).changes).toEqual({ same: expect.any(Number) });
  },
  5 * minutes,
);

it.each([
  [
    { functionNamespace: "jobs" },
    'namespace: expected that of the platform which is there ("plonk"), got "openfaas"; destroy that one first',
  ],
  [
    { namespace: "plonk" },
    'functionNamespace: expected that of the platform which is there ("jobs"), got "openfaas-fn"; destroy that one first',
  ],
])(
  "and stays there: %j is refused in the preview",
  async (args, message) => {
    await engine.program(toPlatformProgram(api.kubeconfig, args));
    const { code, diagnostics } = await engine.preview();
    expect(code).not.toBe(0);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    expect(errors.map((error) => error.message)).toEqual([
      message,
      "stopped: something is wrong, see the resource above",
    ]);
  },
  5 * minutes,
);

it(
  "until it is destroyed",
  async () => {
    const destroyed = await engine.destroy();
    expect(destroyed.code === 0 ? "" : destroyed.output).toBe("");
    await update({});
    expect(await findPlaces()).toEqual(["openfaas", "openfaas-fn"]);
  },
  5 * minutes,
);

it(
  "an Ingress is taken by the API server, with a class or without",
  async () => {
    await update({ gateway: { ingress: { host: "faas.example.com" } } });
    const get = ["get", "ingress/gateway", "-n", "openfaas"];
    expect(await api.kubectl(...get, "-o=jsonpath={.spec.rules[0].host}")).toBe("faas.example.com");
    const ingress = { host: "faas.example.com", className: "nginx", tlsSecretName: "faas-tls" };
    await update({ gateway: { ingress } });
    expect(await api.kubectl(...get, "-o=jsonpath={.spec.ingressClassName}")).toBe("nginx");
  },
  5 * minutes,
);
