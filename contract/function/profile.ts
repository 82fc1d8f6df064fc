/**
 * Profile, `openfaas.com/v1`: what an administrator offers to functions that Kubernetes' own API
 * has and a function has not. A function names them by an annotation. The fields are those of
 * OpenFaaS' documentation (reference, profiles), and `containerSecurityContext`.
 */
import { type Static, Type } from "typebox";
import { type Finding, quote, toField } from "../finding.ts";
import { ANNOTATION, CRD } from "../names.ts";
import { findSchemaMistakes } from "../schema-findings.ts";
import { Quantity, SecretName as ObjectName } from "../syntax.ts";
import { Affinity, LabelSelector } from "./affinity.ts";
import { CLOSED, listOf, oneOf, Text, toCount } from "./profile-fields.ts";
import type { ObjectMetadata } from "./schema.ts";

export const PROFILE = { ...CRD, kind: "Profile", plural: "profiles" } as const;

/** Names with commas between them, as the annotation has them. */
export const PROFILE_NAMES = "^[a-z0-9][-.a-z0-9]*(, ?[a-z0-9][-.a-z0-9]*)*$";

/** Longest text of names. */
export const MAX_PROFILE_NAMES = 512;

const Toleration = Type.Object(
  {
    key: Type.Optional(Text),
    operator: Type.Optional(oneOf("Equal", "Exists")),
    value: Type.Optional(Type.String({ minLength: 0, maxLength: 63, description: "a text" })),
    effect: Type.Optional(oneOf("NoSchedule", "PreferNoSchedule", "NoExecute")),
    tolerationSeconds: Type.Optional(Type.Integer()),
  },
  { ...CLOSED, description: "a toleration" },
);

const TopologySpreadConstraint = Type.Object(
  {
    maxSkew: toCount(1),
    topologyKey: Text,
    whenUnsatisfiable: oneOf("DoNotSchedule", "ScheduleAnyway"),
    /** @default the pods of the function */
    labelSelector: Type.Optional(LabelSelector),
    minDomains: Type.Optional(toCount(1)),
    nodeAffinityPolicy: Type.Optional(oneOf("Honor", "Ignore")),
    nodeTaintsPolicy: Type.Optional(oneOf("Honor", "Ignore")),
    matchLabelKeys: Type.Optional(listOf(Text)),
  },
  { ...CLOSED, description: "a topology spread constraint" },
);

const Value = Type.String({ minLength: 0, maxLength: 253, description: "a text" });

const Sysctl = Type.Object({ name: Text, value: Value }, { ...CLOSED, description: "name, value" });

const DnsOption = Type.Object(
  { name: Text, value: Type.Optional(Value) },
  { ...CLOSED, description: "name, value" },
);

const DnsConfig = Type.Object(
  {
    nameservers: Type.Optional(Type.Array(Text, { maxItems: 3, description: "at most 3 texts" })),
    searches: Type.Optional(listOf(Text)),
    options: Type.Optional(listOf(DnsOption)),
  },
  { ...CLOSED, description: "nameservers, searches, options" },
);

const LocalProfile = Type.Object(
  {
    type: oneOf("RuntimeDefault", "Localhost", "Unconfined"),
    localhostProfile: Type.Optional(Text),
  },
  { ...CLOSED, description: "type, localhostProfile" },
);

const Identity = {
  runAsUser: Type.Optional(toCount(0)),
  runAsGroup: Type.Optional(toCount(0)),
  runAsNonRoot: Type.Optional(Type.Boolean()),
  seccompProfile: Type.Optional(LocalProfile),
  appArmorProfile: Type.Optional(LocalProfile),
  seLinuxOptions: Type.Optional(
    Type.Object(
      {
        level: Type.Optional(Text),
        role: Type.Optional(Text),
        type: Type.Optional(Text),
        user: Type.Optional(Text),
      },
      { ...CLOSED, description: "level, role, type, user" },
    ),
  ),
};

const PodSecurityContext = Type.Object(
  {
    ...Identity,
    fsGroup: Type.Optional(toCount(0)),
    fsGroupChangePolicy: Type.Optional(oneOf("OnRootMismatch", "Always")),
    supplementalGroups: Type.Optional(listOf(toCount(0))),
    supplementalGroupsPolicy: Type.Optional(oneOf("Merge", "Strict")),
    sysctls: Type.Optional(listOf(Sysctl)),
  },
  { ...CLOSED, description: "fields of a PodSecurityContext" },
);

const ContainerSecurityContext = Type.Object(
  {
    ...Identity,
    readOnlyRootFilesystem: Type.Optional(Type.Boolean()),
    allowPrivilegeEscalation: Type.Optional(Type.Boolean()),
    privileged: Type.Optional(Type.Boolean()),
    capabilities: Type.Optional(
      Type.Object(
        { add: Type.Optional(listOf(Text)), drop: Type.Optional(listOf(Text)) },
        { ...CLOSED, description: "add, drop" },
      ),
    ),
  },
  { ...CLOSED, description: "fields of a SecurityContext" },
);

/** Any resource, e.g. `nvidia.com/gpu`. */
const Quantities = Type.Record(Type.String(), Quantity, { description: "quantities by resource" });

