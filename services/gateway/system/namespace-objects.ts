/** Namespaces as the REST API writes and shows them: what was sent, and nothing of ours. */
import {
  ANNOTATION,
  FIELD_MANAGER,
  type FunctionNamespace,
  isFunctionNamespace,
  isMarked,
  type PlatformNamespaces,
  POD_SECURITY,
  PREPARED,
} from "../../../contract/index.ts";
import { failures, HttpError } from "../errors.ts";

const FIELDS = ["labels", "annotations"] as const;
type Field = (typeof FIELDS)[number];
type Values = Record<string, string>;

/** A Namespace as the API server gives it. */
export interface StoredNamespace {
  metadata: {
    name: string;
    resourceVersion?: string;
    deletionTimestamp?: string;
    labels?: Values;
    annotations?: Values;
    managedFields?: ManagedField[];
  };
}

interface ManagedField {
  manager?: string;
  fieldsV1?: { "f:metadata"?: Record<`f:${Field}`, Record<string, unknown> | undefined> };
}

/** Keys that the platform, Kubernetes and Pulumi alone write. */
const RESERVED = /^(pod-security\.kubernetes\.io|plonk|([-a-z0-9]+\.)*pulumi\.com)\//;
const RESERVED_KEYS = ["kubernetes.io/metadata.name", PREPARED];

/** Keys that tools leave on any namespace; shown only where the REST API wrote them. */
const SYSTEM = /^([-a-z0-9]+\.)*(kubernetes\.io|k8s\.io)\//;

function isReserved(key: string): boolean {
  return RESERVED.test(key) || RESERVED_KEYS.includes(key);
}

/** Throws a BadRequest for keys that are not the caller's to write. */
export function refuseReserved(sent: Partial<FunctionNamespace>): void {
  for (const field of FIELDS) {
    const key = Object.keys(sent[field] ?? {}).find(isReserved);
    if (key !== undefined) {
      throw new HttpError(
        failures.badRequest(`${field}: expected none of the platform's keys, got ${key}`),
      );
    }
  }
}

/** The Namespace to create. Throws a BadRequest for one that would not be for functions. */
export function toNewNamespace(sent: FunctionNamespace, places: PlatformNamespaces): unknown {
  refuseReserved(sent);
  if (!isMarked(sent)) {
    const mark = ANNOTATION.functionNamespace;
    throw new HttpError(
      failures.badRequest(`labels, annotations: expected ${mark}: "1" in one of them, got none`),
    );
  }
  const { name, labels, annotations = {} } = sent;
  if (!isFunctionNamespace(sent, places)) {
    throw new HttpError(
      failures.badRequest(`name: expected none of Kubernetes' or the platform's own, got ${name}`),
    );
  }
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, annotations, labels: { ...labels, ...POD_SECURITY } },
  };
}

/** The namespace as it is shown; what was not sent is not there. */
export function toFunctionNamespace(stored: StoredNamespace): FunctionNamespace {
  const shown = FIELDS.map((field) => {
    const own = ownKeys(stored, field);
    const values = Object.entries(stored.metadata[field] ?? {}).filter(
      ([key]) => !isReserved(key) && (own.has(key) || !SYSTEM.test(key)),
    );
    return [field, Object.fromEntries(values)] as const;
  });
  return {
    name: stored.metadata.name,
    ...Object.fromEntries(shown.filter(([, values]) => Object.keys(values).length > 0)),
  };
}

/**
 * A merge patch that replaces what the REST API wrote before by what is sent now. The mark stays,
 * and so does what others wrote: a value of theirs that is to be another one is a Conflict.
 */
export function toNamespacePatch(
  stored: StoredNamespace,
  sent: Pick<FunctionNamespace, Field>,
): unknown {
  refuseReserved(sent);
  const { name, resourceVersion } = stored.metadata;
  const wanted = isMarked({ name, ...sent })
    ? sent
    : {
        ...sent,
        annotations: { ...sent.annotations, [ANNOTATION.functionNamespace]: "1" },
      };
  const changes = FIELDS.map((field): [Field, Record<string, string | null>] => {
    const values = wanted[field] ?? {};
    const own = ownKeys(stored, field);
    refuseForeign(stored, field, values);
    const dropped = [...own].filter((key) => !isReserved(key) && !Object.hasOwn(values, key));
    return [field, { ...Object.fromEntries(dropped.map((key) => [key, null])), ...values }];
  });
  return { metadata: { resourceVersion, ...Object.fromEntries(changes) } };
}

function refuseForeign(stored: StoredNamespace, field: Field, values: Values): void {
  const own = ownKeys(stored, field);
  const known = stored.metadata[field] ?? {};
  for (const [key, value] of Object.entries(values)) {
    if (!own.has(key) && Object.hasOwn(known, key) && known[key] !== value) {
      const owner = writersOf(stored, field, key)[0] ?? "somebody else";
      throw new HttpError(
        failures.conflict(
          `${field}: ${key} of namespace ${stored.metadata.name} was set by ${owner}: change it there`,
        ),
      );
    }
  }
}

/** Keys that the REST API wrote last. */
function ownKeys(stored: StoredNamespace, field: Field): Set<string> {
  const { managedFields = [] } = stored.metadata;
  return new Set(
    managedFields
      .filter(({ manager }) => manager === FIELD_MANAGER.gateway)
      .flatMap((entry) => Object.keys(fieldsOf(entry, field)))
      .filter((key) => key.startsWith("f:"))
      .map((key) => key.slice(2)),
  );
}

function writersOf({ metadata }: StoredNamespace, field: Field, key: string): string[] {
  return (metadata.managedFields ?? [])
    .filter((entry) => `f:${key}` in fieldsOf(entry, field))
    .flatMap(({ manager }) => manager ?? []);
}

function fieldsOf({ fieldsV1 }: ManagedField, field: Field): Record<string, unknown> {
  return fieldsV1?.["f:metadata"]?.[`f:${field}`] ?? {};
}
