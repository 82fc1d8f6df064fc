/** The gRPC methods of the provider protocol, which call a `Provider`. */
import * as grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import type {
  CheckRequest as CheckMessage,
  CheckResponse as CheckResponseMessage,
  ConfigureRequest as ConfigureMessage,
  CreateRequest as CreateMessage,
  DeleteRequest as DeleteMessage,
  DiffRequest as DiffMessage,
  DiffResponse as DiffResponseMessage,
  InvokeRequest as InvokeMessage,
  ReadRequest as ReadMessage,
  UpdateRequest as UpdateMessage,
} from "@pulumi/pulumi/proto/provider_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { Message } from "google-protobuf";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { toServiceError } from "./errors.ts";
import {
  toCall,
  toCheckRequest,
  toCheckResponse,
  toDiffRequest,
  toDiffResponse,
  toFailure,
} from "./messages.ts";
import type { Provider } from "./provider.ts";
import { decodePropertyMap, encodePropertyMap } from "./values.ts";

type Handler<Request, Response> = (request: Request, signal: AbortSignal) => Promise<Response>;

/** The implementation of the service. Aborting `cancellation` cancels every call. */
export function toImplementation(
  provider: Provider,
  cancellation: AbortController,
): grpc.UntypedServiceImplementation {
  const wrap = <Request, Response extends Message>(
    handler: Handler<Request, Response>,
  ): grpc.handleUnaryCall<Request, Response> => toUnaryHandler(handler, cancellation.signal);
  return {
    handshake: wrap(() => Promise.resolve(toHandshake())),
    getPluginInfo: wrap(() =>
      Promise.resolve(new pluginPb.PluginInfo().setVersion(provider.version)),
    ),
    attach: wrap(() => Promise.resolve(new empty.Empty())),
    getSchema: wrap(() => Promise.resolve(toSchema(provider))),
    cancel: wrap(() => {
      cancellation.abort(new Error("cancelled"));
      return Promise.resolve(new empty.Empty());
    }),
    checkConfig: wrap((message: CheckMessage, signal) => checkConfig(provider, message, signal)),
    diffConfig: wrap((message: DiffMessage, signal) => diffConfig(provider, message, signal)),
    configure: wrap((message: ConfigureMessage, signal) => configure(provider, message, signal)),
    invoke: wrap((message: InvokeMessage, signal) => invoke(provider, message, signal)),
    check: wrap(async (message: CheckMessage, signal) =>
      toCheckResponse(await provider.check(toCheckRequest(message, signal))),
    ),
    diff: wrap(async (message: DiffMessage, signal) =>
      toDiffResponse(await provider.diff(toDiffRequest(message, signal))),
    ),
    create: wrap((message: CreateMessage, signal) => create(provider, message, signal)),
    read: wrap((message: ReadMessage, signal) => read(provider, message, signal)),
    update: wrap((message: UpdateMessage, signal) => update(provider, message, signal)),
    delete: wrap((message: DeleteMessage, signal) => remove(provider, message, signal)),
  };
}

