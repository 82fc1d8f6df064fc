/** The provider protocol over real gRPC: what the engine sends and what it gets. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import type {
  CheckResponse,
  ConfigureResponse,
  DiffResponse,
  GetSchemaResponse,
  ProviderHandshakeResponse,
  ReadResponse,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import {
  type CheckRequest,
  type CreateRequest,
  type DiffRequest,
  PartialFailure,
  type Provider,
} from "../../../standins/provider-protocol/provider.ts";
import { listen, type ServerHandle } from "../../../standins/provider-protocol/server.ts";
import { encodePropertyMap, Secret } from "../../../standins/provider-protocol/values.ts";

const SERVER = fileURLToPath(
  new URL("../../../standins/provider-protocol/server.ts", import.meta.url),
);

/** Resolved when the call without an end is under way. */
const endlessBegun = Promise.withResolvers<undefined>();
let checked: CheckRequest | undefined;
let diffed: DiffRequest | undefined;

const provider: Provider = {
  name: "trial",
  version: "1.2.3",
  check(request) {
    checked = request;
    const failures = [{ property: "size", reason: "size: too large" }];
    return Promise.resolve({ inputs: { ...request.newInputs, added: true }, failures });
  },
  diff(request) {
    diffed = request;
    return Promise.resolve({
      changed: true,
      detailedDiff: { "a.b[0]": "update", "a.c": "add", d: "delete-replace" },
      deleteBeforeReplace: true,
    });
  },
  create: (request) => createAs(request),
  read: ({ id }) =>
    Promise.resolve(id === "gone" ? undefined : { id, inputs: { a: 1 }, outputs: { b: 2 } }),
  update: ({ newInputs, oldOutputs }) => Promise.resolve({ ...oldOutputs, ...newInputs }),
  delete: () => Promise.reject(new Error("it will not go")),
};

async function createAs({ name, signal }: CreateRequest): Promise<never> {
  if (name === "half") {
    const details = { id: "x", outputs: { key: new Secret("y") }, reasons: ["not ready", "slow"] };
    throw new PartialFailure("half made", details);
  }
  if (name === "endless") {
    endlessBegun.resolve(undefined);
    await once(signal, "abort");
  }
  throw signal.reason instanceof Error ? signal.reason : new Error("failed at once");
}

let server: ServerHandle;
let client: InstanceType<typeof providerGrpc.ResourceProviderClient>;

async function start(): Promise<void> {
  server = await listen(provider);
  const address = `127.0.0.1:${String(server.port)}`;
  client = new providerGrpc.ResourceProviderClient(address, grpc.credentials.createInsecure());
}

beforeAll(start);

afterEach(() => {
  checked = undefined;
  diffed = undefined;
});

afterAll(() => {
  client.close();
  server.close();
});

/** A call as a promise: `call<CheckResponse>((done) => client.check(request, done))`. */
function call<Response>(
  invoke: (done: (error: Error | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    invoke((error, response) => (error ? reject(error) : resolve(response)));
  });
}

