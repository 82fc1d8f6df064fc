/** Pod template of a function: its container, mounts and the restricted security settings. */
import type {
  V1Container,
  V1EnvVar,
  V1PodSecurityContext,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ResourceRequirements,
  V1Volume,
  V1VolumeMount,
} from "@kubernetes/client-node";
import { toLiteral } from "../../../../contract/environment/literal.ts";
import { WATCHDOG_ENV } from "../../../../contract/environment/watchdog.ts";
import {
  ANNOTATION,
  type CallTimeouts,
  codePath,
  drainMs,
  FUNCTION_PATHS,
  type FunctionResource,
  LABEL,
  PORT,
  PRE_STOP_SECONDS,
  pullPolicy,
  watchdogTimeouts,
} from "../../../../contract/index.ts";
import type { Plain } from "../../kubernetes/types.ts";
import { toNodeSelector } from "../../validate.ts";
import { toProbes } from "./probes.ts";

/** The unprivileged user of all Plonk images; a number, since kubelet cannot check names. */
const USER = 65532;

/** What a watchdog needs beside its calls to stop: its own delay, and some slack. */
const STOP_SECONDS = 7;

/** Defaults for what a Function leaves out. No CPU limit: it would slow the start down. */
const DEFAULT_REQUESTS: Record<string, string> = { cpu: "20m", memory: "64Mi" };
const DEFAULT_MEMORY_LIMIT = "256Mi";

/** Keys that only the platform reads: a change of them must not start new pods. */
const PLATFORM_KEYS =
  /^(com\.openfaas\.|plonk\/|pulumi\.com\/|kubectl\.kubernetes\.io\/)|^(topic|schedule)$/;

/** Secrets with logins to registries. */
export interface RegistryLogins {
  /** Those of the function's `secrets` that are such: they are no files for it. */
  own: readonly string[];
  /** Those of all functions, where their namespace has them. */
  common: readonly string[];
}

/** The pod template; equal Functions give equal templates, so that nothing restarts needlessly. */
export function toPodTemplate(
  resource: FunctionResource,
  timeouts: CallTimeouts,
  { own, common }: RegistryLogins = { own: [], common: [] },
): Plain<V1PodTemplateSpec> {
  const { metadata, spec } = resource;
  const secrets = spec.secrets?.filter((name) => !own.includes(name)) ?? [];
  const mounting = { ...resource, spec: { ...spec, secrets } };
  const restartedAt = metadata.annotations?.[ANNOTATION.restartedAt];
  const annotations = {
    ...dropPlatformKeys(spec.annotations ?? {}),
    ...(restartedAt !== undefined && { [ANNOTATION.restartedAt]: restartedAt }),
  };
  return {
    metadata: {
      labels: { ...dropPlatformKeys(spec.labels ?? {}), [LABEL.function]: spec.name },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      ...toPodSpec(mounting, timeouts),
      ...withItems(
        "imagePullSecrets",
        [...new Set([...own, ...common])].map((name) => ({ name })),
      ),
    },
  };
}

function dropPlatformKeys(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !PLATFORM_KEYS.test(key)));
}

function toPodSpec(resource: FunctionResource, timeouts: CallTimeouts): Plain<V1PodSpec> {
  const { spec } = resource;
  const account = spec.annotations?.[ANNOTATION.serviceAccount];
  const nodeSelector = toNodeSelector(spec.constraints ?? []);
  return {
    // Without the token an account would be a name alone.
    automountServiceAccountToken: account !== undefined,
    enableServiceLinks: false,
    ...(account !== undefined && { serviceAccountName: account }),
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    securityContext: {
      runAsNonRoot: true,
      ...toUser(resource),
      fsGroup: USER,
      seccompProfile: { type: "RuntimeDefault" },
    },
    terminationGracePeriodSeconds: graceSeconds(resource, timeouts),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: { [LABEL.function]: spec.name } },
        matchLabelKeys: ["pod-template-hash"],
      },
    ],
    containers: [toContainer(resource, timeouts)],
    ...withItems("volumes", toVolumes(resource)),
  };
}

/**
 * Who the pods run as. The image's own user and group are nobody's to know before a node has it:
 * kubelet refuses one that is root, or a name. Files of another user's may be of its group, which
 * the image knows, too.
 */
function toUser({
  spec,
}: FunctionResource): Pick<V1PodSecurityContext, "runAsUser" | "runAsGroup"> {
  const wanted = spec.annotations?.[ANNOTATION.user];
  if (wanted === undefined) {
    return { runAsUser: USER, runAsGroup: USER };
  }
  return wanted === "image" ? {} : { runAsUser: Number(wanted) };
}

