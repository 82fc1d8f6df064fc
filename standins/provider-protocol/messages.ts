/** Converts requests and responses between protobuf messages and plain values. */
import type {
  CheckRequest as CheckMessage,
  CheckResponse as CheckResponseMessage,
  DiffRequest as DiffMessage,
  DiffResponse as DiffResponseMessage,
  UpdateRequest as UpdateMessage,
} from "@pulumi/pulumi/proto/provider_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type {
  Autonaming,
  Call,
  CheckFailure,
  CheckRequest,
  CheckResult,
  DiffRequest,
  DiffResult,
  PropertyChange,
} from "./provider.ts";
import { decodePropertyMap, encodePropertyMap, type PropertyMap } from "./values.ts";

/** The common fields of all requests. */
export function toCall(
  message: { getUrn(): string; getType(): string; getName(): string },
  signal: AbortSignal,
): Call {
  return { urn: message.getUrn(), type: message.getType(), name: message.getName(), signal };
}

/** A Check or CheckConfig request. */
export function toCheckRequest(message: CheckMessage, signal: AbortSignal): CheckRequest {
  return {
    ...toCall(message, signal),
    oldInputs: toOldInputs(message),
    newInputs: decodePropertyMap(message.getNews()),
    randomSeed: message.getRandomseed_asU8(),
    autonaming: toAutonaming(message.getAutonaming()),
  };
}

/** For a new resource the engine sends an empty map, or none. */
function toOldInputs(message: CheckMessage): PropertyMap | undefined {
  const olds = decodePropertyMap(message.getOlds());
  return Object.keys(olds).length > 0 ? olds : undefined;
}

const AUTONAMING_MODES = ["propose", "enforce", "disable"] as const;

function toAutonaming(options: ReturnType<CheckMessage["getAutonaming"]>): Autonaming | undefined {
  if (!options) {
    return undefined;
  }
  return {
    mode: AUTONAMING_MODES[options.getMode()],
    proposedName: options.getProposedName(),
  };
}

/** What a Diff, DiffConfig or Update request says of a change. */
export function toDiffRequest(
  message: DiffMessage | UpdateMessage,
  signal: AbortSignal,
): DiffRequest {
  return {
    ...toCall(message, signal),
    id: message.getId(),
    oldInputs: decodePropertyMap(message.getOldInputs()),
    oldOutputs: decodePropertyMap(message.getOlds()),
    newInputs: decodePropertyMap(message.getNews()),
    ignoreChanges: message.getIgnorechangesList(),
  };
}

/** A failure of Check. */
export function toFailure(failure: CheckFailure): InstanceType<typeof providerPb.CheckFailure> {
  return new providerPb.CheckFailure().setProperty(failure.property).setReason(failure.reason);
}

/** The response to Check or CheckConfig. */
export function toCheckResponse(result: CheckResult): CheckResponseMessage {
  return new providerPb.CheckResponse()
    .setInputs(encodePropertyMap(result.inputs))
    .setFailuresList((result.failures ?? []).map(toFailure));
}

const KINDS = {
  add: providerPb.PropertyDiff.Kind.ADD,
  "add-replace": providerPb.PropertyDiff.Kind.ADD_REPLACE,
  delete: providerPb.PropertyDiff.Kind.DELETE,
  "delete-replace": providerPb.PropertyDiff.Kind.DELETE_REPLACE,
  update: providerPb.PropertyDiff.Kind.UPDATE,
  "update-replace": providerPb.PropertyDiff.Kind.UPDATE_REPLACE,
} as const satisfies Record<PropertyChange, number>;

/** The response to Diff or DiffConfig. */
export function toDiffResponse(result: DiffResult): DiffResponseMessage {
  const { DiffChanges } = providerPb.DiffResponse;
  const entries = Object.entries(result.detailedDiff ?? {});
  const response = new providerPb.DiffResponse()
    .setChanges(result.changed ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE)
    .setDeletebeforereplace(result.deleteBeforeReplace ?? false)
    .setHasdetaileddiff(entries.length > 0)
    .setDiffsList(topLevel(entries.map(([path]) => path)))
    .setReplacesList(topLevel(entries.filter(isReplace).map(([path]) => path)));
  for (const [path, change] of entries) {
    response
      .getDetaileddiffMap()
      .set(path, new providerPb.PropertyDiff().setKind(KINDS[change]).setInputdiff(true));
  }
  return response;
}

function isReplace([, change]: [string, PropertyChange]): boolean {
  return change.endsWith("-replace");
}

function topLevel(paths: string[]): string[] {
  return [...new Set(paths.map((path) => path.split(/[.[]/, 1)[0] ?? path))];
}
