/** The code of a function over edits and their reverts, in the real engine on a real API server. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { NAMESPACE } from "../../../contract/index.ts";
import { type ApiServer, startApiServer } from "../../support/apiserver.ts";
import { prepareFunctions } from "../../support/function-crd.ts";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";

const MINUTE = 60_000;
const components = import.meta.resolve("../../../components/index.ts");

let server: ApiServer;
let engine: Engine;

beforeAll(async () => {
  server = await startApiServer();
  await prepareFunctions(server);
  engine = await createEngine({ plugins: ["kubernetes"] });
  await engine.program(`
    import * as k8s from "@pulumi/kubernetes";
    import { Function } from ${JSON.stringify(components)};
    const provider = new k8s.Provider("p", { kubeconfig: ${JSON.stringify(server.kubeconfig)} });
    const platform = {
      gatewayUrl: "http://gateway.example", functionNamespace: "${NAMESPACE.functions}",
      runtimeImage: "runtime",
    };
    new Function("greet", { platform, code: "./greet.ts" }, { provider });
  `);
}, 3 * MINUTE);

afterAll(async () => {
  await engine.remove();
  await server.stop();
});

function edit(answer: string): Promise<void> {
  const text = `export default () => ${JSON.stringify(answer)};\n`;
  return writeFile(join(engine.directory, "greet.ts"), text);
}

/** Says that the Function is ready, as the operator does, as soon as it is there. */
async function report(): Promise<void> {
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const condition = { type: "Ready", status: "True", reason: "Done", message: "" };
  const status = { conditions: [{ ...condition, lastTransitionTime }] };
  const args = ["-n", NAMESPACE.functions, "functions.openfaas.com/greet"];
  await server.kubectl("wait", ...args, "--for=create", "--timeout=240s");
  const patch = `--patch=${JSON.stringify({ status })}`;
  await server.kubectl("patch", ...args, "--subresource=status", "--type=merge", patch);
}

async function up(): Promise<RunResult> {
  const [result] = await Promise.all([engine.up(), report()]);
  expect({ code: result.code, output: result.code === 0 ? "" : result.output }).toEqual({
    code: 0,
    output: "",
  });
  return result;
}

function list(): Promise<string> {
  const path = "-o=jsonpath={range .items[*]}{.metadata.name} {end}";
  const label = "--selector=faas_function=greet";
  return server.kubectl("-n", NAMESPACE.functions, "get", "configmaps", label, path);
}

async function current(): Promise<string> {
  const path = "-o=jsonpath={.spec.code.configMap}";
  return server.kubectl("-n", NAMESPACE.functions, "get", "functions.openfaas.com/greet", path);
}

it(
  "goes back to the revision of before when an edit is reverted, and keeps the others",
  async () => {
    await edit("one");
    await up();
    const first = await current();
    expect((await engine.preview()).changes).toEqual({ same: 5 });
    await edit("two");
    await up();
    const second = await current();
    expect(second).not.toBe(first);
    await edit("one");
    const preview = await engine.preview();
    expect(preview.code).toBe(0);
    await up();
    expect(await current()).toBe(first);
    expect((await list()).trim().split(" ").sort()).toEqual([first, second].sort());
    expect((await engine.preview()).changes).toEqual({ same: 5 });
    expect((await engine.refresh()).changes).toEqual({ same: 5 });
  },
  10 * MINUTE,
);

it(
  "finds what an update has left that was killed before it wrote its state",
  async () => {
    await edit("three");
    await up();
    const third = await current();
    await edit("one");
    await up();
    const { output: state } = await engine.pulumi(["stack", "export"]);
    await writeFile(join(engine.directory, "before.json"), state);
    await edit("three");
    await up();
    // The state goes back to before the update, as if that had never been written.
    const imported = await engine.pulumi(["stack", "import", "--file=before.json"]);
    expect(imported.code).toBe(0);
    await up();
    expect(await current()).toBe(third);
  },
  10 * MINUTE,
);

it(
  "takes its own Function for its own when the state knows nothing of it",
  async () => {
    await edit("four");
    const { steps } = await up();
    const urn = steps.find(({ name }) => name === "greet-function")?.urn ?? "";
    expect((await engine.pulumi(["state", "delete", "--yes", urn])).code).toBe(0);
    const before = await current();
    await edit("five");
    await up();
    expect(await current()).not.toBe(before);
    const managers = "-o=jsonpath={.metadata.managedFields[?(@.operation=='Apply')].manager}";
    const shown = ["-n", NAMESPACE.functions, "get", "functions.openfaas.com/greet"];
    expect(await server.kubectl(...shown, managers)).toMatch(/^pulumi-kubernetes\/\S+\/\S+$/);
  },
  10 * MINUTE,
);
