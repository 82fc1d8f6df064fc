/**
 * What profiles may say of a function's pods, and what holds where they say nothing: where they run
 * and what they may do. What the function says itself goes before.
 */
import type {
  V1PodSecurityContext,
  V1PodSpec,
  V1ResourceRequirements,
  V1SecurityContext,
  V1TopologySpreadConstraint,
} from "@kubernetes/client-node";
import {
  ANNOTATION,
  type FunctionResource,
  LABEL,
  type ProfileSpec,
} from "../../../../contract/index.ts";
import type { Plain } from "../../kubernetes/types.ts";
import { toNodeSelector } from "../../validate.ts";

/** The unprivileged user of all Plonk images; a number, since kubelet cannot check names. */
const USER = 65532;

/** Defaults for what a Function leaves out. No CPU limit: it would slow the start down. */
const DEFAULT_REQUESTS: Record<string, string> = { cpu: "20m", memory: "64Mi" };
const DEFAULT_LIMITS: Record<string, string> = { memory: "256Mi" };

/** Where pods run, and what else they take from profiles as it is. */
export function toPlacement(
  { spec }: FunctionResource,
  profile: ProfileSpec,
): Partial<Plain<V1PodSpec>> {
  const { tolerations, affinity, runtimeClassName, priorityClassName, dnsPolicy, dnsConfig } =
    profile;
  const nodeSelector = toNodeSelector(spec.constraints ?? []);
  const given = {
    tolerations,
    affinity: affinity && withOwnPods(affinity, spec.name),
    runtimeClassName,
    priorityClassName,
    dnsPolicy,
    dnsConfig,
  };
  return {
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...dropUndefined(given as Partial<Plain<V1PodSpec>>),
    topologySpreadConstraints: toSpread(spec.name, profile),
  };
}

type Affinity = NonNullable<ProfileSpec["affinity"]>;
type PodAffinity = NonNullable<Affinity["podAffinity"]>;

/** Without a selector a term would be about no pods at all. */
function withOwnPods(
  { podAffinity, podAntiAffinity, ...others }: Affinity,
  name: string,
): Affinity {
  const labelSelector = toSelector(name);
  const complete = ({
    requiredDuringSchedulingIgnoredDuringExecution: required,
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
  }: PodAffinity): PodAffinity => ({
    ...(required && {
      requiredDuringSchedulingIgnoredDuringExecution: required.map((term) => ({
        labelSelector,
        ...term,
      })),
    }),
    ...(preferred && {
      preferredDuringSchedulingIgnoredDuringExecution: preferred.map((it) => ({
        ...it,
        podAffinityTerm: { labelSelector, ...it.podAffinityTerm },
      })),
    }),
  });
  return {
    ...others,
    ...(podAffinity && { podAffinity: complete(podAffinity) }),
    ...(podAntiAffinity && { podAntiAffinity: complete(podAntiAffinity) }),
  };
}

/** The function's own pods. */
function toSelector(name: string): { matchLabels: Record<string, string> } {
  return { matchLabels: { [LABEL.function]: name } };
}

/** Over nodes, as far as that goes, unless a profile says something else. */
function toSpread(name: string, profile: ProfileSpec): Plain<V1TopologySpreadConstraint>[] {
  const labelSelector = toSelector(name);
  const constraints = profile.topologySpreadConstraints ?? [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      matchLabelKeys: ["pod-template-hash"],
    },
  ];
  // Without a selector one would count no pods at all.
  return constraints.map((constraint) => ({ labelSelector, ...constraint }));
}

/**
 * The pod's security context, by the restricted standard unless a profile says something else. The
 * image's own user and group are nobody's to know before a node has it: kubelet refuses one that is
 * root, or a name. Files of another user's may be of its group, which the image knows, too.
 */
export function toPodSecurity(
  { spec }: FunctionResource,
  { podSecurityContext = {} }: ProfileSpec,
): Plain<V1PodSecurityContext> {
  const wanted = spec.annotations?.[ANNOTATION.user];
  const { runAsUser, runAsGroup, ...others } = podSecurityContext;
  const user = {
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
  };
  return {
    runAsNonRoot: true,
    ...(wanted === undefined && { runAsUser: USER, runAsGroup: USER }),
    fsGroup: USER,
    seccompProfile: { type: "RuntimeDefault" },
    ...others,
    ...(wanted !== "image" && user),
    ...(wanted !== undefined && wanted !== "image" && { runAsUser: Number(wanted) }),
  };
}

/** The container's security context. */
export function toContainerSecurity(
  resource: FunctionResource,
  profile: ProfileSpec,
): Plain<V1SecurityContext> {
  const { capabilities, runAsUser, runAsGroup, ...others } = profile.containerSecurityContext ?? {};
  // The pod's is the one that the function names.
  const isNamed = resource.spec.annotations?.[ANNOTATION.user] !== undefined;
  return {
    allowPrivilegeEscalation: mustEscalate(profile),
    ...others,
    ...(runAsUser !== undefined && !isNamed && { runAsUser }),
    ...(runAsGroup !== undefined && !isNamed && { runAsGroup }),
    capabilities: { drop: ["ALL"], ...capabilities },
    readOnlyRootFilesystem: hasReadOnlyRoot(resource, profile),
  };
}

/** Whether Kubernetes refuses a container that may not. */
function mustEscalate({ containerSecurityContext = {} }: ProfileSpec): boolean {
  const { privileged = false, capabilities } = containerSecurityContext;
  return privileged || (capabilities?.add?.includes("CAP_SYS_ADMIN") ?? false);
}

/** Whether only `/tmp` can be written. */
export function hasReadOnlyRoot({ spec }: FunctionResource, profile: ProfileSpec): boolean {
  return (
    spec.readOnlyRootFilesystem ??
    profile.containerSecurityContext?.readOnlyRootFilesystem ??
    spec.code !== undefined
  );
}

/**
 * A profile's values, and defaults, apply to each resource that the Function leaves out entirely:
 * next to a limit, Kubernetes takes the limit for the request, and a default could contradict what
 * is given.
 */
export function toResources(
  { spec }: FunctionResource,
  { resources = {} }: ProfileSpec,
): Plain<V1ResourceRequirements> {
  const own = addSilent({ limits: spec.limits, requests: spec.requests }, resources);
  const { limits, requests } = addSilent(own, {
    limits: DEFAULT_LIMITS,
    requests: DEFAULT_REQUESTS,
  });
  return {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

/** Quantities by resource. */
interface Resources {
  limits?: object | undefined;
  requests?: object | undefined;
}

/** `given`, and of `others` those resources that it says nothing of. */
function addSilent(
  { limits = {}, requests = {} }: Resources,
  others: Resources,
): Record<"limits" | "requests", Record<string, string>> {
  const add = (map: object, more: object = {}): Record<string, string> => {
    const silent = Object.entries(more).filter(([name]) => !(name in limits || name in requests));
    return { ...map, ...(Object.fromEntries(silent) as Record<string, string>) };
  };
  return { limits: add(limits, others.limits), requests: add(requests, others.requests) };
}

function dropUndefined<T extends object>(fields: T): T {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}