describe("the plugin's server", () => {
  it("says its version and that it takes secrets", async () => {
    const info = await call<PluginInfo>((done) => client.getPluginInfo(new empty.Empty(), done));
    expect(info.getVersion()).toBe("1.2.3");
    const handshake = await call<ProviderHandshakeResponse>((done) =>
      client.handshake(new providerPb.ProviderHandshakeRequest(), done),
    );
    expect(handshake.getAcceptSecrets()).toBe(true);
    expect(handshake.getSupportsAutonamingConfiguration()).toBe(true);
    const configured = await call<ConfigureResponse>((done) =>
      client.configure(new providerPb.ConfigureRequest(), done),
    );
    expect(configured.getSupportspreview()).toBe(true);
    const schema = await call<GetSchemaResponse>((done) =>
      client.getSchema(new providerPb.GetSchemaRequest(), done),
    );
    expect(JSON.parse(schema.getSchema())).toEqual({ name: "trial", version: "1.2.3" });
    const diff = await call<DiffResponse>((done) =>
      client.diffConfig(new providerPb.DiffRequest(), done),
    );
    expect(diff.getChanges()).toBe(providerPb.DiffResponse.DiffChanges.DIFF_NONE);
  });

  it("hands over all of a check, and its failures back", async () => {
    const autonaming = new providerPb.CheckRequest.AutonamingOptions();
    autonaming.setMode(providerPb.CheckRequest.AutonamingOptions.Mode.ENFORCE);
    autonaming.setProposedName("proposed");
    const request = new providerPb.CheckRequest()
      .setUrn("urn:pulumi:s::p::a:b:C::n")
      .setName("n")
      .setType("a:b:C")
      .setNews(encodePropertyMap({ size: new Secret(1) }))
      .setRandomseed(new Uint8Array([1, 2]))
      .setAutonaming(autonaming);
    const response = await call<CheckResponse>((done) => client.check(request, done));
    expect(checked).toMatchObject({
      urn: "urn:pulumi:s::p::a:b:C::n",
      name: "n",
      type: "a:b:C",
      oldInputs: undefined,
      newInputs: { size: new Secret(1) },
      autonaming: { mode: "enforce", proposedName: "proposed" },
    });
    expect([...(checked?.randomSeed ?? [])]).toEqual([1, 2]);
    expect(response.getInputs()?.toJavaScript()).toMatchObject({ added: true });
    expect(response.getFailuresList().map((failure) => failure.toObject())).toEqual([
      { property: "size", reason: "size: too large" },
    ]);
  });

  it("tells replacing differences from others", async () => {
    const request = new providerPb.DiffRequest()
      .setId("i")
      .setOldInputs(encodePropertyMap({ a: 1 }))
      .setOlds(encodePropertyMap({ b: 2 }))
      .setNews(encodePropertyMap({ c: 3 }))
      .setIgnorechangesList(["x"]);
    const response = await call<DiffResponse>((done) => client.diff(request, done));
    expect(diffed).toMatchObject({
      id: "i",
      oldInputs: { a: 1 },
      oldOutputs: { b: 2 },
      newInputs: { c: 3 },
      ignoreChanges: ["x"],
    });
    expect(response.getDiffsList()).toEqual(["a", "d"]);
    expect(response.getReplacesList()).toEqual(["d"]);
    expect(response.getDeletebeforereplace()).toBe(true);
    const { Kind } = providerPb.PropertyDiff;
    const kinds: [string, number][] = [];
    response.getDetaileddiffMap().forEach((diff, path) => kinds.push([path, diff.getKind()]));
    expect(kinds).toEqual([
      ["a.b[0]", Kind.UPDATE],
      ["a.c", Kind.ADD],
      ["d", Kind.DELETE_REPLACE],
    ]);
  });

  it("reads, says nothing of what is gone, and updates", async () => {
    const found = await call<ReadResponse>((done) =>
      client.read(new providerPb.ReadRequest().setId("here"), done),
    );
    expect(found.toObject()).toMatchObject({ id: "here" });
    expect(found.getInputs()?.toJavaScript()).toEqual({ a: 1 });
    const gone = await call<ReadResponse>((done) =>
      client.read(new providerPb.ReadRequest().setId("gone"), done),
    );
    expect(gone.getId()).toBe("");
    const request = new providerPb.UpdateRequest()
      .setOlds(encodePropertyMap({ a: 1 }))
      .setNews(encodePropertyMap({ b: 2 }));
    const updated = await call<UpdateResponse>((done) => client.update(request, done));
    expect(updated.getProperties()?.toJavaScript()).toEqual({ a: 1, b: 2 });
  });

  it("gives an error's message, and refuses functions that are not there", async () => {
    await expect(
      call((done) => client.delete(new providerPb.DeleteRequest(), done)),
    ).rejects.toMatchObject({
      details: "it will not go",
    });
    const invocation = new providerPb.InvokeRequest().setTok("trial:index:run");
    await expect(call((done) => client.invoke(invocation, done))).rejects.toMatchObject({
      details: "trial:index:run: this plugin has no functions",
    });
  });

  it("saves what exists of a resource that failed half-way", async () => {
    const request = new providerPb.CreateRequest().setName("half");
    const error = await call((done) => client.create(request, done)).then(
      () => undefined,
      (thrown: unknown) => thrown as grpc.ServiceError,
    );
    const [packed] = error?.metadata.get("grpc-status-details-bin") ?? [];
    const status = statusPb.Status.deserializeBinary(Buffer.from(packed ?? ""));
    const [any] = status.getDetailsList();
    expect(any?.getTypeName()).toBe("pulumirpc.ErrorResourceInitFailed");
    const detail = providerPb.ErrorResourceInitFailed.deserializeBinary(
      any?.getValue_asU8() ?? new Uint8Array(),
    );
    expect(detail.getId()).toBe("x");
    expect(detail.getReasonsList()).toEqual(["not ready", "slow"]);
    expect(detail.getProperties()?.toJavaScript()).toEqual(
      encodePropertyMap({ key: new Secret("y") }).toJavaScript(),
    );
  });

  it("aborts the calls under way when the engine cancels", async () => {
    const endless = call((done) =>
      client.create(new providerPb.CreateRequest().setName("endless"), done),
    );
    endless.catch(() => undefined);
    await endlessBegun.promise;
    await Promise.all([
      expect(endless).rejects.toMatchObject({ details: "cancelled" }),
      call((done) => client.cancel(new empty.Empty(), done)),
    ]);
    server.close();
    client.close();
    await start();
  });
});

describe("the plugin's process", () => {
  it("prints its port, and ends on SIGTERM and with the process that started it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "plonk-plugin-"));
    const plugin = join(directory, "plugin.ts");
    await writeFile(
      plugin,
      `import { serve } from ${JSON.stringify(SERVER)};
       await serve({ name: "trial", version: "1.0.0" } as never);`,
    );
    const direct = spawn(process.execPath, [plugin]);
    const [port] = (await once(direct.stdout, "data")) as [Buffer];
    expect(port.toString()).toMatch(/^\d+\n$/);
    direct.kill("SIGTERM");
    expect(await once(direct, "exit")).toEqual([0, null]);
    // A shell that is killed leaves the plugin behind, as a killed engine does.
    const parent = spawn("sh", ["-c", `"${process.execPath}" "${plugin}" & wait`]);
    await once(parent.stdout, "data");
    parent.kill("SIGKILL");
    await once(parent.stdout, "close");
    await rm(directory, { recursive: true });
  });
});
