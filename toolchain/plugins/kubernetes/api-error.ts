/** What the API server answered when it refused, and what to say about it. */
import { getItems, getNumber, getString } from "./metadata.ts";
import type { Bag } from "../lib/values.ts";

/** A `Status` of the API server (or another answer that is no success). */
export class ApiError extends Error {
  /** HTTP status. */
  readonly code: number;
  /** Machine-readable word, e.g. `Conflict`, `AlreadyExists`. */
  readonly reason: string;
  readonly causes: readonly { reason: string; message: string; field: string }[];

  constructor(code: number, status: Bag) {
    super(getString(status, "message") ?? `HTTP status ${String(code)}`);
    this.name = "ApiError";
    this.code = getNumber(status, "code") ?? code;
    this.reason = getString(status, "reason") ?? "";
    this.causes = getItems(status, "details", "causes").map((cause) => ({
      reason: getString(cause, "reason") ?? "",
      message: getString(cause, "message") ?? "",
      field: getString(cause, "field") ?? "",
    }));
  }
}

/** The cluster cannot be reached at all. */
export class UnreachableError extends Error {
  constructor(server: string, cause: unknown) {
    super(
      `Kubernetes cluster ${server} cannot be reached: ${toReason(cause)}. If the cluster is gone ` +
        "for good, set PULUMI_K8S_DELETE_UNREACHABLE=true to drop its resources from the state",
      { cause },
    );
    this.name = "UnreachableError";
  }
}

/** The kind is not served: its CustomResourceDefinition is missing. */
export class NoKindError extends Error {
  constructor(apiVersion: string, kind: string) {
    super(`kind: expected a kind that the cluster serves, got ${kind} in ${apiVersion}`);
    this.name = "NoKindError";
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof NoKindError || (error instanceof ApiError && error.code === 404);
}

/** True for a 404 that is about the namespace and not about the object. */
export function isNamespaceMissing(error: unknown): boolean {
  return (
    error instanceof ApiError && error.code === 404 && error.message.startsWith('namespaces "')
  );
}

/** True while a namespace of the same name is still being deleted. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.causes.some(({ reason }) => reason === "NamespaceTerminating")
  );
}

export function isFieldConflict(error: unknown): error is ApiError {
  return (
    error instanceof ApiError &&
    error.code === 409 &&
    error.causes.some(({ reason }) => reason === "FieldManagerConflict")
  );
}

/** Fields and managers of a server-side apply conflict, with the ways out. */
export function describeConflict(error: ApiError): string {
  const lines = error.causes.map(({ field, message }) => {
    const manager = /conflict with ("[^"]*")/.exec(message)?.[1] ?? "another field manager";
    return `${field.replace(/^\./, "")} is managed by ${manager}`;
  });
  return (
    `another field manager owns what is to be applied: ${lines.join("; ")}. Leave the field out, ` +
    'or take it over with the annotation pulumi.com/patchForce: "true"'
  );
}

function toReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof AggregateError && cause.errors.length > 0) return toReason(cause.errors[0]);
  return cause.message;
}