/** Longer than the longest call, so that none is cut off. */
function graceSeconds({ spec }: FunctionResource, timeouts: CallTimeouts): number {
  return PRE_STOP_SECONDS + STOP_SECONDS + Math.ceil(drainMs(spec, timeouts) / 1000);
}

function toContainer(resource: FunctionResource, timeouts: CallTimeouts): Plain<V1Container> {
  const { spec } = resource;
  return {
    name: spec.name,
    image: spec.image,
    imagePullPolicy: pullPolicy(spec),
    ports: [{ name: "http", containerPort: PORT.function, protocol: "TCP" }],
    env: toEnvironment(resource, timeouts),
    resources: toResources(resource),
    ...toProbes(resource, timeouts),
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: hasReadOnlyRoot(resource),
    },
    // The last lines of the log tell why a function ended.
    terminationMessagePolicy: "FallbackToLogsOnError",
    ...withItems("volumeMounts", toMounts(resource)),
  };
}

function hasReadOnlyRoot({ spec }: FunctionResource): boolean {
  return spec.readOnlyRootFilesystem ?? spec.code !== undefined;
}

function toEnvironment(
  { metadata, spec }: FunctionResource,
  timeouts: CallTimeouts,
): Plain<V1EnvVar>[] {
  const variables: Record<string, string> = {
    // The image's user is not the pod's, and of a read-only root nothing else can be written.
    HOME: FUNCTION_PATHS.home,
    ...spec.environment,
    ...watchdogTimeouts(spec, timeouts),
    ...(spec.handler !== undefined && { [WATCHDOG_ENV.process]: spec.handler }),
    ...(spec.code !== undefined && { [WATCHDOG_ENV.module]: codePath(spec.code) }),
    [WATCHDOG_ENV.name]: spec.name,
    [WATCHDOG_ENV.namespace]: metadata.namespace,
  };
  return Object.keys(variables)
    .sort()
    .map((name) => ({ name, value: toLiteral(variables[name] ?? "") }));
}

/**
 * Defaults apply to each resource that the Function leaves out entirely: next to a limit,
 * Kubernetes takes the limit for the request, and a default could contradict what is given.
 */
function toResources({ spec }: FunctionResource): Plain<V1ResourceRequirements> {
  const { limits = {}, requests = {} } = spec;
  const isSilent = (name: string): boolean => !(name in limits) && !(name in requests);
  const missing = Object.entries(DEFAULT_REQUESTS).filter(([name]) => isSilent(name));
  const allRequests = { ...requests, ...Object.fromEntries(missing) } as Record<string, string>;
  const allLimits = {
    ...limits,
    ...(isSilent("memory") && { memory: DEFAULT_MEMORY_LIMIT }),
  } as Record<string, string>;
  return {
    ...(Object.keys(allRequests).length > 0 && { requests: allRequests }),
    ...(Object.keys(allLimits).length > 0 && { limits: allLimits }),
  };
}

function toVolumes(resource: FunctionResource): Plain<V1Volume>[] {
  const { spec } = resource;
  const secrets = spec.secrets ?? [];
  return [
    ...(spec.code === undefined
      ? []
      : [{ name: "code", configMap: { name: spec.code.configMap, defaultMode: 0o444 } }]),
    ...(secrets.length === 0
      ? []
      : [
          {
            name: "secrets",
            projected: {
              defaultMode: 0o444,
              sources: secrets.map((name) => ({ secret: { name } })),
            },
          },
        ]),
    ...(hasReadOnlyRoot(resource) ? [{ name: "tmp", emptyDir: {} }] : []),
  ];
}

function toMounts(resource: FunctionResource): Plain<V1VolumeMount>[] {
  const { spec } = resource;
  return [
    ...(spec.code === undefined
      ? []
      : [{ name: "code", mountPath: FUNCTION_PATHS.code, readOnly: true }]),
    ...(spec.secrets === undefined || spec.secrets.length === 0
      ? []
      : [{ name: "secrets", mountPath: FUNCTION_PATHS.secrets, readOnly: true }]),
    ...(hasReadOnlyRoot(resource) ? [{ name: "tmp", mountPath: "/tmp" }] : []),
  ];
}

function withItems<K extends string, T>(key: K, items: T[]): Partial<Record<K, T[]>> {
  return items.length === 0 ? {} : ({ [key]: items } as Record<K, T[]>);
}
