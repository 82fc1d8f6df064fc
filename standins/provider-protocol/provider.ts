/** The interface of a provider plugin: the provider protocol without protobuf. */
import type { PropertyMap } from "./values.ts";

/** The resource of a call, and its cancellation. */
export interface Call {
  urn: string;
  /** Type token of the resource, e.g. `command:local:Command`. */
  type: string;
  /** Logical name of the resource. */
  name: string;
  /** Aborted by the engine's Cancel (Ctrl-C), by its end, or by the end of the call. */
  signal: AbortSignal;
}

export interface CheckRequest extends Call {
  /** Checked inputs of the previous operation; undefined for a new resource. */
  oldInputs: PropertyMap | undefined;
  newInputs: PropertyMap;
  /** The same bytes for the same resource in preview and update; for auto-naming. */
  randomSeed: Uint8Array;
  autonaming: Autonaming | undefined;
}

/** Auto-naming from the project's configuration. */
export interface Autonaming {
  mode: "propose" | "enforce" | "disable";
  proposedName: string;
}

export interface CheckFailure {
  /** Path of the property, e.g. `spec.replicas`; empty for the resource as a whole. */
  property: string;
  reason: string;
}

export interface CheckResult {
  inputs: PropertyMap;
  failures?: CheckFailure[];
}

export interface DiffRequest extends Call {
  id: string;
  oldInputs: PropertyMap;
  oldOutputs: PropertyMap;
  newInputs: PropertyMap;
  /** Property paths that count as unchanged. */
  ignoreChanges: string[];
}

export type PropertyChange =
  "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface DiffResult {
  changed: boolean;
  /** Property path -> kind of change. The `-replace` kinds force a replacement. */
  detailedDiff?: Record<string, PropertyChange>;
  deleteBeforeReplace?: boolean;
}

export interface CreateRequest extends Call {
  inputs: PropertyMap;
  preview: boolean;
  /** From the resource's `customTimeouts`; 0 when not set. */
  timeoutSeconds: number;
}

export interface CreateResult {
  /** May be empty in a preview. */
  id: string;
  outputs: PropertyMap;
}

export interface ReadRequest extends Call {
  id: string;
  /** Empty when the resource is imported or looked up. */
  inputs: PropertyMap;
  outputs: PropertyMap;
  timeoutSeconds: number;
}

export interface ReadResult {
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}

export interface UpdateRequest extends Call {
  id: string;
  oldInputs: PropertyMap;
  oldOutputs: PropertyMap;
  newInputs: PropertyMap;
  ignoreChanges: string[];
  preview: boolean;
  timeoutSeconds: number;
}

export interface DeleteRequest extends Call {
  id: string;
  oldInputs: PropertyMap;
  outputs: PropertyMap;
  timeoutSeconds: number;
}

interface ConfigureRequest {
  /** The provider resource's inputs, checked. */
  inputs: PropertyMap;
  signal: AbortSignal;
}

/**
 * A provider plugin. A method that throws fails the resource with the error's message;
 * `PartialFailure` also saves what exists so far.
 */
export interface Provider {
  /** Package name, e.g. `command`. */
  name: string;
  /** Version without `v`. */
  version: string;
  checkConfig?(request: CheckRequest): Promise<CheckResult>;
  diffConfig?(request: DiffRequest): Promise<DiffResult>;
  configure?(request: ConfigureRequest): Promise<void>;
  /** Calls a function of the package, e.g. `command:local:run`. Absent if there are none. */
  invoke?(token: string, args: PropertyMap, signal: AbortSignal): Promise<CheckResult>;
  check(request: CheckRequest): Promise<CheckResult>;
  diff(request: DiffRequest): Promise<DiffResult>;
  create(request: CreateRequest): Promise<CreateResult>;
  /** Undefined when the resource no longer exists. */
  read(request: ReadRequest): Promise<ReadResult | undefined>;
  update(request: UpdateRequest): Promise<PropertyMap>;
  delete(request: DeleteRequest): Promise<void>;
}

/**
 * The resource exists but is not in the desired state, e.g. a Deployment that never became ready.
 * The engine saves the outputs, and the next update continues from there.
 */
export class PartialFailure extends Error {
  readonly id: string;
  readonly outputs: PropertyMap;
  /** Inputs to save; empty saves the ones of the request. */
  readonly inputs: PropertyMap;
  readonly reasons: string[];

  constructor(
    message: string,
    details: { id: string; outputs: PropertyMap; inputs?: PropertyMap; reasons: string[] },
  ) {
    super(message);
    this.name = "PartialFailure";
    this.id = details.id;
    this.outputs = details.outputs;
    this.inputs = details.inputs ?? {};
    this.reasons = details.reasons;
  }
}