function toUnaryHandler<Request, Response extends Message>(
  handler: Handler<Request, Response>,
  cancelled: AbortSignal,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const ended = new AbortController();
    call.on("cancelled", () => ended.abort(new Error("the engine gave up the call")));
    const signal = AbortSignal.any([cancelled, ended.signal]);
    // An async function, so that a handler that throws synchronously fails only the call.
    const run = async (): Promise<Response> => handler(call.request, signal);
    run().then(
      (response) => callback(null, response),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}

function toHandshake(): InstanceType<typeof providerPb.ProviderHandshakeResponse> {
  return new providerPb.ProviderHandshakeResponse()
    .setAcceptSecrets(true)
    .setAcceptResources(false)
    .setAcceptOutputs(false)
    .setSupportsAutonamingConfiguration(true);
}

function toSchema(provider: Provider): InstanceType<typeof providerPb.GetSchemaResponse> {
  const schema = { name: provider.name, version: provider.version };
  return new providerPb.GetSchemaResponse().setSchema(JSON.stringify(schema));
}

async function checkConfig(
  provider: Provider,
  message: CheckMessage,
  signal: AbortSignal,
): Promise<CheckResponseMessage> {
  const request = toCheckRequest(message, signal);
  return toCheckResponse(
    provider.checkConfig ? await provider.checkConfig(request) : { inputs: request.newInputs },
  );
}

async function diffConfig(
  provider: Provider,
  message: DiffMessage,
  signal: AbortSignal,
): Promise<DiffResponseMessage> {
  if (!provider.diffConfig) {
    return toDiffResponse({ changed: false });
  }
  return toDiffResponse(await provider.diffConfig(toDiffRequest(message, signal)));
}

async function configure(
  provider: Provider,
  message: ConfigureMessage,
  signal: AbortSignal,
): Promise<InstanceType<typeof providerPb.ConfigureResponse>> {
  await provider.configure?.({ inputs: decodePropertyMap(message.getArgs()), signal });
  return new providerPb.ConfigureResponse()
    .setAcceptsecrets(true)
    .setSupportspreview(true)
    .setSupportsAutonamingConfiguration(true);
}

async function invoke(
  provider: Provider,
  message: InvokeMessage,
  signal: AbortSignal,
): Promise<InstanceType<typeof providerPb.InvokeResponse>> {
  const token = message.getTok();
  if (!provider.invoke) {
    throw new Error(`${token}: this plugin has no functions`);
  }
  const result = await provider.invoke(token, decodePropertyMap(message.getArgs()), signal);
  return new providerPb.InvokeResponse()
    .setReturn(encodePropertyMap(result.inputs))
    .setFailuresList((result.failures ?? []).map(toFailure));
}

async function create(
  provider: Provider,
  message: CreateMessage,
  signal: AbortSignal,
): Promise<InstanceType<typeof providerPb.CreateResponse>> {
  const result = await provider.create({
    ...toCall(message, signal),
    inputs: decodePropertyMap(message.getProperties()),
    preview: message.getPreview(),
    timeoutSeconds: message.getTimeout(),
  });
  return new providerPb.CreateResponse()
    .setId(result.id)
    .setProperties(encodePropertyMap(result.outputs));
}

async function read(
  provider: Provider,
  message: ReadMessage,
  signal: AbortSignal,
): Promise<InstanceType<typeof providerPb.ReadResponse>> {
  const result = await provider.read({
    ...toCall(message, signal),
    id: message.getId(),
    inputs: decodePropertyMap(message.getInputs()),
    outputs: decodePropertyMap(message.getProperties()),
    timeoutSeconds: message.getTimeout(),
  });
  const response = new providerPb.ReadResponse();
  if (!result) {
    return response;
  }
  return response
    .setId(result.id)
    .setProperties(encodePropertyMap(result.outputs))
    .setInputs(encodePropertyMap(result.inputs));
}

async function update(
  provider: Provider,
  message: UpdateMessage,
  signal: AbortSignal,
): Promise<InstanceType<typeof providerPb.UpdateResponse>> {
  const outputs = await provider.update({
    ...toDiffRequest(message, signal),
    preview: message.getPreview(),
    timeoutSeconds: message.getTimeout(),
  });
  return new providerPb.UpdateResponse().setProperties(encodePropertyMap(outputs));
}

async function remove(
  provider: Provider,
  message: DeleteMessage,
  signal: AbortSignal,
): Promise<InstanceType<typeof empty.Empty>> {
  await provider.delete({
    ...toCall(message, signal),
    id: message.getId(),
    oldInputs: decodePropertyMap(message.getOldInputs()),
    outputs: decodePropertyMap(message.getProperties()),
    timeoutSeconds: message.getTimeout(),
  });
  return new empty.Empty();
}