/** `spec` of a Profile: each field as Kubernetes has it. */
export const ProfileSpec = Type.Object(
  {
    tolerations: Type.Optional(listOf(Toleration)),
    affinity: Type.Optional(Affinity),
    /** They take the place of the one that spreads pods over nodes. */
    topologySpreadConstraints: Type.Optional(listOf(TopologySpreadConstraint)),
    runtimeClassName: Type.Optional(ObjectName),
    priorityClassName: Type.Optional(ObjectName),
    dnsPolicy: Type.Optional(oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")),
    dnsConfig: Type.Optional(DnsConfig),
    podSecurityContext: Type.Optional(PodSecurityContext),
    containerSecurityContext: Type.Optional(ContainerSecurityContext),
    /** Of each resource that the function says nothing of. */
    resources: Type.Optional(
      Type.Object(
        { limits: Type.Optional(Quantities), requests: Type.Optional(Quantities) },
        { ...CLOSED, description: "limits, requests" },
      ),
    ),
    strategy: Type.Optional(
      Type.Object(
        { type: oneOf("RollingUpdate", "Recreate") },
        { ...CLOSED, description: "type: RollingUpdate or Recreate" },
      ),
    ),
  },
  {
    ...CLOSED,
    description:
      "fields of pods: tolerations, affinity, topologySpreadConstraints, runtimeClassName, " +
      "priorityClassName, dnsPolicy, dnsConfig, podSecurityContext, containerSecurityContext, " +
      "resources, strategy",
  },
);
export type ProfileSpec = Static<typeof ProfileSpec>;

/** A Profile as the API server gives it. */
export interface ProfileResource {
  metadata: ObjectMetadata;
  spec?: ProfileSpec;
}

/** What is wrong with a profile. */
export function findProfileMistakes(spec: ProfileSpec): Finding[] {
  const mistakes = findSchemaMistakes(ProfileSpec, spec, { root: "spec", isShown: () => true });
  return mistakes.length > 0 ? mistakes : findRepeatedConstraints(spec);
}

/** The API server knows them by these two fields (PodSpec.topologySpreadConstraints). */
function findRepeatedConstraints({ topologySpreadConstraints = [] }: ProfileSpec): Finding[] {
  const keys = topologySpreadConstraints.map(
    ({ topologyKey, whenUnsatisfiable }) => `${topologyKey} ${whenUnsatisfiable}`,
  );
  return keys.flatMap((key, index) =>
    keys.indexOf(key) === index
      ? []
      : {
          field: `topologySpreadConstraints[${index}]`,
          expected: "another topologyKey or whenUnsatisfiable than those before it",
          got: quote(key),
        },
  );
}

/** Names of the profiles that a function has, in order, each once. */
export function readProfileNames(
  annotations: Readonly<Partial<Record<string, string>>> = {},
): string[] {
  const text = annotations[ANNOTATION.profile] ?? "";
  return [...new Set(text.split(",").flatMap((name) => name.trim() || []))];
}

/**
 * What is wrong with a function's annotation: that there is no profile of a name; undefined where
 * there are all of them.
 */
export function findUnknownProfile(
  annotations: Readonly<Partial<Record<string, string>>> | undefined,
  known: readonly string[],
): Finding | undefined {
  const unknown = readProfileNames(annotations).filter((name) => !known.includes(name));
  const names = known.length === 0 ? "there are none" : known.join(", ");
  return unknown.length === 0
    ? undefined
    : {
        field: toField(["annotations", ANNOTATION.profile]),
        expected: `profiles of the platform (${names})`,
        got: unknown.map(quote).join(", "),
      };
}

/**
 * Several profiles as one: what a later one says takes the place of what those before it say, field
 * by field; of contexts, DNS and affinity the fields within, of resources each; tolerations add up.
 */
export function mergeProfiles(specs: readonly ProfileSpec[]): ProfileSpec {
  return specs.reduce((before, next) => {
    const merged: Record<string, unknown> = { ...before, ...next };
    for (const field of JOINED) {
      if (before[field] !== undefined && next[field] !== undefined) {
        merged[field] = { ...before[field], ...next[field] };
      }
    }
    if (before.resources !== undefined && next.resources !== undefined) {
      merged["resources"] = mergeResources(before.resources, next.resources);
    }
    const tolerations = [...(before.tolerations ?? []), ...(next.tolerations ?? [])];
    return { ...merged, ...(tolerations.length > 0 && { tolerations }) };
  }, {});
}

const JOINED = ["affinity", "dnsConfig", "podSecurityContext", "containerSecurityContext"] as const;

type ProfileResources = NonNullable<ProfileSpec["resources"]>;

/** Limit and request of each resource that `next` names, and what `before` has of others. */
function mergeResources(before: ProfileResources, next: ProfileResources): ProfileResources {
  const named = Object.keys({ ...next.limits, ...next.requests });
  const keep = (quantities: Record<string, string> = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(quantities).filter(([name]) => !named.includes(name)));
  return {
    limits: { ...keep(before.limits), ...next.limits },
    requests: { ...keep(before.requests), ...next.requests },
  };
}
