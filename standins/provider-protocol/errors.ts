/** Encodes errors for gRPC, including the state of a partially created resource. */
import * as grpc from "@grpc/grpc-js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import { PartialFailure } from "./provider.ts";
import { encodePropertyMap } from "./values.ts";

/** The gRPC error for what a provider threw. */
export function toServiceError(error: unknown): Partial<grpc.StatusObject> {
  const message = error instanceof Error ? error.message : String(error);
  const failure = { code: grpc.status.UNKNOWN, details: message };
  return error instanceof PartialFailure ? { ...failure, metadata: toMetadata(error) } : failure;
}

/** gRPC's richer error model: a Status message in a header, as Go's gRPC expects it. */
function toMetadata(error: PartialFailure): grpc.Metadata {
  const detail = new providerPb.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(encodePropertyMap(error.outputs))
    .setReasonsList(error.reasons);
  if (Object.keys(error.inputs).length > 0) {
    detail.setInputs(encodePropertyMap(error.inputs));
  }
  const packed = new any.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statusPb.Status()
    .setCode(grpc.status.UNKNOWN)
    .setMessage(error.message)
    .setDetailsList([packed]);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return metadata;
}
