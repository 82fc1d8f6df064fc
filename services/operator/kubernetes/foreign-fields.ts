/**
 * What others have written into the spec of an object that is the operator's. The API server keeps
 * who has set which fields (`managedFields`, KEP-555); what it fills in by itself, and what
 * admission adds, is nobody's.
 */
import { FIELD_MANAGER } from "../../../contract/index.ts";
import type { Fields, ManagedFields } from "./types.ts";

/** Names of fields, from the outermost one in. */
export type FieldPath = readonly string[];

/** Fields of a Deployment that are not the operator's alone. */
export const DEPLOYMENT_SHARED: readonly FieldPath[] = [
  // Autoscalers write them; the operator writes them from the Function whenever it applies.
  ["spec", "replicas"],
  // By it `kubectl rollout restart` asks for new pods.
  ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"],
];

/** Fields of a Service that the API server allocates. */
export const SERVICE_SHARED: readonly FieldPath[] = [
  ["spec", "clusterIP"],
  ["spec", "clusterIPs"],
  ["spec", "ipFamilies"],
  ["spec", "ipFamilyPolicy"],
];

/**
 * The fields, each as `spec.x.y (manager)`, that others own and the operator does not: what they
 * added, and what they changed. Of things that they added whole the outermost is named.
 */
export function findForeignFields(
  managed: readonly ManagedFields[] = [],
  shared: readonly FieldPath[] = [],
): string[] {
  const own = managed.find(isOwn)?.fieldsV1?.["f:spec"] ?? {};
  const exempt = shared.map((path) => path.map((name) => `f:${name}`));
  const theirs = managed.filter((it) => !isOwn(it) && (it.subresource ?? "") === "");
  const found = theirs.flatMap(({ manager = "unknown", fieldsV1 }) =>
    findBeyond(fieldsV1?.["f:spec"] ?? {}, own, { path: ["f:spec"], exempt }).map(
      (path) => `${toText(path)} (${manager})`,
    ),
  );
  return [...new Set(found)];
}

function isOwn({ manager, operation, subresource = "" }: ManagedFields): boolean {
  return manager === FIELD_MANAGER.operator && operation === "Apply" && subresource === "";
}

interface Place {
  path: FieldPath;
  exempt: readonly FieldPath[];
}

function findBeyond(theirs: Fields, own: Fields, { path, exempt }: Place): FieldPath[] {
  return Object.entries(theirs)
    .filter(([key]) => key !== ".")
    .flatMap(([key, below]) => {
      const at = [...path, key];
      const leading = exempt.filter((other) => at.every((name, index) => other[index] === name));
      if (leading.some(({ length }) => length === at.length)) {
        return [];
      }
      return own[key] === undefined && leading.length === 0
        ? [at]
        : findBeyond(below, own[key] ?? {}, { path: at, exempt });
    });
}

/** `spec.template.spec.containers[name].env[X]`. */
function toText(path: FieldPath): string {
  return path.map(toSegment).join("").slice(1);
}

/** In `fieldsV1`, `f:` is a field, `k:` the keys of an item, `v:` a value and `i:` an index. */
function toSegment(key: string): string {
  const text = key.slice(2);
  if (key.startsWith("f:")) {
    return /^[\w-]+$/.test(text) ? `.${text}` : `[${text}]`;
  }
  if (key.startsWith("k:")) {
    return `[${Object.values(JSON.parse(text) as object).join(",")}]`;
  }
  return `[${text}]`;
}

type Tree = Record<string, unknown>;

/** A copy of `to` with those fields that `from` has. */
export function copyFields(from: object, to: object, paths: readonly FieldPath[]): object {
  const copy = structuredClone(to) as Tree;
  for (const path of paths) {
    const value = path.reduce<unknown>((at, name) => (at as Tree | undefined)?.[name], from);
    if (value !== undefined) {
      setField(copy, path, value);
    }
  }
  return copy;
}

function setField(tree: Tree, path: FieldPath, value: unknown): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    tree[name] = value;
  } else {
    const below = (tree[name] ??= {}) as Tree;
    setField(below, rest, value);
  }
}
